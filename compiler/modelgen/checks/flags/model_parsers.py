"""Check the parsers of tool calls and reasoning against the model, by the name of its repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.flags.flag_values import PLUGINS
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.facts import Family
    from modelgen.resolve import Argument

_TOOLS = ("tool-call-parser", "enable-auto-tool-choice")
# Names that projects give to models that were not trained to chat.
_BASE = re.compile(r".*\d+(?:\.\d+)?b.*-(?:base|pt)", re.IGNORECASE)


@rule("MG259", "parser-of-another-model", Severity.WARNING)
def parser_of_another_model(context: Context) -> Iterator[Found]:
    """A `tool-call-parser` or `reasoning-parser` that is for another family of models.

    ## Why
    The engine starts, and clients get each tool call as text, or the reasoning within the answer. Models of one project
    can need different parsers: Qwen3 needs `hermes`, Qwen3-Coder needs `qwen3_coder`. The families are those of the
    documentation of vLLM and SGLang; the model is recognized by the name of its repository.

    ## Bad
    ```toml
    [models.coder]
    repo = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    args = { max-model-len = 65536, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```

    ## Good
    ```toml
    [models.coder]
    repo = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    args = { max-model-len = 65536, enable-auto-tool-choice = true, tool-call-parser = "qwen3_coder" }
    ```
    """
    for name, run in context.runs.items():
        if run.engine is None or not run.engine.parsers or run.model.repo is None:
            continue
        for arg in context.args_of(name):
            family = _family(arg, run.model.repo)
            is_plugged = PLUGINS.get(arg.name) in run.args
            if family is None or arg.value in family.parsers or is_plugged or not isinstance(arg.value, str):
                continue
            # A fine-tune may have another format than its base: Qwen3-8B-xlam.
            rest = re.sub(family.begin, "", _name(run.model.repo), count=1)
            if arg.value not in rest and arg.value in _known(arg):
                text = f"`{arg.value}` does not parse the output of {run.model.repo}"
                yield Found(context.document.at_value(*arg.path), text, _right_parser(arg, family))


@rule("MG260", "tools-on-base-model", Severity.WARNING)
def tools_on_base_model(context: Context) -> Iterator[Found]:
    """Tool calls for a base model, which was not trained to call tools.

    ## Why
    A base model continues text. With a chat template it may answer, but its tool calls are random. The name of the
    repository ends with `-Base` or `-pt`.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-8B-Base"
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-8B"
    args = { max-model-len = 16384, enable-auto-tool-choice = true, tool-call-parser = "hermes" }
    ```
    """
    for name, run in context.runs.items():
        repo = run.model.repo
        if repo is None or not _BASE.fullmatch(repo.rpartition("/")[2]):
            continue
        flags = (arg for arg in context.args_of(name) if arg.name in _TOOLS and arg.is_known and arg.value is not False)
        if (arg := next(flags, None)) is not None:
            yield Found(
                context.document.at_key(*arg.path),
                f"`{arg.key}` is set, but {repo} is a base model, which was not trained to call tools",
                "set `repo` to the instruction-tuned model of this family, or remove the flags for tools",
            )


def _family(arg: Argument, repo: str) -> Family | None:
    """Return the first family that a repository belongs to."""
    name = _name(repo)
    return next((one for one in arg.engine.parsers.get(arg.name, ()) if re.match(one.begin, name)), None)


def _name(repo: str) -> str:
    return repo.rpartition("/")[2].lower()


def _right_parser(arg: Argument, family: Family) -> str:
    """Return which parser to write: the first that the release has, or the release that first has one."""
    known = _known(arg)
    if parser := next((one for one in family.parsers if one in known), None):
        return f'write `{arg.key} = "{parser}"`'
    first = next((release for release, values in arg.catalogue.values(arg.name) if family.parsers[0] in values), None)
    return f"use an image of {first} or newer, which has `{family.parsers[0]}`" if first else "remove it"


def _known(arg: Argument) -> tuple[str, ...]:
    """Return the parsers that the release has."""
    return (*arg.flag.choices, *arg.flag.known) if arg.flag else ()
