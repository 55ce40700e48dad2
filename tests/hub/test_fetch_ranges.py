"""A large file over several connections: as many as pay, at most eight, and back to one where that is not possible."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from hub_project import Project, project
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub_double import Hub

WEIGHTS = "model.safetensors"
PARTIAL = ".locks/modelgen/partial/models--org--model"
SLOW = 30_000_000


@pytest.fixture
def models(hub: Hub, tmp_path: Path, large: Path) -> Project:
    hub.rate = SLOW
    return project(tmp_path, hub, {"org/model": {"config.json": b"{}", WEIGHTS: large}})


def fetched(models: Project, *args: str, **environment: str) -> str:
    done = models.run("fetch", *args, **environment)
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert not [path for path in (models.hub / PARTIAL).rglob("*") if path.is_file()]
    return done.stderr


def ranges(hub: Hub) -> list[str]:
    return [request.range for request in hub.requests_for(WEIGHTS) if request.host == "cdn" and request.method == "GET"]


def part_of(models: Project) -> Path:
    return models.hub / PARTIAL / models.snapshots[0].by_path[WEIGHTS].etag


def test_a_slow_connection_gets_company(hub: Hub, models: Project, large: Path) -> None:
    fetched(models)
    asked = ranges(hub)
    assert asked[0] == ""  # the first one is alone
    assert len(asked) > 2
    assert hub.bytes_sent(WEIGHTS) < 1.1 * large.stat().st_size


def test_two_files_share_the_connections(hub: Hub, tmp_path: Path, large: Path) -> None:
    hub.rate = 5_000_000
    second = tmp_path / "second"
    second.write_bytes(large.read_bytes()[::-1])
    models = project(tmp_path, hub, {"org/model": {WEIGHTS: large}, "org/two": {WEIGHTS: second}})
    fetched(models)
    assert hub.most_at_once("cdn") > 2


REFUSALS: dict[str, Callable[[Hub], None]] = {
    "no ranges": lambda hub: hub.faults.norange(count=None),
    "429": lambda hub: hub.faults.status(429, host="cdn", path=WEIGHTS, count=2, ranges=True),
    "503": lambda hub: hub.faults.status(503, host="cdn", path=WEIGHTS, count=2, ranges=True),
    "416": lambda hub: hub.faults.status(416, host="cdn", path=WEIGHTS, count=1, ranges=True),
    "other range": lambda hub: hub.faults.otherrange(count=1),
    "reset": lambda hub: hub.faults.reset(5_000_000, count=3),
    "expired": lambda hub: hub.faults.status(403, host="cdn", path=WEIGHTS, count=2, ranges=True),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_further_connections_meet_harms_nobody(hub: Hub, models: Project, refusal: str) -> None:
    REFUSALS[refusal](hub)
    fetched(models)


@pytest.mark.parametrize("refusal", ["no ranges", "429", "416"])
def test_a_host_that_refuses_is_left_with_one_connection(hub: Hub, models: Project, large: Path, refusal: str) -> None:
    REFUSALS[refusal](hub)
    fetched(models)
    assert len(ranges(hub)) <= 3
    assert hub.bytes_sent(WEIGHTS) < 1.4 * large.stat().st_size


def test_a_flipped_byte_in_any_stretch_is_noticed(hub: Hub, models: Project) -> None:
    hub.faults.corrupt(90_000_000, path=WEIGHTS, count=2)  # the first connection is not read so far
    assert f"{WEIGHTS} arrived damaged" in fetched(models)


def test_what_an_earlier_version_left_is_kept(hub: Hub, models: Project, large: Path) -> None:
    part = part_of(models)
    part.parent.mkdir(parents=True)
    part.write_bytes(large.read_bytes()[:90_000_001])
    assert "90.0 MB of them from an earlier run" in fetched(models)
    assert hub.bytes_sent(WEIGHTS) == large.stat().st_size - 90_000_001


def test_what_came_out_of_order_is_kept(hub: Hub, models: Project, large: Path) -> None:
    size = large.stat().st_size
    with_holes(part_of(models), large, [(0, 1000), (8_000_000, 40_000_003), (90_000_000, size)], torn="41943040 5")
    kept = 1000 + 32_000_003 + size - 90_000_000
    told = fetched(models)
    assert f"{of_files(kept)} of them from an earlier run" in told
    assert hub.bytes_sent(WEIGHTS) < size - kept // 2  # a busy machine fetches some spans twice


def with_holes(part: Path, large: Path, spans: list[tuple[int, int]], torn: str = "") -> None:
    part.parent.mkdir(parents=True)
    data = large.read_bytes()
    with part.open("wb") as file:
        for start, stop in random.Random(1).sample(spans, len(spans)):
            file.seek(start)
            file.write(data[start:stop])
    lines = "".join(f"{start} {stop}\n" for start, stop in spans)
    part.with_name(f"{part.name}.spans").write_text(lines + torn)


@pytest.mark.parametrize("journal", ["", "nonsense", "0 x\n", "5 1\n", "0 999999999999\n", "-5 10\n", "\xff"])
def test_a_journal_that_is_wrong_costs_bytes_and_no_more(models: Project, large: Path, journal: str) -> None:
    part = part_of(models)
    part.parent.mkdir(parents=True)
    shutil.copyfile(large, part)
    with part.open("r+b") as file:
        file.write(b"wrong")
    part.with_name(f"{part.name}.spans").write_text(journal, encoding="latin-1")
    fetched(models)


def test_a_rate_limit_holds_over_all_transfers(hub: Hub, tmp_path: Path, large: Path) -> None:
    """Nothing here depends on how fast this machine is: a limit can only be kept or broken."""
    import time

    models = project(tmp_path, hub, {"org/model": {WEIGHTS: large}, "org/small": {"a.bin": bytes(15_000_000)}})
    begun = time.monotonic()
    fetched(models, "--max-rate", "40MB/s")
    assert time.monotonic() - begun > 116 / 40 * 0.9
