"""Random repositories, volumes, have-lists and half-filled folders: the other host gets exactly what the lock names."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import snapshot_download
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bundling import WITHOUT, Source, faults, manifest, small
from modelgen.bundle.volumes import CLUSTER, FAT_LIMIT, PART, Dealer
from modelgen.cli.app import cli
from modelgen_importer import load, verify

pytestmark = pytest.mark.slow  # draws many bundles

NAMES = st.text("abcdef0123-_.", min_size=1, max_size=12).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.builds(
    lambda seed, size: hashlib.sha256(b"%d" % seed).digest() * (size // 32 + 1),
    st.integers(0, 5),
    st.one_of(st.integers(0, 5000), st.integers(0, 3_000_000)),
)
REPOS = st.dictionaries(
    st.sampled_from(["org/one", "org/two", "three/x"]),
    st.dictionaries(
        st.sampled_from(["a.json", "b.safetensors", "deep/c.bin", "deep/er/d.txt", "e"]), CONTENTS, max_size=5
    ),
    min_size=1,
    max_size=3,
)


def run(*args: object) -> int:
    """Run the command line in this process."""
    code: int = cli.main([*map(str, args)], standalone_mode=False)
    return code


def with_config(repos: dict[str, dict[str, bytes]]) -> dict[str, dict[str, bytes]]:
    return {repo: {**small(repo.replace("/", "-")), **files} for repo, files in repos.items()}


@given(first=REPOS, second=REPOS, split=st.one_of(st.none(), st.integers(8, 20)), data=st.data())
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_what_is_carried_arrives(
    first: dict[str, dict[str, bytes]], second: dict[str, dict[str, bytes]], split: int | None, data: st.DataObject
) -> None:
    """A first bundle, then a delta, in random order of volumes, into a folder that lost some files in between."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target, options = folder / "target", [] if split is None else ["--split", f"{split}MB"]
        source = Source(folder / "project", with_config(first))
        make = ["bundle", "create", "--config", source.folder, *WITHOUT]
        assert run(*make, *options, folder / "first") == 0
        arrive(folder / "first", split, target, data)
        source.repos = with_config(second)
        shutil.rmtree(source.hub)
        source.write()
        old = next((folder / "first").rglob("bundle.json"))
        assert run(*make, *options, "--have", old, folder / "second") == 0
        arrive(folder / "second", split, target, data)
        carried = {path.name[:64] for path in (folder / "second").rglob("blobs/*")}
        had = {file["name"] for file in hub_files(old.parent)}
        new = names_of(next((folder / "second").rglob("bundle.json")).parent)
        assert not {sha256 for sha256, names in new.items() if names <= had} & carried
        opened(source, target)
        assert run("verify", "--config", target) == 0


def arrive(bundle: Path, split: int | None, target: Path, data: st.DataObject) -> None:
    """Check a bundle and its volumes, and load them in any order."""
    roots = [bundle] if split is None else sorted(bundle.glob("vol*"))
    for root in roots:
        assert faults(root) == []
        if split is not None:
            sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
            assert sum(-(-size // CLUSTER) * CLUSTER for size in sizes) <= split * 10**6
    assert verify.main([str(bundle)]) == 0
    order = data.draw(st.permutations(roots))
    codes = [load.main(["--into", str(target), str(root)]) for root in order]
    assert codes == [1] * (len(roots) - 1) + [0]


def hub_files(folder: Path) -> list[dict[str, str]]:
    return [file for snapshot in manifest(folder)["hub"]["snapshots"] for file in snapshot["files"]]


def names_of(folder: Path) -> dict[str, set[str]]:
    """Return the names that a content has in the hub directory: its hash, git's id, or both in two repositories."""
    found: dict[str, set[str]] = {}
    for file in hub_files(folder):
        found.setdefault(file["sha256"], set()).add(file["name"])
    return found


def opened(source: Source, target: Path) -> None:
    """Open each repository by name and by commit in the real client, offline."""
    for snapshot in manifest_of(target)["hub"]["snapshots"]:
        for revision in ("main", snapshot["commit"]):
            found = snapshot_download(
                snapshot["repo"], revision=revision, cache_dir=target / "models" / "hub", local_files_only=True
            )
            got = {
                path.relative_to(found).as_posix(): path.read_bytes()
                for path in Path(found).rglob("*")
                if path.is_file()
            }
            assert got == source.repos[snapshot["repo"]]


def manifest_of(target: Path) -> Any:  # noqa: ANN401 - JSON
    return manifest(target / ".modelgen" / "bundle" / "current")


@given(st.lists(st.integers(0, 20_000_000), max_size=30), st.integers(1, 200))
def test_volumes_hold_what_is_dealt(sizes: list[int], clusters: int) -> None:
    room = 2**20 + clusters * CLUSTER
    dealer = Dealer(room)
    dealt = [dealer.deal(size) for size in sizes]
    assert [sum(piece.size for piece in pieces) for pieces in dealt] == sizes
    for volume in range(1, dealer.volumes + 1):
        taken = [piece.size for pieces in dealt for piece in pieces if piece.volume == volume]
        assert sum(-(-size // CLUSTER) * CLUSTER for size in taken) <= room
    whole = sum(-(-size // CLUSTER) * CLUSTER for size in sizes)
    assert dealer.volumes <= max(1, -(-whole // (room - 2**20 + CLUSTER)) + 1)


@pytest.mark.parametrize("dealer", [Dealer(longest=FAT_LIMIT), Dealer(25 * 10**9)])
def test_no_file_is_longer_than_fat_allows(dealer: Dealer) -> None:
    pieces = dealer.deal(60 * 10**9)
    assert sum(piece.size for piece in pieces) == 60 * 10**9
    assert max(piece.size for piece in pieces) <= PART
    assert len(dealer.deal(10**9)) <= 2


def test_a_drive_with_a_limit_gets_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As FAT, at 100 KB."""
    from modelgen.bundle import folder, volumes

    monkeypatch.setattr(folder, "_longest", lambda _: 100_000)
    monkeypatch.setattr(volumes, "PART", 60_000)
    source = Source(tmp_path / "project", {"org/one": small("one" * 4)})
    make = ["bundle", "create", "--config", source.folder, *WITHOUT, tmp_path / "bundle"]
    assert run(*make) == 0
    assert max(path.stat().st_size for path in (tmp_path / "bundle" / "blobs").iterdir()) <= 60_000
    assert faults(tmp_path / "bundle") == []
    before = (tmp_path / "bundle" / "blobs").stat().st_mtime_ns
    assert run(*make) == 0
    assert (tmp_path / "bundle" / "blobs").stat().st_mtime_ns == before
    assert load.main(["--into", str(tmp_path / "target"), str(tmp_path / "bundle")]) == 0
    opened(source, tmp_path / "target")
