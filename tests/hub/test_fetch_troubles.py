"""One repository, or one host, in trouble among many: the others come as if nothing was, and one sentence says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hub_project import Project, project
from modelgen.hub.fetching.limit import Limit

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

CONFIG = {"config.json": b"{}"}
GOOD = [f"org/good-{number:02}" for number in range(12)]
MANY = {f"{number:02}.txt": f"broken {number}".encode() * 100 for number in range(40)}


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    """One repository of more files than are asked for at once, and others; it has most to bring, so it comes first."""
    good = {name: CONFIG | {f"{number}": f"{name} {number}".encode() for number in range(6)} for name in GOOD}
    return project(tmp_path, hub, {"org/broken": CONFIG | MANY, **good})


def damaged(models: Project) -> set[str]:
    return {text.partition(":")[0] for text in models.damage()}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_repository_that_always_fails_is_given_up(hub: Hub, models: Project, status: int) -> None:
    hub.faults.status(status, path="org/broken/*.txt", count=None)
    done = models.run("fetch")
    assert (done.returncode, damaged(models)) == (1, {"org/broken"}), done.stderr
    asked = [request.path for request in hub.requests_for("org/broken/*.txt") if request.method == "GET"]
    assert len(asked) <= len(MANY) + 3 * 6
    assert sum(f"answers {status}" in line for line in done.stderr.splitlines()) == 2, done.stderr
    assert re.search(rf"http://127\.0\.0\.1:\d+ answers {status}; trying again in", done.stderr)
    told = r"modelgen: broken: org/broken \(00.txt, 01.txt, 02.txt and 3[78] more\): http"
    assert re.match(told, done.stderr.splitlines()[-1]), done.stderr


def test_nobody_waits_for_a_repository_that_waits(hub: Hub, models: Project) -> None:
    hub.faults.status(500, path="org/broken/*.txt", count=None)
    models.run("fetch")
    last = {
        request.path.split("/")[2]: number for number, request in enumerate(hub.requests) if "broken" in request.path
    }
    good = [number for number, request in enumerate(hub.requests) if "/good-" in request.path]
    assert max(last.values()) > max(good)


def test_a_repository_that_recovers_is_completed(hub: Hub, models: Project) -> None:
    hub.faults.status(500, path="org/broken/*.txt", count=len(MANY) + 3)
    done = models.run("fetch")
    assert (done.returncode, damaged(models)) == (0, set()), done.stderr


def test_single_files_that_fail_do_not_end_their_repository(hub: Hub, models: Project) -> None:
    for name in ("05.txt", "20.txt", "35.txt"):
        hub.faults.status(500, path=f"org/broken/{name}", count=None)
    done = models.run("fetch")
    assert done.returncode == 1
    assert models.damage()[:3] == [f"org/broken: {name} is missing" for name in ("05.txt", "20.txt", "35.txt")]


def test_one_repository_slows_down_nobody() -> None:
    limit = Limit(8, repositories=300)
    for number in range(5):
        limit.is_overloaded("org/broken", float(number))
    assert _most(limit) == 8


def test_signs_from_several_repositories_slow_down_and_success_speeds_up() -> None:
    limit = Limit(8, repositories=300)
    for repo in "abc":
        limit.is_overloaded(f"org/{repo}", 1.0)
    assert _most(limit) == 4
    for _ in range(4 + 5 + 6 + 7 + 99):
        limit.is_fine()
    assert _most(limit) == 8


def _most(limit: Limit) -> int:
    return limit._now  # noqa: SLF001 - else only time would show it
