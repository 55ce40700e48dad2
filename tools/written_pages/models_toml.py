"""Write docs/reference/models-toml.md: every key, from the descriptions in compiler/modelgen/config/."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from modelgen.config import (
    Config,
    Defaults,
    EngineTable,
    Gpu,
    Host,
    Model,
    Orchestrator,
    Profile,
    Project,
    Variant,
)
from modelgen.diagnostics.examples import VLLM_IMAGE
from modelgen.engines import ENGINES
from written_pages.keys import Key, keys_of, shown_default
from written_pages.markdown import block, code, joined, mark, rule_link, toml
from written_pages.rule_places import rules_by_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.config.table import Table
    from modelgen.diagnostics import Rule
    from modelgen.engines.engine import Engine

TABLES: Mapping[str, tuple[type[Table], str]] = {
    "project": (Project, "project"),
    "host": (Host, "host"),
    "gpus.NAME": (Gpu, "gpus.gpu0"),
    "engines.NAME": (EngineTable, "engines.vllm"),
    "models.ID": (Model, "models.text-4b"),
    "models.ID.variants.NAME": (Variant, "models.text-4b.variants.fast"),
    "profiles.NAME": (Profile, "profiles.chat"),
    "orchestrator": (Orchestrator, "orchestrator"),
}
"""The tables by name, each with the one in examples."""

_INTRO = f"""\
# models.toml

Every table and key. `modelgen validate` checks a file. Editors show the same descriptions while you write, from the
JSON Schema that `modelgen schema` prints: see [In an editor](#in-an-editor).

```toml
[project]
name = "my-models"
hub  = "./models/hub"

[gpus.gpu0]
card   = "RTX 3090"
device = "0"

[engines.vllm]
image = "{VLLM_IMAGE}"

[models.text-4b]
repo       = "Qwen/Qwen3-4B-Instruct-2507"
gpus       = ["gpu0"]
gpu_memory = "14GiB"
args       = {{ max-model-len = 16384 }}
```

"""
_FEW = 8
"""More rules of one key are folded."""
_VALUES = """\
## Values

- **size**: a string with a unit: `"24GiB"`, `"512MiB"` (powers of 1024), `"10 GB"` (powers of 1000).
- **duration**: a string with a unit: `"90s"`, `"15m"`, `"1h30m"`.
- **version**: a string of numbers and dots: `"28.3"`.
- **Paths** are relative to the folder of models.toml. Windows paths are written in single quotes or with `/`.
- **Names** of GPUs, models and profiles have letters, digits, `.`, `_` and `-`.
- An unknown key is an error. Keys that are left out have the default that is stated here.

"""
_EDITOR = """\
## In an editor

```sh
modelgen schema > models.schema.json
```

With this first line, Even Better TOML (VS Code), Taplo and other editors complete the keys and show their descriptions:

```toml
#:schema ./models.schema.json
```
"""
_DEFAULTS = """\
Keys for all models. A model's own key replaces the one here; `args` and `env` are merged key by key. Its `args` are for
the models of its `engine`, by default vllm.

"""
_RULES = """\
Severity of advisory rules, by name: `"off"`, `"info"`, `"warning"` or `"error"`. [Rules](../rules.md) marks them with
`*`.

```toml
[rules]
unpinned-repo  = "off"   # not checked
floating-image = "error" # stops the build
```
"""


def write() -> str:
    """Return the page."""
    rules = rules_by_key()
    parts = [mark("compiler/modelgen/config/"), _INTRO, *_contents(), _VALUES, *_file(rules)]
    for name, (table, example) in TABLES.items():
        if name == "models.ID":
            parts += ["## `[defaults]`\n\n", _DEFAULTS, _names(keys_of(Defaults), "models.ID"), "\n"]
        parts += _table(name, table, example, rules)
    return "".join([*parts, "## `[rules]`\n\n", _RULES, _of(rules, "rules"), "\n", _EDITOR])


def _contents() -> Iterator[str]:
    for name in ("project", "host", "gpus.NAME", "engines.NAME", "defaults", "models.ID"):
        yield _entry(name)
    yield f"- [`[models.ID.compose]`](compose-keys.md): {_described('models.ID.compose')}\n"
    for name in ("profiles.NAME", "orchestrator", "rules"):
        yield _entry(name)
    yield "\n"


def _entry(name: str) -> str:
    return f"- [`[{name}]`](#{name.lower().replace('.', '')}): {_described(name)}\n"


def _described(name: str) -> str:
    """Return the description of a table without its default."""
    fields = Model.model_fields if name.endswith(".compose") else Config.model_fields
    field = fields["compose" if name.endswith(".compose") else name.partition(".")[0]]
    return (field.description or "").partition(" Default: ")[0]


def _file(rules: Mapping[str, Sequence[Rule[...]]]) -> Iterator[str]:
    yield "## The file\n\n"
    yield from (part for key in keys_of(Config) if key.name == "format" for part in _section("", key, "", rules))


def _table(name: str, table: type[Table], example: str, rules: Mapping[str, Sequence[Rule[...]]]) -> Iterator[str]:
    yield f"## `[{name}]`\n\n{inspect.getdoc(table)}\n\n"
    if name == "models.ID":
        own = [code(key) for key in Model.model_fields if key not in Defaults.model_fields]
        yield f"All keys but {joined(own)} may be in [`[defaults]`](#defaults), too.\n\n"
    yield _of(rules, name)
    for key in sorted(keys_of(table), key=lambda key: name == "models.ID" and key.name in Defaults.model_fields):
        yield from _section(name, key, example, rules)


def _section(table: str, key: Key, example: str, rules: Mapping[str, Sequence[Rule[...]]]) -> Iterator[str]:
    name = f"{table}.{key.name}" if table else key.name
    yield f"### {code(name)}\n\n"
    yield f"{key.type[0].upper()}{key.type[1:]}. "
    yield "Required.\n\n" if key.default is None else f"Default: {shown_default(key.default)}.\n\n"
    yield f"{key.meaning}\n\n"
    if engines := [f"[{engine.name}](../engines/{engine.name}.md)" for engine in _engines(table, key.name)]:
        yield f"Engines: {', '.join(engines)}.\n\n"
    if key.examples:
        yield shown_example(key, example) + "\n"
    if key.name == "compose":
        yield "[The keys of this table](compose-keys.md).\n\n"
    yield _of(rules, name)


def shown_example(key: Key, table: str) -> str:
    """Return the first example of a key as a block; further ones are in a comment."""
    first, *others = map(toml, key.examples)
    line = f"{key.name} = {first}" + (f" # or {joined(others, 'or')}" if others else "")
    return block(f"[{table}]\n{line}" if table else line, "toml")


def _engines(table: str, key: str) -> list[Engine]:
    """Return the engines that take a key, if others do not."""
    taking = [engine for engine in ENGINES.values() if key in engine.keys]
    return taking if table == "models.ID" and len(taking) < len(ENGINES) else []


def _names(keys: Sequence[Key], table: str) -> str:
    links = (f"[{code(key.name)}](#{table.lower().replace('.', '')}{key.name})" for key in keys)
    return f"Keys: {joined(links)}.\n"


def _of(rules: Mapping[str, Sequence[Rule[...]]], name: str) -> str:
    found = rules.get(name, ())
    if len(found) <= _FEW:
        return f"Rules: {', '.join(map(rule_link, found))}.\n\n" if found else ""
    rows = "".join(f"- {rule_link(rule)}: {rule.summary}\n" for rule in found)
    return f'<details markdown="1">\n<summary>{len(found)} rules</summary>\n\n{rows}\n</details>\n\n'
