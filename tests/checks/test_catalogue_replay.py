"""Each flag of each release, through the front door: right values, wrong values, releases that lack it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from compiling import findings
from modelgen.engines import sglang, vllm
from modelgen.engines.catalogues import DATA

if TYPE_CHECKING:
    from modelgen.diagnostics import Diagnostic

IMAGES = {"vllm": "vllm/vllm-openai:v{}", "sglang": "lmsysorg/sglang:v{}"}
ENGINES = {"vllm": vllm.ENGINE, "sglang": sglang.ENGINE}
# SGLang has a release every other week: each fourth, and the newest.
EVERY = {"vllm": 1, "sglang": 4}

SWITCHES = ("bool", "flag", "truthy")
# The tables that every file has. `complete` would parse these long files once more.
REST = """
[project]
name = "demo"
hub = "./models/hub"
[gpus.gpu0]
memory = "24GiB"
device = "0"
[rules]
unpinned-repo = "off"
image-without-gpu = "off"
"""
# What flags with more values than others need beside them, in every release that has it.
BESIDE: dict[str, dict[str, Any]] = {
    "vllm": {
        "numa-bind": True,
        "otlp-traces-endpoint": "text",
        "reasoning-parser": "deepseek_r1",
        "tool-call-parser": "hermes",
    },
    "sglang": {},
}

# One that argparse takes, by what it makes of it; whole numbers are all 1, so that no two are at odds.
RIGHT: dict[str, list[Any]] = {
    "bool": [True],
    "flag": [True],
    "truthy": [True],
    "int": [1, "1"],
    "length": [1, "1", "4k", "4K"],
    "iec-length": [1, "1", "4k", "4Ki", -1],
    "number": [1, 1.0, "1.0", "1e0"],
    "text": ["text", 1, 1.5],
    "json": [{"a": {"b": [1, True]}}, '{"a": null}', {}],
    "json-or-text": [{"a": 1}, "text", '{"a": 1}'],
}
# What vLLM reads as a list in JSON; elsewhere it wants an object.
LISTS = ("allowed-headers", "allowed-methods", "allowed-origins")
# What a table of keys has in all releases.
TABLES = {"compilation-config": [{"custom_ops": ["all"]}, '{"backend": null}', {}]}
# The shapes that TOML has besides.
WRONG: dict[str, list[Any]] = {
    "bool": ["yes", 1, [], {}, [True]],
    "flag": ["yes", 1, [], {}, [[]]],
    "truthy": ["True", 1, [], {}],
    "int": ["one", 1.5, True, {"a": 1}, [[1]], "", "1.0", []],
    "length": ["long", 1.5, False, {}, [1], "4 k", "1.5K", "4Ki", "-2"],
    "iec-length": ["long", 1.5, False, {}, [1], "4 k", "1.5Ki", "4K"],
    "number": ["one", True, {}, [[1]], "1,5", "0x1"],
    "text": [True, {"a": []}, [], ["-x"], [["a"]], [True]],
    "json": ["{method: ngram}", True, "", "{"],
    "json-or-text": [True, [1], 3, "{'a': 1}"],
}
CHOSEN: list[Any] = ["no such choice", True, {}, [], [["a"]]]


class Known(NamedTuple):
    """A flag as the file of data says it, read by a reader of the test's own."""

    kind: str
    extras: dict[str, Any]

    def right(self, name: str) -> list[Any]:
        if name in LISTS:
            return [["*"], '["*", "x"]', []]
        if name in TABLES:
            return TABLES[name]
        known = [*map(str, self.extras.get("choices") or self.extras.get("known") or ())]
        values: list[Any] = known or RIGHT[self.kind]
        return [*values, [values[0], values[-1]]] if self.several and self.kind in ("text", "int", "number") else values

    def wrong(self) -> list[Any]:
        return CHOSEN if self.extras.get("choices") else WRONG[self.kind]

    @property
    def several(self) -> bool:
        return self.extras.get("nargs") in ("+", "*")


@cache
def data(engine: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"{engine}_flags.json").read_text())
    return loaded


