"""What README.md and the page about checks show is what the tool prints."""

from __future__ import annotations

import re

import pytest

from compiling import REPOSITORY, build, check
from modelgen.engines import ENGINES

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


CHECKS = (REPOSITORY / "docs/what-it-checks.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


(EXAMPLE,) = blocks(section("Your models"), "toml")
MISTAKEN, GOOD = blocks(CHECKS, "toml")


def test_what_it_checks_is_what_it_says() -> None:
    first, second = blocks(CHECKS, "console")
    assert f"$ modelgen validate\n{check(MISTAKEN)}" == first
    changed = replaced(GOOD, ("[44, 992]", '["video"]'), ("vllm-openai-rocm:", "vllm-openai:"))
    assert f"$ modelgen validate\n{check(changed)}" == second


@pytest.mark.parametrize("toml", [EXAMPLE, GOOD], ids=["quick-start", "what-it-checks"])
def test_what_is_right_is_built(toml: str) -> None:
    assert "error" not in check(toml)
    assert "docker-compose.yml" in build(toml)


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 200
    assert "**One OpenAI-compatible endpoint for all your models, on the GPUs you have.**" in README.splitlines()[:4]


def test_the_good_file_has_no_finding() -> None:
    assert check(GOOD) == ""


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_the_numbers_of_releases(engine: str) -> None:
    catalogue = ENGINES[engine].catalogue
    assert catalogue is not None
    names = catalogue().names
    of = f"{len(names)} releases of vLLM" if engine == "vllm" else f"{len(names)} of SGLang"
    assert f"{of} ({names[0]} to {names[-1]})" in CHECKS


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/weights.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    this = REPOSITORY / page
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", this.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = this.parent / path if path else this
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-").replace(",", "") for heading in headings}, target
