"""What networks and hubs do to a fetch, for files that the client brings and for those that come by ranges.

Every row of facts about faults has a repository of its own; one fetch meets them all, and each test looks at one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import hub_double
from hub_project import BY_RANGES, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

    from hub_double import Hub
    from hub_double.faults import Faults

pytestmark = pytest.mark.xdist_group("fetched")  # they share two fetches

WEIGHTS = "model.safetensors"
SMALL = bytes(range(256)) * 200
IMPATIENT = {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}

PASSING: dict[str, Callable[[Faults, str], None]] = {
    "cut": lambda faults, path: faults.truncate(30_000, path=path),
    "cut-thrice": lambda faults, path: faults.truncate(20_000, path=path, count=3),
    "reset": lambda faults, path: faults.reset(30_000, path=path),
    "too-short": lambda faults, path: faults.short(30_000, path=path),
    "stall": lambda faults, path: faults.stall(30_000, path=path),
    "status-429": lambda faults, path: faults.status(429, path=path, retry_after=1),
    "status-429-cdn": lambda faults, path: faults.status(429, path=path, retry_after=0, host="cdn"),
    "status-503": lambda faults, path: faults.status(503, path=path, host="cdn"),
    "status-500-twice": lambda faults, path: faults.status(500, path=path, count=2),
    "head-503": lambda faults, path: faults.head(503, path=path, count=2),
    "head-429": lambda faults, path: faults.head(429, path=path, retry_after=1),
    "flipped": lambda faults, path: faults.corrupt(30_000, path=path),
    "expired": lambda faults, path: faults.status(403, path=path, host="cdn"),
}


class Fetched:
    """A fetch of repositories with one fault each, and what it came to."""

    def __init__(self, folder: Path, hub: Hub, weights: bytes | Path, faults: list[str]) -> None:
        self.hub = hub
        files = {"config.json": b"{}", WEIGHTS: weights}
        self.project = project(folder, hub, {f"org/{fault}": files for fault in faults})
        self.project.before = BY_RANGES
        for fault in faults:
            PASSING[fault](hub.faults, f"org/{fault}/{WEIGHTS}")
        self.done = self.project.run("fetch", **IMPATIENT)
        self.damage = self.project.damage()


@pytest.fixture(scope="module", params=["small", "large"])
def fetched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, file_of_ranges: Path
) -> Iterator[Fetched]:
    folder = tmp_path_factory.mktemp("fetched")
    with hub_double.serve(home=folder / "home") as hub:
        yield Fetched(folder, hub, SMALL if request.param == "small" else file_of_ranges, [*PASSING])


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(fetched: Fetched, fault: str) -> None:
    assert fetched.done.returncode == 0, fetched.done.stderr
    assert [found for found in fetched.damage if f"{fault}:" in found] == []
    requests = fetched.hub.requests_for(f"org/{fault}/{WEIGHTS}")
    is_refusal = fault.startswith(("status", "head", "expired"))
    assert any(request.status not in (200, 206, 302) for request in requests) == is_refusal


def test_a_flipped_byte_is_noticed(fetched: Fetched) -> None:
    assert f"org/flipped: {WEIGHTS} arrived damaged: its hash is wrong; fetching it again" in fetched.done.stderr
    assert fetched.hub.bytes_sent(f"org/flipped/{WEIGHTS}") == 2 * fetched.project.snapshots[0].by_path[WEIGHTS].size


def test_what_came_before_a_fault_does_not_come_again(fetched: Fetched, file_of_ranges: Path) -> None:
    size = fetched.project.snapshots[0].by_path[WEIGHTS].size
    again = fetched.hub.bytes_sent(f"org/cut/{WEIGHTS}") - size
    # The client keeps only what it has in blocks of 10 MB.
    assert again == (0 if size == file_of_ranges.stat().st_size else 30_000)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_server_without_ranges_begins_anew(hub: Hub, tmp_path: Path, ranged: Path, size: str) -> None:
    models = project(tmp_path, hub, {"org/model": {WEIGHTS: SMALL if size == "small" else ranged}})
    hub.faults.reset(30_000)
    hub.faults.norange()
    done = models.run("fetch")
    assert done.returncode == 0, done.stderr
    assert models.damage() == []


@pytest.mark.parametrize("size", ["small", "large"])
def test_what_is_always_damaged_is_never_presented(hub: Hub, tmp_path: Path, ranged: Path, size: str) -> None:
    weights = SMALL if size == "small" else ranged
    models = project(
        tmp_path, hub, {"org/model": {"config.json": b"{}", WEIGHTS: weights}, "org/other": {"config.json": b"{}"}}
    )
    hub.faults.corrupt(30_000, path=WEIGHTS, count=None)
    done = models.run("fetch")
    model, other = models.snapshots
    assert done.returncode == 1
    assert (
        "modelgen: model: org/model: model.safetensors arrived twice with a hash that differs from models.lock"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (models.snapshot(model) / WEIGHTS).exists()
    assert not models.blob(model, WEIGHTS).exists()
    assert not (models.snapshot(model).parents[1] / "refs").exists()
    assert (models.snapshot(model) / "config.json").read_bytes() == b"{}"
    assert (models.snapshot(other).parents[1] / "refs/main").read_text() == other.commit
    hub.faults.clear()
    hub.clear()
    assert models.run("fetch").returncode == 0
    assert models.damage() == []
    assert hub.bytes_sent("config.json") == 0


def test_retry_after_is_obeyed(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}"}})
    hub.faults.head(429, retry_after=3)
    assert "HTTP" in (text := waits(models.run("fetch", "--format", "json"))) or "429" in text
    assert "trying again in 3.0 s" in text


def waits(done: CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return "\n".join(event["text"] for event in events if event["event"] == "noticed")


def test_a_hub_that_is_gone(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}"}})
    done = models.run("fetch", HF_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "trying again" in done.stderr
    assert "Traceback" not in done.stderr
    assert "run the command again" in done.stderr.splitlines()[-1]
    assert hub.requests == []
