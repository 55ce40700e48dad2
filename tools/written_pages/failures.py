"""Write docs/failures/: a page for each known failure, titled with the line that an engine or Docker prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.cli.configuration.manual import load_rules
from modelgen.engines import ENGINES
from modelgen_runtime.failures.known import ExitRow, answers
from written_pages.known_failures import SUBJECTS, Case, KnownFailure, known_failures, title
from written_pages.markdown import block, code, joined, mark, rule_link
from written_pages.rules import thread_link

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCE = "docs/failures.toml and compiler/modelgen_runtime/failures/known/"
_INDEX = """\
# When it does not start

What engines and Docker print when a model does not start, with the cause and what to do. For a model of your own,

```sh
modelgen why MODEL
```

finds the line in the output and names the line of models.toml to change.
[When a model does not start](../guides/when-a-model-does-not-start.md) describes the command.

"""
_RECOGNIZED = "`modelgen why MODEL` recognizes it"
_PLACED = f"{_RECOGNIZED}, and names the line of models.toml to change"
_TABLE = re.compile(r"`[^`]*`|\[[a-z]+(?:\.[A-Za-z]+)*\]")
"""Code, and the name of a table of models.toml, which messages write without marks."""
_TABLES = {"gpu": "gpus.NAME", "engine": "engines.NAME", "host": "host", "project": "project"}
"""The tables of keys that are not the model's, by how a row of the table of failures calls them."""


def write_all() -> dict[str, str]:
    """Return the pages, by path below docs/."""
    pages = {f"failures/{failure.name}.md": _page(failure) for failure in known_failures()}
    return {"failures/index.md": _index(), **pages}


def _index() -> str:
    parts = [mark(_SOURCE), _INDEX]
    for subject in SUBJECTS:
        found = [failure for failure in known_failures() if failure.subject == subject]
        parts += [f"## {subject}\n\n", *map(_entry, found), "\n"]
    return "".join(parts).rstrip("\n") + "\n"


def _entry(failure: KnownFailure) -> str:
    return f"- [{code(failure.title)}]({failure.name}.md) ({joined(_printers(failure.cases[0]))})\n"


def _page(failure: KnownFailure) -> str:
    first, *others = failure.cases
    parts = [mark(_SOURCE), f"# {code(failure.title)}\n\n", *_case(first)]
    if failure.rules:
        rules = {rule.name: rule for rule in load_rules()}
        links = joined(rule_link(rules[name]) for name in failure.rules)
        parts.append(f"**Prevented by** {links}: `modelgen validate` reports such a mistake before the start.\n\n")
    for case in others:
        parts += [f"## {code(title(case.lines[0][1], case.row))}\n\n", *_case(case)]
    has_keys = any(case.row.keys for case in failure.cases)
    neighbours = [other for other in known_failures() if other.subject == failure.subject and other != failure]
    parts += [f"{_PLACED if has_keys else _RECOGNIZED}.\n\n", f"## More under “{failure.subject}”\n\n"]
    return "".join([*parts, *map(_entry, neighbours), "\n[All known failures](index.md)\n"])


def _case(case: Case) -> Iterator[str]:
    yield f"{_printed(case)}\n\n"
    yield f"**Cause**: {_sentence(case.row.meaning)}\n\n"
    yield f"**What to do**: {_sentence(case.remedy)}\n\n"
    if keys := list(dict.fromkeys(map(_key_link, case.row.keys))):
        yield f"**Keys**: {', '.join(keys)}\n\n"
    yield block("\n".join(line for _, line in case.lines), "text") + "\n"
    yield f"Source: {_source(case.row.source)}.\n\n"


def _printed(case: Case) -> str:
    printers = joined(_printers(case))
    if isinstance(case.row, ExitRow):
        return f"{printers} shows this for a container that ended without a known message."
    if case.row in answers.SAYINGS:
        return f"{printers} {'answer' if ' and ' in printers else 'answers'} requests with this error."
    return f"{printers} {'print' if ' and ' in printers else 'prints'} this when a model does not start."


def _printers(case: Case) -> list[str]:
    """Return the programs that print the lines of a case."""
    names = dict.fromkeys(engine for engine, _ in case.lines)
    return ["Docker" if name == "docker" else ENGINES[name].title for name in names]


def _sentence(text: str) -> str:
    marked = _TABLE.sub(lambda match: match[0] if match[0].startswith("`") else code(match[0]), text)
    return f"{marked[0].upper()}{marked[1:]}."


def _key_link(key: str) -> str:
    """Return the link to a key; those of `args` and `env` are described by their table."""
    table, _, name = key.partition(".")
    if table == "compose":
        return f"[{code(key)}](../reference/compose-keys.md#{name})"
    if table in _TABLES and name:
        where = f"{_TABLES[table]}.{name}"
        return f"[{code(where)}](../reference/models-toml.md#{where.lower().replace('.', '')})"
    return f"[{code(key)}](../reference/models-toml.md#modelsid{table})"


def _source(source: str) -> str:
    is_thread = "#" in source and " " not in source
    return thread_link(source) if is_thread else source if source.startswith("seen ") else code(source)
