"""A manifest is what was written, or refused with the field named."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen_runtime.control_api import views
from modelgen_runtime.manifest import Manifest, Profile, read_manifest, write_manifest
from modelgen_runtime.manifest_reader import ManifestError
from modelgen_runtime.state.board import Board
from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

WHOLE = manifest(engine("a"), engine("b"), profiles=(Profile("p", ("a",), default=True),), min_loaded_time=3.0)


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
        (
            spoil("format", value=1),
            "`format`: the manifest has format 1, this orchestrator reads 2; run `modelgen build`",
        ),
        (spoil("project", value=None), "`project` is missing"),
        (spoil("project", value=5), "`project` must be a string"),
        (spoil("surprise", value=5), "`surprise` is no field"),
        (spoil("models", value={}), "`models` must be a list"),
        (spoil("models", 0, value="a"), "`models[0]` must be a table"),
        (spoil("models", 0, "id", value="../a"), "`models[0].id` is not a valid id"),
        (spoil("models", 0, "names", value=["x"]), "`models[0].names` lacks the id"),
        (spoil("models", 0, "id", value="b"), "has a model twice"),
        (spoil("models", 0, "names", value=["a", "b"]), "`models[1].names` has b, which another model has"),
        (spoil("models", 0, "reservations", value={"gpu9": 1}), "`models[0].reservations` names gpu9"),
        (spoil("models", 0, "reservations", value={"gpu0": "1"}), "`models[0].reservations.gpu0` must be an integer"),
        (spoil("models", 0, "concurrency", value=True), "`models[0].concurrency` must be an integer"),
        (spoil("models", 0, "readiness", "timeout", value="x"), "`models[0].readiness.timeout` must be a number"),
        (spoil("models", 0, "process", value=None), "`models[0].process` is missing, and `driver` is process"),
        (spoil("profiles", 0, "models", value=["z"]), "`profiles[0].models` names z"),
        (spoil("settings", "insecure", value=1), "`settings.insecure` must be true or false"),
        (spoil("settings", "drain_timeout", value=math.nan), "`settings.drain_timeout` must be at least 0"),
        (spoil("settings", "drain_timeout", value=math.inf), "`settings.drain_timeout` must be at least 0"),
        (spoil("settings", "shutdown_timeout", value=-0.5), "`settings.shutdown_timeout` must be at least 0"),
        (spoil("settings", "buffer_limit", value=0), "`settings.buffer_limit` must be at least 1"),
        (spoil("settings", "capture", value=1001), "`settings.capture` must be at least 0 and at most 1000"),
        (spoil("settings", "queue_limit", value=-1), "`settings.queue_limit` must be at least 0"),
        (spoil("settings", "queue_limit", value=math.nan), "`settings.queue_limit` must be an integer"),
        (
            spoil("settings", "min_loaded_time", value=10**400),
            "`settings.min_loaded_time` must be at least 0 and at most",
        ),
        (spoil("settings", "listen", value="127.0.0.1:65536"), "`settings.listen` must be an address"),
        (spoil("gpus", 0, "limit", value=-1), "`gpus[0].limit` must be at least 0"),
        (spoil("models", 0, "reservations", value={"gpu0": -1}), "`models[0].reservations.gpu0` must be at least 0"),
        (spoil("models", 0, "concurrency", value=0), "`models[0].concurrency` must be at least 1"),
        (spoil("models", 0, "readiness", "timeout", value=0), "`models[0].readiness.timeout` must be above 0"),
        (
            spoil("models", 0, "container", value={"name": "a", "host": "a", "port": 0}),
            "`models[0].container.port` must be at least 1 and at most 65535, not 0",
        ),
        (b'{"format": 2, "format": 2}', "`format` is written twice"),
        (write_manifest(WHOLE).replace(b'"gpu0":', b'"gpu0": 1, "gpu0":', 1), "`gpu0` is written twice"),
        (write_manifest(WHOLE).replace(b"100,", b"1" * 5000 + b",", 1), "the manifest is not JSON"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, told: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(data)
    assert told in str(caught.value)


def test_whole_numbers_are_numbers() -> None:
    read = read_manifest(spoil("models", 0, "stop_grace", value=5))
    assert read.models[0] == replace(WHOLE.models[0], stop_grace=5.0)


def number_places(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401
    items = enumerate(tree) if isinstance(tree, list) else tree.items() if isinstance(tree, dict) else ()
    for key, value in items:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, key)
        yield from number_places(value, (*path, key))


FULL = replace(
    manifest(replace(engine("a"), idle_timeout=60.0, concurrency=4), min_loaded_time=1.0, prioritize_after=1.0),
    profiles=(Profile("p", ("a",), default=True),),
)
NUMBER_PLACES = [*number_places(json.loads(write_manifest(FULL)))]


@given(
    st.sampled_from(NUMBER_PLACES),
    st.one_of(
        st.sampled_from([math.nan, math.inf, -math.inf, -1, 0, -0.0, 5e-324, 1e308, 2**63 - 1, 2**63, 10**400]),
        st.floats(),
        st.integers(),
    ),
)
def test_one_spoilt_number_is_refused_or_the_state_can_be_shown(place: tuple[str | int, ...], number: float) -> None:
    tree = json.loads(write_manifest(FULL))
    table = tree
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = number
    try:
        read = read_manifest(json.dumps(tree).encode())
    except ManifestError as error:
        named = str(error)
    else:
        show_state(read)
        return
    assert str(place[-1]) in named


def show_state(read: Manifest) -> None:
    board = Board(read, lambda: 1000.0, lambda: None, lambda _: None)
    board.shortage(["a"])
    board.advance()
    json.dumps(views.show_status(board, 1000.0), allow_nan=False)


@pytest.mark.parametrize("edge", ["least", "most"])
def test_an_orchestrator_runs_with_every_number_at_its_edge(tmp_path: Path, edge: str) -> None:
    seconds, count = (0.0, 1) if edge == "least" else (1e12, 2**63 - 1)
    model = replace(engine("a"), stop_grace=seconds, idle_timeout=seconds or None, concurrency=count)
    content = manifest(
        model,
        drain_timeout=seconds,
        shutdown_timeout=seconds,
        queue_limit=count,
        buffer_limit=max(count, 1000),  # else the body of a request is refused, as it should be
        min_loaded_time=seconds,
        prioritize_after=seconds,
    )
    with serving(tmp_path, content) as served:
        assert served.chat("a")[0] == 200
        assert served.ask("/status")[0] == 200