@cache
def flags_of(engine: str, release: str) -> dict[str, Known]:
    """Return the flags of a release: each entry holds from its release on, one without a kind takes the flag away."""
    versions = data(engine)["versions"]
    until = {name: at for at, name in enumerate(versions) if at <= versions.index(release)}
    found = {}
    for name, entries in data(engine)["flags"].items():
        last = [entry for entry in entries if entry[0] in until][-1:]
        for _, *entry in last:
            if entry:
                found[name] = Known(entry[0], entry[1] if len(entry) > 1 else {})
    return found


def replay(engine: str, release: str, models: list[dict[str, Any]]) -> dict[tuple[int, str], list[Diagnostic]]:
    """Compile a file with a model for each table of args; return the errors by model and flag."""
    lines, places = [], {}
    for number, args in enumerate(models):
        lines += [f"[models.m{number}]", 'repo = "a/b"', f'engine = "{engine}"', f"[models.m{number}.args]"]
        for name, value in args.items():
            lines.append(f"{name} = {toml(value)}")
            places[len(lines)] = (number, name)
        if engine == "vllm" and "max-model-len" not in args:
            lines.append("max-model-len = 1")
    lines += [f"[engines.{engine}]", f'image = "{IMAGES[engine].format(release)}"']
    found = defaultdict(list)
    for diagnostic in findings("\n".join([*lines, REST])):
        if diagnostic.severity == "error":
            found[places.get(diagnostic.span.line, (-1, diagnostic.message))].append(diagnostic)
    return dict(found)


