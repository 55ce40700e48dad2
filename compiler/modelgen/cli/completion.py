"""Complete names of models, profiles, GPUs and rules in a shell.

A shell calls this at every press of Tab, so it reads models.toml without the compiler. It offers nothing for a file
that is missing or broken.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

from modelgen.cli.options import NAME, find_upward, in_folder

if TYPE_CHECKING:
    import click

_PACKAGE = Path(__file__).parents[1]
_RULE = re.compile(r'^@rule\(\s*"(MG\d{3})", "([a-z0-9-]+)"', re.MULTILINE)
# Other names are errors, and some would break the shell's script.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids of models that the line does not have yet."""
    given = ctx.params.get(param.name or "")
    models = _tables(ctx, "models")
    return [
        CompletionItem(name, help=repo if isinstance(repo := _value(models[name], "repo"), str) else None)
        for name in _names(models, incomplete)
        if not isinstance(given, tuple) or name not in given
    ]


def complete_profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of profiles."""
    return [CompletionItem(name) for name in _names(_tables(ctx, "profiles"), incomplete)]


def complete_switch(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of profiles with `--profile`, else the ids of models."""
    complete = complete_profiles if ctx.params.get("profile") else complete_models
    return complete(ctx, param, incomplete)


def complete_gpus(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of GPUs."""
    return [CompletionItem(name) for name in _names(_tables(ctx, "gpus"), incomplete)]


def complete_rules(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the codes of rules, and their names."""
    rules = sorted(find_rules().items())
    items = [CompletionItem(code, help=name) for code, name in rules if code.startswith(incomplete.upper())]
    return items + [
        CompletionItem(name, help=code) for code, name in rules if incomplete and name.startswith(incomplete)
    ]


def find_rules() -> dict[str, str]:
    """Return the names of all rules by code, from the source: importing the rules takes ten times as long."""
    found: dict[str, str] = {}
    for path in _PACKAGE.rglob("*.py"):
        try:
            found.update(_RULE.findall(path.read_text(encoding="utf-8")))
        except OSError:
            continue
    return found


def _names(tables: dict[str, Any], incomplete: str) -> list[str]:
    return [name for name in tables if name.startswith(incomplete) and _NAME.fullmatch(name)]


def _value(table: object, key: str) -> object:
    return table.get(key) if isinstance(table, dict) else None


def _tables(ctx: click.Context, table: str) -> dict[str, Any]:
    """Return the tables of a kind in the models.toml that the line means; empty if it cannot be read."""
    import tomllib

    from modelgen.files import MAX_SOURCE_BYTES

    try:
        given = ctx.params.get("config")
        path = in_folder(given) if given else find_upward(Path()) or Path(NAME)
        with path.open("rb") as file:
            data = file.read(MAX_SOURCE_BYTES)
        found = tomllib.loads(data.decode("utf-8-sig")).get(table)
    except (OSError, ValueError, RecursionError, RuntimeError):
        return {}
    return found if isinstance(found, dict) else {}
