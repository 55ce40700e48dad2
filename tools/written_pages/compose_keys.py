"""Write docs/reference/compose-keys.md: the keys of `[models.ID.compose]`, and those that modelgen sets itself."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from modelgen.config.compose import ComposeKeys
from modelgen.config.owned_compose_keys import OWNED
from written_pages.keys import Key, keys_of, shown_default, tables_in
from written_pages.markdown import block, code, mark, rule_link, toml
from written_pages.rule_places import rules_by_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.config.table import Table
    from modelgen.diagnostics import Rule

_TABLE = "models.ID.compose"
_INTRO = """\
# Keys of a Compose service

`[models.ID.compose]` adds keys to the service of a model, and `[orchestrator.compose]` to that of the orchestrator.
They have Compose's own names and types: tables may be written as arrays of `"KEY=VALUE"`, and single strings instead of
arrays, where Compose accepts it. For a key without a default here, Docker's own default applies.

```toml
[models.text-4b.compose]
shm_size = "16gb"
labels   = { "com.example.team" = "ml" }
volumes  = ["./data:/data:ro"]
```

What is not here can be written in a `docker-compose.override.yml` beside the output, which all commands respect.

"""
_OWN = """\
## Keys that modelgen sets

These keys are refused, since modelgen sets them or they would break the deployment.

"""


def write() -> str:
    """Return the page."""
    rules = rules_by_key()
    parts = [mark("compiler/modelgen/config/compose.py"), _INTRO]
    for key in keys_of(ComposeKeys):
        parts += _section(key, rules)
    parts.append(_OWN)
    parts += [f"- {code(key)}: {instead}.\n" for key, instead in OWNED.items()]
    return "".join([*parts, "\n", _of(rules.get(f"{_TABLE}", ()))]).rstrip("\n") + "\n"


def all_tables() -> list[type[Table]]:
    """Return the table, and all tables inside it."""
    found: list[type[Table]] = [ComposeKeys]
    for table in found:
        found += [inner for field in table.model_fields.values() for inner in tables_in(field)]
    return found


def _section(key: Key, rules: Mapping[str, Sequence[Rule[...]]]) -> Iterator[str]:
    yield f"## {code(key.name)}\n\n"
    yield f"{key.type[0].upper()}{key.type[1:]}."
    yield f" Default: {shown_default(key.default)}.\n\n" if key.default else "\n\n"
    yield f"{key.meaning}\n\n"
    yield block(f"{key.name} = {toml(key.examples[0])}", "toml") + "\n"
    for table in tables_in(ComposeKeys.model_fields[key.name]):
        yield from _nested(table, "")
    yield _of(rules.get(f"{_TABLE}.{key.name}", ()))


def _nested(table: type[Table], indent: str) -> Iterator[str]:
    """Yield the keys of a table inside a key, as a list."""
    if not indent:
        yield f"{(inspect.getdoc(table) or '').removesuffix('.')}:\n\n"
    for key in keys_of(table):
        example = f" Example: {code(toml(key.examples[0]))}." if key.examples else ""
        yield f"{indent}- {code(key.name)} ({key.type}): {key.meaning}{example}\n"
        for inner in tables_in(table.model_fields[key.name]):
            yield from _nested(inner, f"{indent}    ")
    if not indent:
        yield "\n"


def _of(rules: Sequence[Rule[...]]) -> str:
    return f"Rules: {', '.join(map(rule_link, rules))}.\n\n" if rules else ""
