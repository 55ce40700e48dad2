"""`modelgen bundle` against plain passes over the same bytes, on the same disk. Prints ratios; never fails on time."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from measure import compare, run
from test_hub_bench import CONFIG, TWO_THREADS

from compiling import REPOSITORY, complete

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.bench

WITHOUT = ("--without", "images", "--without", "tool")
PLAIN = """
import hashlib, os, pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir()
for path in sorted(source.rglob("*")):
    if path.is_file() and not path.is_symlink():
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file, (target / path.name).open("wb", buffering=0) as out:
            while block := file.read(2**20):
                digest.update(block)
                out.write(block)
            os.fsync(out.fileno())
"""
SHARD = 256


class Hosts:
    """The host with internet, the drive, and the other host."""

    def __init__(self, folder: Path) -> None:
        self.project, self.bundle, self.there = (folder / name for name in ("project", "bundle", "there"))
        self.plain, self.model = folder / "plain", folder / "my-ft"
        self.project.mkdir()
        self.environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), "HF_HUB_OFFLINE": "1"}
        self.model.mkdir()
        self.write_model()
        model = '[models.my-ft]\nrepo = "local/my-ft"\nargs = { max-model-len = 8 }'
        toml = f'[project]\nname = "demo"\nhub = "models/hub"\n{model}'
        (self.project / "models.toml").write_text(complete(toml))
        self.take_in()

    def write_model(self) -> None:
        """Write a checkpoint of 8 shards, every megabyte of which is another, and 30 small files."""
        names = [f"model-{number:05}-of-00008.safetensors" for number in range(1, 9)]
        block = bytearray(random.Random(1).randbytes(2**20))
        for name in names:
            entry = {"dtype": "U8", "shape": [SHARD * 2**20], "data_offsets": [0, SHARD * 2**20]}
            header = json.dumps({name: entry}).encode()
            with (self.model / name).open("wb") as file:
                file.write(len(header).to_bytes(8, "little") + header)
                for number in range(SHARD):
                    block[:8] = hash_of(name, number)
                    file.write(block)
        index = {"metadata": {}, "weight_map": {name: name for name in names}}
        (self.model / "model.safetensors.index.json").write_text(json.dumps(index))
        (self.model / "config.json").write_bytes(CONFIG)
        for number in range(30):
            (self.model / f"{number:02}.txt").write_bytes(bytes([number]) * 2000)

    def take_in(self) -> None:
        """Add the model to the hub directory, lock it, and build."""
        self.modelgen("add", self.model, "--as", "local/my-ft")
        self.modelgen("lock", "--offline", "--upgrade")
        self.modelgen("build")

    def modelgen(self, *args: str | Path) -> str:
        done = subprocess.run(
            self.command(*args), env=self.environment, cwd=self.project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def command(self, *args: str | Path) -> list[str | Path]:
        config = ("--config", self.project / "models.toml")
        place = 2 if args[0] == "bundle" else 1
        return [sys.executable, "-m", "modelgen", *args[:place], *config, *args[place:]]

    def create(self, folder: Path, *args: str | Path) -> list[str | Path]:
        return self.command("bundle", "create", folder, *WITHOUT, *args)

    def importer(self, name: str, *args: str | Path) -> list[str | Path]:
        return [sys.executable, "-I", "-S", self.bundle / "importer" / f"{name}.py", *args]

    def copy(self, source: Path) -> list[str | Path]:
        return [sys.executable, "-c", PLAIN, source, self.plain]

    def clear(self, *folders: Path) -> None:
        """Remove what the last run wrote, with no write of it under way."""
        for folder in (self.plain, *folders):
            shutil.rmtree(folder, ignore_errors=True)
        os.sync()


def hash_of(name: str, number: int) -> bytes:
    return hashlib.sha256(f"{name} {number}".encode()).digest()[:8]


def test_two_gigabytes(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    compare(
        "2 GB: bundle create without images / a plain pass that reads, hashes and writes (asked: wall at most 1.3)",
        hosts.create(hosts.bundle),
        hosts.copy(hosts.project / "models" / "hub"),
        runs=3,
        environment=hosts.environment,
        before=lambda: hosts.clear(hosts.bundle),
    )
    hosts.modelgen("bundle", "create", hosts.bundle, *WITHOUT)
    compare(
        "2 GB: load / a plain pass (asked: wall at most 1.3)",
        hosts.importer("load", "--into", hosts.there),
        hosts.copy(hosts.bundle / "blobs"),
        runs=3,
        before=lambda: hosts.clear(hosts.there),
    )
    compare(
        "2 GB: verify / two threads of hashlib over the same bytes (asked: wall at most 1.05)",
        hosts.importer("verify"),
        [sys.executable, "-c", TWO_THREADS.replace("models--*/blobs/*", "blobs/*"), hosts.bundle],
        runs=3,
    )
    run(hosts.importer("load", "--into", hosts.there), hosts.environment)
    for title, command in (
        ("create with nothing new (asked: 1 s)", hosts.create(hosts.bundle)),
        ("a second load (asked: hashes nothing)", hosts.importer("load", "--into", hosts.there)),
        ("a second load --quick (asked: 0.5 s)", hosts.importer("load", "--into", hosts.there, "--quick")),
        (
            "a bundle of what --have leaves (asked: 1 s)",
            hosts.create(tmp_path / "none", "--have", hosts.bundle / "bundle.json"),
        ),
    ):
        one = run(command, hosts.environment)
        print(f"  {title:<44} {one.wall:6.2f} s, {one.cpu:6.2f} s of the processor, peak {one.peak:.0f} MiB")
    with next(hosts.model.glob("*-00003-*")).open("r+b") as shard:
        shard.seek(2**20)
        shard.write(b"another")
    hosts.take_in()
    printed = hosts.modelgen(
        "bundle", "create", tmp_path / "update", *WITHOUT, "--have", hosts.bundle / "bundle.json", "--format", "json"
    )
    print(
        f"  one changed shard of {SHARD} MB: {json.loads(printed)['written'] / 1e6:.0f} MB carried (asked: at most 300)"
    )
