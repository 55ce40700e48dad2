"""Fetches that end before they are done, and two at once: what came is kept, and comes no second time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from hub_project import Project, project
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub

KILLS = 20
PARTIAL = ".locks/modelgen/partial"


def test_killed_twenty_times(hub: Hub, tmp_path: Path, large: Path) -> None:
    """Each run goes on where the one before was killed: on the disk, byte by byte."""
    second = tmp_path / "second"
    second.write_bytes(large.read_bytes()[::-1])
    models = project(
        tmp_path,
        hub,
        {
            "org/one": {"config.json": b"{}", "model.safetensors": large, "tokenizer.bin": bytes(300_000)},
            "org/two": {f"{number}.txt": bytes([number]) * 9000 for number in range(20)} | {"a.gguf": second},
        },
    )
    total = sum(file.size for entry in models.snapshots for file in entry.files)
    moments = random.Random(20261125)
    hub.faults.slow(60_000_000, count=None)
    kept = again = 0
    before: dict[str, list[Span]] = {}
    for _ in range(KILLS):
        fetch = models.start("fetch")
        wait_for(hub, moments.uniform(0, 1.6 * total / KILLS), moments.uniform(0, 0.3), fetch)
        fetch.kill()
        fetch.communicate(timeout=60)
        again += fetched_again(hub, before)
        before = on_disk(models)
        kept += total_of(before)
        hub.clear()
    done = models.run("fetch")
    again += fetched_again(hub, before)
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert kept > 0
    assert again <= 0.1 * kept
    assert not [*(models.hub / PARTIAL).rglob("*.safetensors")]
    assert not [*models.hub.rglob("*.incomplete")]


Span = tuple[int, int]


def on_disk(models: Project) -> dict[str, list[Span]]:
    """Return which bytes of each file are there, whole or in part."""
    found = {}
    for entry in models.snapshots:
        folder = models.snapshot(entry).parents[1]
        for file in entry.files:
            whole, part = folder / "blobs" / file.etag, models.hub / PARTIAL / folder.name / file.etag
            left = max(
                (path.stat().st_size for path in (folder / "blobs").glob(f"{file.etag}.*.incomplete")), default=0
            )
            found[f"{entry.repo}/{file.path}"] = (
                [(0, file.size)] if whole.exists() else [*spans_in(part)] or [(0, left)]
            )
    return found


def spans_in(part: Path) -> Iterator[Span]:
    """Yield which bytes of a partial file are there: what its journal says, without one all of it."""
    journal = part.with_name(f"{part.name}.spans")
    if journal.exists():
        end = 0
        for start, stop in sorted(tuple(map(int, line.split())) for line in journal.read_text().splitlines()):
            yield max(start, end), max(stop, end)
            end = max(stop, end)
    elif part.exists():
        yield 0, part.stat().st_size


def total_of(there: dict[str, list[Span]]) -> int:
    return sum(stop - start for spans in there.values() for start, stop in spans)


def fetched_again(hub: Hub, before: dict[str, list[Span]]) -> int:
    """Return how many of the bytes that were there a run was sent."""
    again = 0
    for file, spans in before.items():
        for request in hub.requests_for(file):
            if request.method == "GET" and request.status in (200, 206):
                first = int(request.range.removeprefix("bytes=").partition("-")[0] or 0)
                again += sum(max(0, min(stop, first + request.sent) - max(start, first)) for start, stop in spans)
    return again


def wait_for(hub: Hub, sent: float, seconds: float, fetch: subprocess.Popen[str]) -> None:
    """Wait until so many bytes were sent, and a moment more."""
    while hub.bytes_sent() < sent and fetch.poll() is None:
        time.sleep(0.002)
    time.sleep(seconds)


def test_interrupted(hub: Hub, tmp_path: Path, large: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": large}})
    hub.faults.slow(20_000_000)
    fetch = models.start("fetch")
    wait_for(hub, 10_000_000, 0, fetch)
    fetch.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 130
    assert time.monotonic() - begun < 3
    assert talk.splitlines()[-1] == "modelgen: interrupted; downloads are kept, run `modelgen fetch` again"
    assert "Traceback" not in talk
    kept = total_of(on_disk(models))
    assert kept > 0
    hub.clear()
    done = models.run("fetch")
    assert f"{of_files(kept)} of them from an earlier run" in done.stderr
    assert hub.bytes_sent() == large.stat().st_size - kept
    assert models.damage() == []


def test_interrupted_while_nobody_answers(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}"}})
    hub.latency = 600
    fetch = models.start("fetch")
    assert hub.was_asked.wait(60)
    fetch.send_signal(signal.SIGINT)
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 130
    assert "Traceback" not in talk


def test_two_at_once(hub: Hub, tmp_path: Path, large: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": large}})
    hub.faults.slow(10_000_000, count=None)
    first = models.start("fetch")
    wait_for(hub, 1, 0, first)
    second = models.run("fetch")
    assert second.returncode == 0, second.stderr
    assert second.stderr.startswith(f"waiting for `modelgen fetch` (process {first.pid} on ")
    assert first.wait() == 0
    first.communicate()
    # What was under way over the first connection when others joined it is lost.
    assert hub.bytes_sent() < 1.1 * large.stat().st_size
    assert models.damage() == []


def test_leftovers_of_killed_clients_go(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"a.bin": bytes(20_000), "b.bin": bytes(200_000)}})
    entry = models.snapshots[0]
    blobs = models.snapshot(entry).parents[1] / "blobs"
    hub.faults.stall(15_000, path="a.bin")
    command = [sys.executable, "-m", "huggingface_hub.cli.hf", "download", "org/model", "a.bin", "--cache-dir"]
    environment = {**models.environment, "HF_HUB_DOWNLOAD_TIMEOUT": "60"}
    client = subprocess.Popen(
        [*command, models.hub], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not [*blobs.glob("*.incomplete")]:
        time.sleep(0.01)
    [live] = blobs.glob("*.incomplete")
    orphan = blobs / f"{entry.by_path['b.bin'].etag}.0123abcd.incomplete"
    orphan.write_bytes(bytes(1000))
    old, young = (models.hub / PARTIAL / "models--org--gone" / (name * 64) for name in ("a", "b"))
    old.parent.mkdir(parents=True)
    for path, days in ((old, 8), (young, 6)):
        path.write_bytes(b"part")
        os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    probe = blobs.parent / "tmp0123abcd"
    probe.mkdir()
    (probe / "dummy_file_src").touch()
    os.utime(probe, (time.time() - 100,) * 2)
    fetch = models.start("fetch")
    while not models.blob(entry, "b.bin").exists():
        time.sleep(0.01)
    assert not probe.exists()
    assert (live.exists(), orphan.exists(), old.exists(), young.exists()) == (True, False, False, True)
    client.kill()
    client.wait()
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 0, talk
    assert models.damage() == []
