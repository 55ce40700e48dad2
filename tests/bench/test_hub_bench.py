"""`modelgen fetch` and `modelgen verify` against the `hf` command line. Prints ratios; never fails on time.

Both ask the same double of the hub, a process of its own, over plain HTTP (HF_HUB_DISABLE_XET=1), and write to the same
disk. Seconds of the processor are those of all processes of one side; the double's are not among them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from measure import compare, run

from compiling import REPOSITORY
from hub_project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("_network")]

HF = Path(sys.executable).parent / "hf"
MODELGEN = [sys.executable, "-m", "modelgen"]
TWO_THREADS = """
import hashlib, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
def digest(path):
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
files = [path for path in pathlib.Path(sys.argv[1]).glob("models--*/blobs/*")]
with ThreadPoolExecutor(2) as pool:
    list(pool.map(digest, files))
"""
CONFIG = json.dumps({"architectures": ["Qwen3ForCausalLM"]}).encode()


@pytest.fixture
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard against connections is for tests; here the double is asked for commits."""
    monkeypatch.undo()


class Bench:
    """Repositories behind a double of the hub, a project that wants them, and a hub directory for each side."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.endpoint = endpoint
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        self.environment = kept | {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(folder / "hf-home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONPATH": str(REPOSITORY / "compiler"),
        }
        (folder / "project").mkdir()
        self.project = Project(folder / "project", self.environment)
        self.theirs = folder / "theirs"
        for repo in sorted((folder / "served").glob("*/*/")):
            name = repo.relative_to(folder / "served").as_posix()
            paths = {path.relative_to(repo).as_posix(): path for path in sorted(repo.rglob("*")) if path.is_file()}
            with urllib.request.urlopen(f"{endpoint}/api/models/{name}") as answer:
                commit = json.load(answer)["sha"]
            self.project.want(name, paths | {"config.json": CONFIG}, commit)

    def command(self, *args: str) -> list[str | Path]:
        return [*MODELGEN, args[0], "--config", self.project.folder / "models.toml", *args[1:]]

    def download(self, *repos: str) -> list[str | Path]:
        """Return the command that downloads one repository after the other."""
        each = (f"'{HF}' download {repo} --cache-dir '{self.theirs}' --quiet" for repo in repos)
        return ["/bin/sh", "-c", " && ".join(each)]

    def empty(self) -> None:
        """Begin from nothing, with no write of an earlier run under way."""
        shutil.rmtree(self.project.hub, ignore_errors=True)
        shutil.rmtree(self.theirs, ignore_errors=True)
        os.sync()

    def requests(self) -> int:
        with urllib.request.urlopen(f"{self.endpoint}/_double/requests") as answer:
            return len(json.load(answer))

    def forget_requests(self) -> None:
        request = urllib.request.Request(f"{self.endpoint}/_double/requests", method="DELETE")
        urllib.request.urlopen(request).close()


@contextlib.contextmanager
def bench(folder: Path, *options: str) -> Iterator[Bench]:
    """Serve the folders below `served`."""
    command = [sys.executable, "-m", "hub_double", str(folder / "served"), *options]
    with subprocess.Popen(command, cwd=REPOSITORY / "tests", stdout=subprocess.PIPE, text=True) as double:
        assert double.stdout
        try:
            yield Bench(folder, double.stdout.readline().split()[1])
        finally:
            double.terminate()


def shards(folder: Path, count: int, megabytes: int) -> None:
    """Make a model of so many shards; every megabyte of it is another."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(CONFIG)
    block = bytearray(random.Random(1).randbytes(2**20))
    for shard in range(1, count + 1):
        with (folder / f"model-{shard:05}-of-{count:05}.safetensors").open("wb") as file:
            for number in range(megabytes):
                block[:8] = (shard << 32 | number).to_bytes(8, "big")
                file.write(block)


