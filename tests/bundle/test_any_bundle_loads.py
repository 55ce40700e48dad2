"""Whatever the repositories and volumes of a bundle look like: loaded, it opens offline in the real client."""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import snapshot_download
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundles import Written
from compiling import script
from modelgen_importer import load, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = st.text(st.sampled_from("abcXYZ019-_. ()[]{}+=@~!$%&'#,;^éüñ日本語🙂"), min_size=1, max_size=12).filter(
    lambda name: name.strip(" .") == name and not name.startswith("-")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
KINDS = st.tuples(st.sampled_from([0, 1, 9_999, 30_000]), st.sampled_from(["", ".safetensors"]))
TREES = st.dictionaries(PATHS, KINDS, min_size=1, max_size=8).filter(
    lambda tree: not any(other.startswith(f"{path}/") for path in tree for other in tree)
)
OPEN = """
import sys
from huggingface_hub import snapshot_download
for argument in sys.argv[1:]:
    repo, commit = argument.split("@")
    print(snapshot_download(repo))
    print(snapshot_download(repo, revision=commit))
"""
Files = dict[str, bytes]
Tree = dict[str, tuple[int, str]]


def files_of(tree: Tree) -> Files:
    """Return files with contents of their own; several files of all trees have the same."""
    return {
        path + ending: (hashlib.sha256(path[:1].encode()).digest() * (size // 32 + 1))[:size]
        for path, (size, ending) in tree.items()
    }


def repository(number: int) -> tuple[str, str]:
    return f"org/model-{number}", f"{number:040x}"


def bundle_of(trees: Sequence[Files]) -> Written:
    written = Written({"models.toml": b"x = 1\n", "models.lock": b"{}"})
    for number, files in enumerate(trees):
        repo, commit = repository(number)
        written.snapshot(files, repo, commit)
    return written


def loaded(folder: Path, trees: Sequence[Files], cut: int | None, volume: int | None, seed: int) -> Path:
    """Load what belongs to the first half of the trees, then a bundle of all that leaves this out; return the hub."""
    target, half = folder / "target", list(trees[: len(trees) // 2])
    assert load.main(["--into", str(target), str(bundle_of(half).write(folder / "half"))]) == 0
    whole = bundle_of(trees)
    known = {data for files in half for data in files.values()}
    have = [sha256 for sha256, data in whole.contents.items() if data in known]
    bundle = whole.write(folder / "whole", have=have, part=cut, volume=volume)
    folders = sorted(bundle.glob("vol*")) or [bundle]
    random.Random(seed).shuffle(folders)
    for number, one in enumerate(folders, start=1):
        assert verify.main([str(one)]) == 0
        assert load.main(["--into", str(target), str(one)]) == int(number < len(folders))
    return target / "models/hub"


@given(
    drawn=st.lists(TREES, min_size=1, max_size=4),
    cut=st.sampled_from([None, 7_000]),
    volume=st.sampled_from([None, 12_000, 40_000]),
    seed=st.integers(0, 9),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[*HealthCheck])
def test_any_bundle_opens_offline(drawn: list[Tree], cut: int | None, volume: int | None, seed: int) -> None:
    trees = [*map(files_of, drawn)]
    with tempfile.TemporaryDirectory() as folder:
        hub = loaded(Path(folder), trees, cut, volume, seed)
        for number, files in enumerate(trees):
            repo, commit = repository(number)
            by_name, by_commit = (
                Path(snapshot_download(repo, revision=revision, cache_dir=hub, local_files_only=True))
                for revision in (None, commit)
            )
            assert by_name == by_commit
            assert {path: (by_name / path).read_bytes() for path in files} == files


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.33.0", "0.36.0"])
@given(drawn=st.lists(TREES, min_size=4, max_size=8))
@settings(max_examples=1, deadline=None, suppress_health_check=[*HealthCheck])
def test_any_bundle_opens_in_older_clients(clients: Callable[[str], Path], version: str, drawn: list[Tree]) -> None:
    trees = [*map(files_of, drawn)]
    with tempfile.TemporaryDirectory() as folder:
        hub = loaded(Path(folder), trees, None, None, 0)
        names = ["@".join(repository(number)) for number in range(len(trees))]
        environment = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub), "PYTHONPATH": str(clients(version))}
        done = script(OPEN, *names, cwd=Path(folder), env=environment)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 2 * len(trees)
