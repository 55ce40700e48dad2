"""`modelgen bundle create` is killed at many moments: the next run continues, and its bundle is that of a whole run."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from bundling import WITHOUT, Source, faults, small, tree

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

_SMALL_BLOCKS = "import modelgen.bundle.blobs as blobs; blobs._BLOCK = 4096"
_KILLED = f"""
{_SMALL_BLOCKS}
import os, signal
from modelgen.bundle import folder
left = [{{steps}}]
def step(*_):
    left[0] -= 1
    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
def counted(call):
    def run(*given, **named):
        step()
        return call(*given, **named)
    return run
blobs._write, blobs.sync = counted(blobs._write), counted(blobs.sync)
os.replace, os.rename, os.unlink = counted(os.replace), counted(os.rename), counted(os.unlink)
folder.place = counted(folder.place)
"""


@pytest.mark.parametrize("split", [(), ("--split", "10MB")], ids=["whole", "split"])
def test_killed_at_any_moment(tmp_path: Path, split: tuple[str, ...]) -> None:
    """At most the blocks in flight are written twice."""
    source = Source(tmp_path / "project", {f"org/m{number}": small(f"m{number}" * 10) for number in range(4)})
    source.create(tmp_path / "whole", *split)
    whole = tree(tmp_path / "whole")
    bundle, rnd = tmp_path / "bundle", random.Random(7)
    steps = 0
    for _ in range(10):
        steps += rnd.randint(1, 120)
        done = source.run("bundle", "create", bundle, *WITHOUT, *split, before=_KILLED.format(steps=steps))
        assert done.returncode in (0, -9), done.stderr
        before = _bytes(bundle)
        options = (*WITHOUT, *split, "--format", "json")
        again = json.loads(source.run("bundle", "create", bundle, *options, before=_SMALL_BLOCKS).stdout)
        assert tree(bundle) == whole
        assert not [
            path for root in {bundle, *bundle.glob("vol*")} if (root / "SHA256SUMS").exists() for path in faults(root)
        ]
        assert again["written"] <= again["bytes"] - 0.9 * before
        shutil.rmtree(bundle)


def test_a_renewal_that_is_killed_is_still_the_old_bundle(tmp_path: Path) -> None:
    source = Source(tmp_path / "project", {"org/one": small("one"), "org/two": small("two")})
    source.create(tmp_path / "bundle")
    old = tree(tmp_path / "bundle")
    source.repos["org/two"] = small("three")
    source.write()
    done = source.run("bundle", "create", tmp_path / "bundle", *WITHOUT, before=_KILLED.format(steps=20))
    assert done.returncode == -9
    now = tree(tmp_path / "bundle")
    assert {path: now.get(path) for path in old} == old
    assert "INCOMPLETE.txt" in now
    source.create(tmp_path / "bundle")
    source.create(tmp_path / "fresh")
    assert tree(tmp_path / "bundle") == tree(tmp_path / "fresh")


def _bytes(bundle: Path) -> int:
    """Return the bytes of contents, complete or begun."""
    return sum(path.stat().st_size for path in bundle.rglob("blobs/*"))
