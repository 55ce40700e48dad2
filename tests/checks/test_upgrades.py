"""Each flag of each release moves to the neighbouring releases, newer and older."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any

import pytest
from test_catalogue_replay import IMAGES, REST, SWITCHES, data, flags_of, right_models, toml

from modelgen.checks.context import Context
from modelgen.checks.flags import flag_values, unknown_flags
from modelgen.engines import ENGINES
from modelgen.engines.images.versions import Version, parse_version
from modelgen.fit.fitting import fit_models
from modelgen.load import load
from modelgen.resolve import Resolved, resolve
from modelgen.targets import DEFAULT_TARGETS
from modelgen.upgrading.edits import apply
from modelgen.upgrading.steps import Step, steps_of


def pairs(engine: str) -> list[tuple[str, str]]:
    """Return each release with the next one, and every eighth with the one before."""
    names = data(engine)["versions"]
    return [*pairwise(names), *[*pairwise(reversed(names))][::8]]


PAIRS = [
    pytest.param(engine, *pair, id=f"{engine}-{'-'.join(pair)}", marks=[pytest.mark.slow] if number % 16 else [])
    for engine in IMAGES
    for number, pair in enumerate(pairs(engine))
]
# The rules on flags alone: all rules on so many flags take ten times as long.
RULES = (flag_values.bad_flag_value, flag_values.value_of_another_version, unknown_flags.unknown_flag)


def resolved(text: bytes) -> Resolved:
    document, _, found = load(text, "models.toml")
    assert document is not None, found
    return resolve(document, None)


def version(text: str) -> Version:
    parsed = parse_version(text)
    assert parsed is not None
    return parsed


def every_flag(engine: str, release: str) -> bytes:
    """Return a file that uses every flag of a release, each with all of its values."""
    lines = [f"[engines.{engine}]", f'image = "{IMAGES[engine].format(release)}"']
    for number, args in enumerate(right_models(engine, release)):
        lines += [f"[models.m{number}]", 'repo = "a/b"', f'engine = "{engine}"', f"[models.m{number}.args]"]
        lines += [f"{name} = {toml(value)}" for name, value in args.items()]
    return "\n".join([*lines, REST]).encode()


@pytest.mark.parametrize(("engine", "old", "new"), PAIRS)
def test_the_other_release_takes_what_is_decided_and_nothing_else_changes(engine: str, old: str, new: str) -> None:
    before = every_flag(engine, old)
    steps = steps_of(resolved(before), {engine: version(new)}, None)
    after = apply(before, [edit for step in steps for edit in step.edits])
    left = {step.path for step in steps if not step.edits}
    context = Context(fit_models(resolved(after)), DEFAULT_TARGETS)
    lines = after.decode().splitlines()
    refused = {lines[found.span.line - 1].partition(" ")[0] for find in RULES for found in find(context)}
    assert refused <= {str(path[-1]) for path in left}
    assert others(before, steps) == others(after, steps)


PLAIN = {
    "tei": ("ghcr.io/huggingface/text-embeddings-inference:cuda-{}", ""),
    "llamacpp": ("ghcr.io/ggml-org/llama.cpp:server-cuda-{}", 'file = "x.gguf"'),
}
PLAIN_PAIRS = [
    pytest.param(engine, *pair, id=f"{engine}-{'-'.join(pair)}", marks=[pytest.mark.slow] if number % 16 else [])
    for engine in PLAIN
    for number, pair in enumerate(pairs(engine))
]


def every_plain_flag(engine: str, release: str) -> bytes:
    """Return a file that uses every flag of a release of an engine that gets its flags as they are written."""
    image, key = PLAIN[engine]
    flags = {name: flag for name, flag in flags_of(engine, release).items() if name not in ENGINES[engine].owned_args}
    lines = [f"[engines.{engine}]", f'image = "{image.format(release)}"', "[models.m]", 'repo = "a/b"', key]
    lines += [f'engine = "{engine}"', f'revision = "{"0" * 40}"', "[models.m.args]"]
    for name, flag in flags.items():
        text = "{}" if name in ENGINES[engine].json_flags else flag.right(name)[0]
        lines.append(f'"{name}" = {toml(True if flag.kind in SWITCHES else text)}')
    return "\n".join([*lines, REST]).encode()


@pytest.mark.parametrize(("engine", "old", "new"), PLAIN_PAIRS)
def test_flags_as_they_are_written_move_too(engine: str, old: str, new: str) -> None:
    before = every_plain_flag(engine, old)
    steps = steps_of(resolved(before), {engine: version(new)}, None)
    assert new.removesuffix(".0") in steps[0].text
    after = apply(before, [edit for step in steps for edit in step.edits])
    left = {step.path for step in steps if not step.edits}
    context = Context(fit_models(resolved(after)), DEFAULT_TARGETS)
    lines = after.decode().splitlines()
    refused = {lines[found.span.line - 1].partition(" ")[0].strip('"') for find in RULES for found in find(context)}
    assert refused <= {str(path[-1]) for path in left}
    assert others(before, steps) == others(after, steps)


def test_what_sglang_says_of_its_deprecated_flags() -> None:
    """Values change where they have other names, and a switch becomes a value."""
    head = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.19"\n[models.m]\nrepo = "a/b"\nengine = "sglang"\n'
    args = 'nsa-prefill-cp-mode = "in-seq-split"\ndisable-piecewise-cuda-graph = true\ncuda-graph-max-bs = 8\n'
    text = f"{head}[models.m.args]\n{args}{REST}".encode()
    steps = steps_of(resolved(text), {"sglang": version("0.5.23")}, None)
    after = apply(text, [edit for step in steps for edit in step.edits])
    assert tomllib.loads(after.decode())["models"]["m"]["args"] == {
        "cp-strategy": "zigzag",
        "cuda-graph-backend-prefill": "disabled",
        "cuda-graph-max-bs-decode": 8,
    }
    back = steps_of(resolved(after), {"sglang": version("0.5.9")}, None)
    older = tomllib.loads(apply(after, [edit for step in back for edit in step.edits]).decode())
    assert older["models"]["m"]["args"] == {"cuda-graph-max-bs": 8}


def others(text: bytes, steps: list[Step]) -> dict[str, Any]:
    """Return all entries that no step is about."""
    named = {str(step.path[-1]) for step in steps}
    named |= {name for step in steps for edit in step.edits for name in edit.entries}
    tables = tomllib.loads(text.decode())
    return {
        name: {key: value for key, value in model["args"].items() if key not in named}
        for name, model in tables["models"].items()
    }
