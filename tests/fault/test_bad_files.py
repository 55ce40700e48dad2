"""Files that are no models.toml: a diagnostic with place and code, exit 1, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builds import OLD

from compiling import modelgen

if TYPE_CHECKING:
    from pathlib import Path

BAD = {
    "not UTF-8": (b'[project]\nname = "\xff"\n', "error[MG002 not-utf8]", "models.toml:2:9"),
    "UTF-16": (OLD.encode("utf-16"), "error[MG002 not-utf8]", "models.toml:1:1"),
    "too large": (b"#" * (4 * 2**20 + 1), "error[MG003 file-too-large]", "models.toml:1:1"),
    "deep list": (b"a = " + b"[" * 100_000, "error[MG004 nested-too-deep]", "models.toml:1:1"),
    "deep tables": (b"a = " + b"{a=" * 100 + b"1" + b"}" * 100, "error[MG004 nested-too-deep]", "models.toml:1:"),
    "long key": (b"a." * 2_000_000 + b"a = 1", "error[MG004 nested-too-deep]", "models.toml:1:1"),
    "duplicate key": (b"[project]\nname = 'a'\nname = 'b'\n", "error[MG001 invalid-toml]", "models.toml:3:"),
    "duplicate table": (b"[project]\n[project]\n", "error[MG001 invalid-toml]", "models.toml:2:"),
    "NUL": (b"a = 'x\0y'\n", "error[MG001 invalid-toml]", "models.toml:1:"),
    "half a string": (b'a = "x', "error[MG001 invalid-toml]", "models.toml:1:"),
    "digits": (b"a = " + b"1" * 5000, "error[MG001 invalid-toml]", "models.toml:1:5"),
    "empty": (b"", "error[MG011 missing-key]", "models.toml:1:1"),
}


@pytest.mark.parametrize(("data", "head", "place"), BAD.values(), ids=BAD.keys())
def test_bad_file(tmp_path: Path, data: bytes, head: str, place: str) -> None:
    (tmp_path / "models.toml").write_bytes(data)
    done = modelgen("build", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(head)
    assert f"--> {place}" in done.stderr
    assert done.stderr.count("error[") == 1
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["models.toml"]


def test_crlf_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode())
    done = modelgen("build", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "build: 2 files written\n")
