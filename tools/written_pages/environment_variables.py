"""Write docs/reference/environment-variables.md: what modelgen reads, and what engines get."""

from __future__ import annotations

import tomllib
from pathlib import Path

from modelgen.engines.environment import OWNED, QUIET_AND_OFFLINE
from modelgen_runtime.drivers.processes.inheritance import FAMILIES, NAMES
from written_pages.markdown import code, joined, mark

READ = Path(__file__).parents[2] / "docs" / "environment.toml"
_INTRO = """\
# Environment variables

## Read by modelgen

"""
_ENGINES = """\
## Variables of engines

A model's [`env`](models-toml.md#modelsidenv) sets variables of its engine, and so do `env` in `[engines.NAME]` and
`[defaults]`. modelgen sets these for every engine:

"""
_REFUSED = """\
An `env` table must not have the following, since modelgen sets them or engines must not have them
([MG220 owned-env](../rules.md#mg220-owned-env)):

"""
_INHERITED = """\
## Inherited by engines without Docker

Under `modelgen serve`, engines inherit these variables and no others, so that secrets of your shell do not reach them.

"""


def variables() -> dict[str, dict[str, str]]:
    """Return the variables that modelgen reads, by subject."""
    return tomllib.loads(READ.read_text(encoding="utf-8"))


def write() -> str:
    """Return the page."""
    parts = [mark("docs/environment.toml and the tables of engines"), _INTRO]
    for subject, found in variables().items():
        parts.append(f"### {subject}\n\n")
        parts += [f"- {code(name)}: {meaning}\n" for name, meaning in found.items()]
        parts.append("\n")
    parts.append(_ENGINES)
    parts += [f"- {code(f'{name}={value}')}\n" for name, value in QUIET_AND_OFFLINE.items()]
    parts += ["\n", _REFUSED]
    parts += [f"- {code(name)}: {reason}.\n" for name, reason in sorted(OWNED.items())]
    parts += ["\n", _INHERITED, f"- {joined(map(code, sorted(NAMES)))}\n"]
    return "".join(
        [*parts, f"- all that begin with {joined(map(code, FAMILIES), 'or')}, unless the name shows a secret\n"]
    )
