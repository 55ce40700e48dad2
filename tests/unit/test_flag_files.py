"""A YAML file of flags that `config` names is read as `args`: checked at its own lines, and below models.toml."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING

import pytest

from compiling import complete, modelgen
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.pipeline import Compilation

FILE = """\
[models.qwen]
repo = "Qwen/Qwen3-4B"
gpus = ["gpu0"]
args = { config = "./serving.yaml" }
"""
SERVING = """\
# shared by our hosts
max_model_len: 16384
tensor-parallel-size: 1
enable-prefix-caching: false
no-enable-chunked-prefill: true
allowed-origins: ["https://chat.example"]
speculative-config:
  method: ngram
  num_speculative_tokens: 4
"""


def compiled(toml: str, **files: str) -> Compilation:
    def read(path: str) -> bytes:
        if path not in contents:
            raise FileNotFoundError(ENOENT, "No such file or directory", path)
        return contents[path]

    contents = {f"./{name}.yaml": text.encode() for name, text in files.items()}
    return compile_source(complete(toml).encode(), path="models.toml", read=read)


def found(compilation: Compilation) -> list[tuple[str, str, int]]:
    return [(one.code, one.span.path, one.span.line) for one in compilation.diagnostics]


def command(compilation: Compilation) -> list[str]:
    assert compilation.fleet is not None, compilation.diagnostics
    return [*compilation.fleet.services[0].launch.command]


def test_its_entries_are_written_on_the_command_line_in_every_release() -> None:
    for image in ("v0.10.0", "v0.11.0", "v0.33.0"):
        written = command(compiled(f'[engines.vllm]\nimage = "vllm/vllm-openai:{image}"\n{FILE}', serving=SERVING))
        text = " ".join(written)
        assert "--max-model-len 16384" in text
        assert "--no-enable-prefix-caching --no-enable-chunked-prefill" in text
        assert '--speculative-config {"method":"ngram","num_speculative_tokens":4}' in text
        assert "--config" not in written


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("enable-prefx: 3", "MG216"),
        ("dtype: fp16", "MG215"),
        ("port: 8001", "MG210"),
        ("kv-cache-dtype:", "MG261"),
        ("kv-cache-dtype: 2026-01-01", "MG261"),
        ("max-num-seqs: 99999999999999999999", "MG261"),
        ("max-model-len: 8192", "MG261"),
        ("{max-num-seqs: 3}: 3", "MG261"),
    ],
)
def test_findings_are_at_its_line(line: str, code: str) -> None:
    assert found(compiled(FILE, serving=f"max-model-len: 8192\n\n{line}\n")) == [(code, "serving.yaml", 3)]


def test_models_toml_replaces_an_entry() -> None:
    both = FILE.replace("{ config", "{ max-model-len = 4096, config")
    compilation = compiled(both, serving=SERVING)
    assert found(compilation) == [("MG262", "serving.yaml", 2)]
    assert command(compilation).count("--max-model-len") == 1
    assert "4096" in command(compilation)
    assert found(compiled(both.replace("4096", "16384"), serving=SERVING)) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [("a: [", 1), ('a: 1\nb: "x\n\n', 2), ("- a\n- b\n", 1), ("a: &x 1\nb: *x\n", 1), ("a: 1\n---\nb: 2\n", 3)],
)
def test_what_is_no_file_of_flags(content: str, line: int) -> None:
    assert found(compiled(FILE, serving=content)) == [("MG261", "serving.yaml", line)]


@pytest.mark.parametrize("content", ["max-model-len: 16384\nseed: [\n", "max-model-len:\n"])
def test_a_file_that_is_refused_may_have_the_length(content: str) -> None:
    assert {code for code, _, _ in found(compiled(FILE, serving=content))} == {"MG261"}


@pytest.mark.parametrize("path", ["./other.yaml", "/etc/serving.yaml", "serving.yaml", "./serving.toml"])
def test_a_path_that_is_no_file_is_found_in_models_toml(path: str) -> None:
    assert found(compiled(FILE.replace("./serving.yaml", path), serving=SERVING)) == [("MG261", "models.toml", 4)]


def test_a_file_of_defaults_is_for_the_models_of_their_engine() -> None:
    line = 'args = { config = "./serving.yaml" }\n'
    toml = f"[defaults]\n{line}{FILE.replace(line, '')}"
    assert "16384" in command(compiled(toml, serving="max-model-len: 16384\n"))


def test_a_changed_file_makes_the_build_out_of_date(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(complete(FILE))
    (tmp_path / "serving.yaml").write_text(SERVING)
    assert modelgen("build", cwd=tmp_path).returncode == 0
    assert modelgen("build", "--check", cwd=tmp_path).returncode == 0
    (tmp_path / "serving.yaml").write_text(SERVING.replace("16384", "8192"))
    assert modelgen("build", "--check", cwd=tmp_path).returncode != 0
    assert "--max-model-len: 16384 → 8192" in modelgen("plan", cwd=tmp_path).stdout


def test_upgrade_leaves_the_file_to_its_author(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(complete(FILE))
    (tmp_path / "serving.yaml").write_text("max-model-len: 8192\nswap-space: 4\n")
    shown = modelgen("upgrade", "--to", "vllm=0.33.0", "--check", cwd=tmp_path).stdout
    assert "serving.yaml:2" in shown
    assert (tmp_path / "serving.yaml").read_text() == "max-model-len: 8192\nswap-space: 4\n"
