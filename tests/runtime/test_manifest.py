"""A manifest is what was written, or refused with the field named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelgen_runtime.manifest import ManifestError, Profile, read_manifest, write_manifest
from runtime_serving import engine, manifest

WHOLE = manifest(engine("a"), engine("b"), profiles=(Profile("p", ("a",), default=True),), min_active=3.0)


def test_what_is_written_is_read() -> None:
    assert read_manifest(write_manifest(WHOLE)) == WHOLE
    assert write_manifest(read_manifest(write_manifest(WHOLE))) == write_manifest(WHOLE)


def spoil(*path: str | int, value: Any) -> bytes:  # noqa: ANN401 - anything
    tree = json.loads(write_manifest(WHOLE))
    place = tree
    for key in path[:-1]:
        place = place[key]
    if value is None and isinstance(place, dict):
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the manifest must be a table"),
        (spoil("format", value=2), "`format`: the manifest has format 2, this orchestrator reads 1"),
        (spoil("project", value=None), "`project` is missing"),
        (spoil("project", value=5), "`project` must be a string"),
        (spoil("surprise", value=5), "`surprise` is no field"),
        (spoil("models", value={}), "`models` must be a list"),
        (spoil("models", 0, value="a"), "`models[0]` must be a table"),
        (spoil("models", 0, "id", value="../a"), "`models[0].id` is no id"),
        (spoil("models", 0, "names", value=["x"]), "`models[0].names` lacks the id"),
        (spoil("models", 0, "id", value="b"), "has a model twice"),
        (spoil("models", 0, "names", value=["a", "b"]), "`models[1].names` has b, which another model has"),
        (spoil("models", 0, "claims", value={"gpu9": 1}), "`models[0].claims` names gpu9"),
        (spoil("models", 0, "claims", value={"gpu0": "1"}), "`models[0].claims.gpu0` must be an integer"),
        (spoil("models", 0, "concurrency", value=True), "`models[0].concurrency` must be an integer"),
        (spoil("models", 0, "readiness", "timeout", value="x"), "`models[0].readiness.timeout` must be a number"),
        (spoil("models", 0, "process", value=None), "`models[0].process` is missing, and `driver` is process"),
        (spoil("profiles", 0, "models", value=["z"]), "`profiles[0].models` names z"),
        (spoil("settings", "insecure", value=1), "`settings.insecure` must be true or false"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, told: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(data)
    assert told in str(caught.value)


def test_whole_numbers_are_numbers() -> None:
    read = read_manifest(spoil("models", 0, "stop_grace", value=5))
    assert read.models[0] == replace(WHOLE.models[0], stop_grace=5.0)