def small_files(folder: Path, count: int, first: int = 0) -> None:
    """Make a model of so many files; with `first`, every model has other contents."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(CONFIG)
    for number in range(count - 1):
        (folder / f"{number:02}.txt").write_bytes(random.Random(first * count + number).randbytes(2000))


def test_two_gigabytes(tmp_path: Path) -> None:
    shards(tmp_path / "served/org/model", 8, 250)
    with bench(tmp_path) as both:
        compare(
            "2 GB in 8 shards, without Xet: modelgen fetch (hashes) / hf download (asked: wall at most 0.35, cpu 0.3)",
            both.command("fetch"),
            both.download("org/model"),
            runs=5,
            environment=both.environment,
            before=both.empty,
        )
        both.empty()
        assert both.project.run("fetch").returncode == 0
        subprocess.run(both.download("org/model"), env=both.environment, check=True, capture_output=True)
        verify = f"'{HF}' cache verify org/model --cache-dir '{both.theirs}'"
        compare(
            "2 GB: modelgen verify (offline) / hf cache verify (asked: wall at most 0.67)",
            both.command("verify"),
            ["/bin/sh", "-c", verify],
            runs=5,
            environment=both.environment,
        )
        compare(
            "2 GB: modelgen verify / two threads of hashlib over the same bytes (asked: wall at most 1.05)",
            both.command("verify"),
            [sys.executable, "-c", TWO_THREADS, both.project.hub],
            runs=5,
            environment=both.environment,
        )


def test_one_file_at_10_megabytes_a_second_and_connection(tmp_path: Path) -> None:
    aria2c = shutil.which("aria2c")
    if aria2c is None:
        pytest.skip("aria2c is not installed (Debian's aria2)")
    shards(tmp_path / "served/org/model", 1, 500)
    with bench(tmp_path, "--rate", "10000000") as both:
        file = "org/model/resolve/main/model-00001-of-00001.safetensors"
        compare(
            "one file of 500 MB, 10 MB/s for a connection: modelgen fetch / aria2c -x4 (asked: wall at most 1.2)",
            both.command("fetch"),
            [aria2c, "-x4", "-s4", "-q", "-d", both.theirs, "-o", "file", f"{both.endpoint}/{file}"],
            runs=3,
            environment=both.environment,
            before=both.empty,
        )


def test_three_hundred_repositories(tmp_path: Path) -> None:
    header = json.dumps({"weight": {"dtype": "F16", "shape": [1001], "data_offsets": [0, 2002]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(2000)
    for number in range(300):
        folder = tmp_path / f"served/org/model-{number:03}"
        small_files(folder, 8, number)
        (folder / "model.safetensors").write_bytes(weights + number.to_bytes(2, "big"))
        (folder / "tokenizer.json").write_bytes(b'{"version": "1.0", "model": {"type": "BPE"}, "number": %d}' % number)
    with bench(tmp_path, "--latency", "0.05") as both:
        both.empty()
        (both.project.folder / "models.lock").unlink()
        locked = run(both.command("lock"), both.environment)
        fetched = run(both.command("fetch"), both.environment)
        again = run(both.command("fetch"), both.environment)
        print("\n300 repositories of 10 small files at 50 ms (asked: lock and fetch at most 30 s, below 150 MB)")
        for name, one in (("lock", locked), ("fetch", fetched), ("nothing to do", again)):
            print(f"  {name:<13} {one.wall:6.2f} s, {one.cpu:6.2f} s of the processor, peak {one.peak:.0f} MiB")
        print(f"  {'both':<13} {locked.wall + fetched.wall:6.2f} s")


def test_small_files_far_away(tmp_path: Path) -> None:
    repos = [f"org/model-{number}" for number in range(6)]
    for repo in repos:
        small_files(tmp_path / "served" / repo, 50)
    with bench(tmp_path, "--latency", "0.06") as both:
        compare(
            "6 × 50 small files at 60 ms, without Xet: modelgen fetch / hf download, one by one (asked: wall 0.33)",
            both.command("fetch"),
            both.download(*repos),
            runs=3,
            environment=both.environment,
            before=both.empty,
        )


def test_nothing_to_do(tmp_path: Path) -> None:
    repos = [f"org/model-{number:02}" for number in range(20)]
    for repo in repos:
        small_files(tmp_path / "served" / repo, 20)
    with bench(tmp_path) as both:
        assert both.project.run("fetch").returncode == 0
        subprocess.run(both.download(repos[0]), env=both.environment, check=True, capture_output=True)
        both.forget_requests()
        assert both.project.run("fetch").returncode == 0
        print(f"\n20 repositories, nothing to do: {both.requests()} requests (asked: 0)")
        compare(
            "the same, modelgen fetch / hf download of one, which has nothing to do either (asked: wall at most 0.2)",
            both.command("fetch"),
            both.download(repos[0]),
            environment=both.environment,
        )