def rounds(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return one table of args for the first value of each flag, one for the second, and so on."""
    columns = zip_longest(*values.values(), fillvalue=_ABSENT)
    return [
        {name: value for name, value in zip(values, column, strict=True) if value is not _ABSENT} for column in columns
    ]


def right_models(engine: str, release: str) -> list[dict[str, Any]]:
    """Return tables of args in which each flag of a release has each of its values.

    What one flag needs of another is on in all of them, or off for both. The switches are on beside the first values,
    and off in a table of their own: beside all values they would make the file ten times as long.
    """
    flags = {name: flag for name, flag in flags_of(engine, release).items() if not is_owned(engine, name)}
    assert len(flags) > 100
    switches = {name: True for name, flag in flags.items() if flag.kind in SWITCHES}
    first, *more = rounds({name: flag.right(name) for name, flag in flags.items() if name not in switches})
    models = [{**switches, **first}, *more]
    beside = {name: value for name, value in BESIDE[engine].items() if name in flags}
    return [*({**beside, **args} for args in models), dict.fromkeys(switches, False)]


_ABSENT = object()


def toml(value: object) -> str:
    """JSON, which is TOML save for mappings and null."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else json.dumps(value)


def is_owned(engine: str, name: str) -> bool:
    return name in ENGINES[engine].owned_args


# The short loop replays the newest release of each engine, and every eighth before it.
RELEASES = [
    pytest.param(engine, release, id=f"{engine}-{release}", marks=[pytest.mark.slow] if number % 8 else [])
    for engine, every in EVERY.items()
    for number, release in enumerate(data(engine)["versions"][::-every])
]


@pytest.mark.parametrize(("engine", "release"), RELEASES)
def test_right_values_are_no_error(engine: str, release: str) -> None:
    found = replay(engine, release, right_models(engine, release))
    left_out = ("gguf-repository", "unknown-draft-key")
    # Other rules: `gguf` is a value of these releases, which load one file only; JSON is right whatever its keys are.
    messages = {
        place: [diagnostic.message for diagnostic in errors if diagnostic.rule not in left_out]
        for place, errors in found.items()
    }
    assert {place: errors for place, errors in messages.items() if errors} == {}


@pytest.mark.parametrize(("engine", "release"), RELEASES)
def test_wrong_values_are_one_error_each(engine: str, release: str) -> None:
    flags = {name: flag for name, flag in flags_of(engine, release).items() if not is_owned(engine, name)}
    models = rounds({name: flag.wrong() for name, flag in flags.items()})
    beside = {name: value for name, value in BESIDE[engine].items() if name in flags}
    found = replay(engine, release, [beside | args for args in models])
    expected = {(at, name): ["bad-flag-value"] for at, args in enumerate(models) for name in args}
    assert len(expected) > 300
    assert {place: [diagnostic.rule for diagnostic in errors] for place, errors in found.items()} == expected


@pytest.mark.parametrize(("engine", "release"), RELEASES)
def test_a_release_refuses_what_it_lacks(engine: str, release: str) -> None:
    flags, owned = flags_of(engine, release), ENGINES[engine].owned_args
    lacking = [name for name in data(engine)["flags"] if name not in flags and "_" not in name and name not in owned]
    expected = {(0, name): "unknown-flag" for name in lacking}
    for name in lacking:
        # argparse takes the beginning of a flag for the whole, so these mean something else there.
        if any(flag.startswith(name) for flag in owned):
            expected[0, name] = "owned-arg"
    found = replay(engine, release, [dict.fromkeys(lacking, 1)])
    assert {place: [diagnostic.rule for diagnostic in errors] for place, errors in found.items()} == {
        place: [rule] for place, rule in expected.items()
    }
    for (_, name), errors in found.items():
        if errors[0].rule == "unknown-flag":
            is_older = any(is_there(engine, name, other) for other in before(engine, release))
            assert errors[0].help.startswith("it was removed in" if is_older else "it appeared in"), name
            named = {*re.findall(r"`([a-z0-9-]+)", errors[0].help)} & {*data(engine)["flags"]}
            assert named <= flags.keys(), name


def is_there(engine: str, name: str, release: str) -> bool:
    return name in flags_of(engine, release)


def before(engine: str, release: str) -> list[str]:
    versions: list[str] = data(engine)["versions"]
    return versions[: versions.index(release)]


@pytest.mark.parametrize("value", [True, 1, "text"])
@pytest.mark.parametrize(
    ("engine", "release"), [(engine, data(engine)["versions"][at]) for engine in ENGINES for at in (0, -1)]
)
def test_what_modelgen_writes_is_refused(engine: str, release: str, value: object) -> None:
    # A text names a file of flags: tests/unit/test_flag_files.py.
    names = [name for name in ENGINES[engine].owned_args if value != "text" or name != ENGINES[engine].flags_file]
    found = replay(engine, release, [dict.fromkeys(names, value)])
    same = {name for name, constant in ENGINES[engine].constant_args.items() if constant is value}
    assert {place: [diagnostic.rule for diagnostic in errors] for place, errors in found.items()} == {
        (0, name): ["owned-arg"] for name in names if name not in same
    }


@pytest.mark.parametrize(
    ("engine", "name"), [(engine, name) for engine in ENGINES for name in ENGINES[engine].owned_args]
)
def test_what_modelgen_writes_is_a_flag_of_the_engine(engine: str, name: str) -> None:
    assert name in data(engine)["flags"]


@pytest.mark.parametrize(("engine", "name"), [(engine, name) for engine in ENGINES for name in ENGINES[engine].instead])
def test_advice_on_flags_that_are_gone_names_flags_that_are_there(engine: str, name: str) -> None:
    versions, instead = data(engine)["versions"], ENGINES[engine].instead[name]
    having = [release for release in versions if is_there(engine, name, release)]
    gone = versions[versions.index(having[-1]) + 1 :][:1] if having else versions[:1]
    deprecated = [release for release in having if flags_of(engine, release)[name].extras.get("deprecated")]
    assert gone or deprecated
    assert having or engine == "sglang", "another engine's name for it"
    # In a release between the two, the rule names no successor.
    for flag in instead.flags:
        assert any(is_there(engine, flag, release) for release in versions[versions.index([*gone, *deprecated][0]) :])
    # Whatever the text calls by the name of a flag is among those that are looked up.
    named = {*re.findall(r"`([a-z0-9-]+)(?: = [^`]*)?`", instead.help)}
    assert named & {*data(engine)["flags"]} == {*instead.flags}
