"""The version of an engine that is installed on the host, which `serve` compares with the checked one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelgen.engines import ENGINES
from modelgen.operate.installed import installed_version

if TYPE_CHECKING:
    from pathlib import Path


def environment(folder: Path, version: str) -> Path:
    (folder / "lib" / "python3.12" / "site-packages" / f"vllm-{version}.dist-info").mkdir(parents=True)
    (folder / "lib" / "python3.12" / "site-packages" / "vllm_flash_attn-9.9.dist-info").mkdir()
    (folder / "bin").mkdir()
    return folder


@pytest.mark.parametrize(("version", "found"), [("0.19.0", "0.19.0"), ("0.11.0+cu129", "0.11.0")])
def test_the_package_beside_a_script(tmp_path: Path, version: str, found: str) -> None:
    script = environment(tmp_path, version) / "bin" / "vllm"
    script.write_text("#!/bin/sh\nexit 1\n")  # it is not run
    assert installed_version(ENGINES["vllm"], str(script)) == found


def test_a_script_elsewhere_names_its_interpreter(tmp_path: Path) -> None:
    interpreter = environment(tmp_path / "venv", "0.19.0") / "bin" / "python"
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    script = tmp_path / "tools" / "bin" / "vllm"
    script.write_text(f"#!{interpreter}\n")
    assert installed_version(ENGINES["vllm"], str(script)) == "0.19.0"


@pytest.mark.parametrize("text", [b"", b"#!\n", b"\x7fELF\xff\xfe\x00"])
def test_a_program_of_no_environment(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "vllm").write_bytes(text)
    assert installed_version(ENGINES["vllm"], str(tmp_path / "vllm")) is None
