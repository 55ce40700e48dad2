"""Find which rules speak of which keys, by where the findings of each rule's own Bad examples are."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from modelgen.cli.configuration.manual import load_rules
from modelgen.config import Config
from modelgen.load.locator import Locator
from modelgen.pipeline import compile_source
from modelgen.source import Source
from written_pages.keys import NAMED, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.diagnostics import Diagnostic, Rule
    from modelgen.load.locator import Path
    from modelgen.source import Span

_OF_THE_TEXT, _OF_EVERY_KEY = "MG00", "modelgen.load."
"""The codes of rules about the text, and the package of those about names and types. They apply to every key."""


@cache
def rules_by_key() -> dict[str, list[Rule[...]]]:
    """Return the rules that speak of a key or a table, by its name such as `models.ID.gpus` or `profiles.NAME`."""
    found: dict[str, list[Rule[...]]] = defaultdict(list)
    for rule in load_rules():
        if not (rule.code.startswith(_OF_THE_TEXT) or rule.find.__module__.startswith(_OF_EVERY_KEY)):
            for key in dict.fromkeys(_keys(rule)):
                found[key].append(rule)
    return found


def _keys(rule: Rule[...]) -> Iterator[str]:
    for toml, lock in rule.examples("Bad"):
        # A fact of [host] is never at fault: the finding is at what does not fit it.
        yield from (f"host.{key}" for key in tomllib.loads(toml).get("host", ()))
        compilation = compile_source(toml.encode(), None if lock is None else lock.encode())
        places, written = Locator(Source("models.toml", toml)), [*_paths(tomllib.loads(toml))]
        for finding in compilation.diagnostics:
            if finding.rule == rule.name:
                path = max((path for path in written if _is_at(places, path, finding.span)), key=len, default=())
                if path:
                    yield from _named(path, finding, rule)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - whatever TOML holds
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in items:
        yield (*path, part)
        yield from _paths(item, (*path, part))


def _is_at(places: Locator, path: Path, span: Span) -> bool:
    return any(
        (place.line, place.column) <= (span.line, span.column)
        and (span.end_line, span.end_column) <= (place.end_line, place.end_column)
        for place in (places.key(path), places.value(path))
    )


def _named(path: Path, finding: Diagnostic, rule: Rule[...]) -> Iterator[str]:
    """Yield the key at a path, or its table, and keys of this table that the rule's summary names.

    A finding about a missing key is at the header of its table: its message names the key.
    """
    first, *rest = map(str, path)
    parts = [first, NAMED[first], *rest[1:]] if first in NAMED and rest else [first, *rest]
    if first == "defaults":
        parts[:1] = ["models", "ID"]
    tables = tables_of(Config)
    table = next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in tables), "")
    known, below = tables.get(table, ()), parts[table.count(".") + 1 :] if table else parts
    if below and below[0] in known:
        yield f"{table}.{below[0]}" if table else below[0]
    else:
        texts = (finding.message, finding.help)
        named = [key for text in texts for key in re.findall(r"`([a-z_]+)(?: = [^`]*)?`", text) if key in known]
        yield ".".join([table or parts[0], *named[:1]])
    yield from (f"{table}.{key}" for key in re.findall(r"`([a-z_]+)`", rule.summary) if table and key in known)
