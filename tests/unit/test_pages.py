"""The pages in docs/ say what the tools do: their settings and commands are compared with the code."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

import click
import pytest

from compiling import REPOSITORY, check, complete
from modelgen.cli.app import cli
from modelgen.diagnostics import Severity
from modelgen.diagnostics.examples import VLLM_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
MODELGEN = REPOSITORY / "compiler" / "modelgen"
GENERATED = ("rules.md", "reference/", "failures/")
ELSEWHERE = ("engines/", "explanations/lock.md")  # tests/fuzz compiles the engines' examples; a lock is no models.toml
NAMES = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
PAGES = {
    name: (DOCS / name).read_text(encoding="utf-8") for name in NAMES if not name.startswith((*GENERATED, *ELSEWHERE))
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(name, language, text) for name, page in PAGES.items() for language, text in BLOCK.findall(page)]
# tests/docs locks and builds the recipes; test_readme compares the files of the other page, one of which is wrong.
TESTED = ("recipes/", "what-it-checks.md")
TOML = [text for name, language, text in BLOCKS if language == "toml" and not name.startswith(TESTED)]
SHELL = "".join(text for _, language, text in BLOCKS if language in ("sh", "console"))
QUOTED = [text for page in PAGES.values() for text in re.findall(r"`(modelgen [^`]+)`", BLOCK.sub("", page))]
COMMANDS = sorted({*re.findall(r"^\$? ?(modelgen .*)$", SHELL, re.MULTILINE), *QUOTED})


def pages_in(entry: Any) -> Iterator[str]:  # noqa: ANN401 - what TOML has
    """Yield the pages of an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from pages_in(inner)


@pytest.mark.parametrize(("file", "prefix"), [("README.md", "docs/"), ("docs/index.md", "")])
def test_the_lists_of_pages_have_every_page_of_the_navigation(file: str, prefix: str) -> None:
    """Each recipe is in the list of recipes, and each failure in the list of failures."""
    project = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))["project"]
    navigation = [page for page in pages_in(project["nav"]) if page != "index.md"]
    listed = re.findall(rf"\]\({prefix}([^)#]+\.md)\)", (REPOSITORY / file).read_text(encoding="utf-8"))
    recipes = {page for page in navigation if page.startswith("recipes/")} - {"recipes/index.md"}
    failures = {page for page in navigation if page.startswith("failures/")} - {"failures/index.md"}
    assert set(navigation) - recipes - failures - set(listed) == set()
    assert {f"recipes/{name}" for name in re.findall(r"\]\(([^)/]+\.md)\)", PAGES["recipes/index.md"])} >= recipes


def test_examples_name_one_release_of_vllm() -> None:
    """Others only where the release matters: a mistake that is shown, and an image that lacks a flag."""
    others = {
        *("what-it-checks.md", "guides/upgrading-an-engine.md", "guides/when-a-model-does-not-start.md"),
        "guides/coming-from-compose.md",
    }
    pages = [path for path in sorted(DOCS.rglob("*.md")) if path.name != "rules.md"]
    modules = [MODELGEN / "cli/configuration/starter.toml", MODELGEN / "config/familiar_names.py"]
    image = re.compile(r"""(?:(?:image|reference) += |"image": ')"vllm/vllm-openai(?:-rocm)?:v([^"]+)""")
    found = {path: set(image.findall(path.read_text(encoding="utf-8"))) for path in [*pages, *modules, README]}
    assert all(found[path] for path in modules)
    wrong = {path for path, releases in found.items() if releases - {VLLM_IMAGE.partition(":v")[2]}}
    assert {path.relative_to(DOCS).as_posix() for path in wrong} == others


@pytest.mark.parametrize("fragment", TOML, ids=lambda text: text.splitlines()[0])
def test_settings_are_valid(fragment: str) -> None:
    """A whole file as it is: the one in the guide to `modelgen serve` had an image beside a program without one."""
    from modelgen.pipeline import check_source

    whole = fragment
    if "[project]" not in fragment or "[models." not in fragment:
        # Only Docker needs an image for a program, and `auto` and GGUF files need a lock.
        whole = complete(re.sub(r'^engine += "command"$', r'\g<0>\nimage = "mine:1"', fragment, flags=re.MULTILINE))
    errors = {one.rule for one in check_source(whole.encode()).diagnostics if one.severity is Severity.ERROR}
    assert errors <= {"unknown-need", "no-snapshot"}, check(whole)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line: str) -> None:
    words = [word for word in shlex.split(line, comments=True) if word not in ("modelgen", "…")]
    name, *arguments = words
    command = cli.get_command(click.Context(cli), name)
    while isinstance(command, click.Group) and arguments:
        name, *arguments = arguments
        command = command.get_command(click.Context(command), name)
    assert command is not None, name
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known
