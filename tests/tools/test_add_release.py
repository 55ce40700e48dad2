"""One command adds a release to the catalogue and to the pages; it is repeatable, and writes all or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from test_catalogue_tools import SGLANG, sglang, vllm

import add_release
from compiling import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

README = "Every flag of 9 releases of vLLM (0.1.0 to 0.2.0) and 8 of SGLang (0.1.0 to 0.2.0), with its type.\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    monkeypatch.setattr(add_release, "CATALOGUES", tmp_path)
    monkeypatch.setattr(add_release, "PAGES", tmp_path)
    return tmp_path


def written(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir()) if path.is_file()}


def test_a_release_is_added_to_everything(root: Path) -> None:
    add_release.main(["vllm", "1.0.0", "--source", str(vllm(root))])
    add_release.main(["vllm", "1.1.0", "--source", str(vllm(root, version="1.1.0"))])
    add_release.main(["sglang", "1.0.0", "--source", str(sglang(root))])

    text = (root / "README.md").read_text(encoding="utf-8")
    assert "2 releases of vLLM (1.0.0 to 1.1.0) and 1 of SGLang (1.0.0 to 1.0.0), with" in text
    assert {*written(root)} == {
        "README.md", "sglang_flags.json", "sglang_models.json", "vllm_tables.json", "vllm_flags.json",
        "vllm_models.json", "vllm_variables.json",
    }  # fmt: skip


def test_adding_a_known_release_changes_nothing(root: Path) -> None:
    first, second = str(vllm(root)), str(vllm(root, version="1.1.0"))
    add_release.main(["vllm", "1.0.0", "1.1.0", "--source", first, second])
    before = written(root)

    add_release.main(["vllm", "1.0.0", "--source", first])

    assert written(root) == before


def test_anew_drops_the_other_releases(root: Path) -> None:
    add_release.main(["vllm", "1.0.0", "--source", str(vllm(root))])
    add_release.main(["vllm", "1.1.0", "--anew", "--source", str(vllm(root, version="1.1.0"))])

    assert b'"versions": ["1.1.0"]' in written(root)["vllm_flags.json"]
    assert b'"versions": ["1.1.0"]' in written(root)["vllm_variables.json"]


def test_a_failure_ends_the_command_names_the_source_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = sglang(root)
    bad = sglang(root, SGLANG + '            parser.add_argument("--x", type=odd)\n', version="1.1.0")
    before = written(root)

    with pytest.raises(SystemExit) as caught:
        add_release.main(["sglang", "1.0.0", "1.1.0", "--source", str(good), str(bad)])

    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith(f"{bad}: sglang/srt/server_args.py:")
    assert written(root) == before


@pytest.mark.parametrize(
    ("version", "said"), [("2.0.0", "the sources are those of 1.0.0, not of 2.0.0"), ("2.0.0rc1", "is not a release")]
)
def test_another_version_is_refused(root: Path, capsys: pytest.CaptureFixture[str], version: str, said: str) -> None:
    with pytest.raises(SystemExit):
        add_release.main(["sglang", version, "--source", str(sglang(root))])

    assert said in capsys.readouterr().err


def test_a_page_has_the_sentence_that_is_corrected(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copy(REPOSITORY / "README.md", tmp_path)

    for engine in add_release.ENGINES.values():
        add_release.update_pages(tmp_path, engine.title, ["7.0.0", "8.0.0"])

    pages = [tmp_path / "README.md", *tmp_path.glob("docs/**/*.md")]
    corrected = sum(page.read_text(encoding="utf-8").count("(7.0.0 to 8.0.0)") for page in pages)
    assert corrected >= len(add_release.ENGINES)
