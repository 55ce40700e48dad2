"""Bundles that want out of their folder, and bundles that were damaged on the way: one sentence, and nothing outside.

Whatever a bundle says, `verify` and `load` end with an exit code and sentences. They write only below the target and
its hub directory, and what is linked there has the hash of its name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bundles import name_of
from hostile_bundles import PARTED, TEXTS, changed, good, write_changed
from modelgen_importer import load, target, verify
from modelgen_importer.images import _write
from modelgen_importer.manifest import RefusedError
from modelgen_importer.reading import read_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from modelgen_importer.manifest import Image, Member
    from modelgen_importer.target import Content

ENOUGH = 2_000
MANY = 100_000
LONGEST_LINE = 1_500


class Docker:
    """A Docker that reads the archive of an image, and has the image then."""

    def __init__(self, arch: str = "") -> None:  # noqa: ARG002 - as the real one
        self._loaded: set[str] = set()

    def has(self, image: Image, config: bytes) -> bool:  # noqa: ARG002 - as the real one
        return image.reference in self._loaded

    def load(self, image: Image, contents: Callable[[Member], Content | None]) -> None:
        archive = io.BytesIO()
        for member in image.members:
            _write(archive, member, contents(member))
        archive.write(bytes(1024))
        archive.seek(0)
        with tarfile.open(fileobj=archive) as opened:
            for entry in opened:
                place = Path(os.path.normpath(Path("/archive", entry.name)))
                assert place.is_relative_to("/archive"), entry.name
                if entry.issym() or entry.islnk():
                    start = place.parent if entry.issym() else Path("/archive")
                    assert Path(os.path.normpath(start / entry.linkname)).is_relative_to("/archive"), entry.linkname
        self._loaded.add(image.reference)


class Place:
    """A folder with a bundle, a target, and a folder that no bundle may touch."""

    def __init__(self, root: Path) -> None:
        self.bundle, self.target, self.outside = (root / name for name in ("bundle", "target", "outside"))
        self.root = root
        self.outside.mkdir()
        (self.outside / "secret").write_bytes(b"secret")
        good().write(self.bundle)
        self.before = self.look()

    def look(self) -> dict[str, bytes | None]:
        """Return everything but the bundle and the target."""
        found: dict[str, bytes | None] = {}
        for path in [*self.root.iterdir(), *self.outside.rglob("*")]:
            if path not in (self.bundle, self.target):
                found[str(path)] = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        return found

    def run(
        self, capsys: pytest.CaptureFixture[str], *options: str, codes: Collection[int] = (0, 1)
    ) -> tuple[int, str]:
        """Verify and load the bundle, check what holds for every bundle, and return the exit code and the sentences."""
        capsys.readouterr()
        old = {path for path in self.target.rglob("*") if path.is_symlink()}
        ended = (verify.main([str(self.bundle)]), load.main(["--into", str(self.target), *options, str(self.bundle)]))
        said = capsys.readouterr()
        assert {*ended} <= {*codes}, (ended, said.err)
        assert bool(said.err) == (ended != (0, 0))
        for line in said.err.splitlines():
            assert line.isprintable(), line
            assert 10 < len(line) < LONGEST_LINE, line
        assert self.look() == self.before
        self.check_links(old)
        return ended[1], said.err

    def check_links(self, old: Collection[Path]) -> None:
        """Check that each new link of the hub directory stays inside and leads to what its content's name says."""
        for path in (self.target / "models").rglob("*"):
            if path.is_symlink() and path not in old:
                content = path.resolve()
                data = content.read_bytes()
                assert content.is_relative_to(self.target.resolve()), path
                assert content.name in (hashlib.sha256(data).hexdigest(), name_of("", data)), path


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "Docker", Docker)
    monkeypatch.setattr(target, "sync", lambda _: None)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_bundle_that_is_changed_loads(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.run(capsys) == (0, "")
    assert (place.target / "models/hub/models--org--model/snapshots").is_dir()


def is_refused(data: bytes) -> bool:
    """Return whether a bundle.json is refused, in a sentence with the next step."""
    try:
        read_bundle(data)
    except RefusedError as error:
        return "; " in str(error)
    return False


@pytest.mark.parametrize(
    "start", [pytest.param(0), pytest.param(ENOUGH, marks=[pytest.mark.bench, pytest.mark.timeout(7200)])]
)
def test_any_change_of_bundle_json(start: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path))
    try:
        place = Place(root)
        manifest = (place.bundle / "bundle.json").read_bytes()
        loaded = 0
        for seed in range(start, start + (MANY if start else ENOUGH)):
            data = changed(manifest, seed)
            if is_refused(data) and seed % 20:  # `load` reads it in the same way; that it does is tried for some
                continue
            write_changed(place.bundle, data)
            loaded += place.run(capsys)[0] == 0
            shutil.rmtree(place.target, ignore_errors=True)
    finally:
        shutil.rmtree(root)
    assert loaded > ENOUGH // 100  # else all inputs are refused at the door, and nothing behind it is tried


def blob_of(place: Place, data: bytes) -> Path:
    return place.bundle / "blobs" / hashlib.sha256(data).hexdigest()


def with_a_blob(change: Callable[[Path], object]) -> Callable[[Place], object]:
    """Return what replaces the weights in the bundle."""

    def replace(place: Place) -> None:
        path = blob_of(place, PARTED)
        path.unlink()
        change(path)

    return replace


def to_secret(path: Path) -> None:
    path.symlink_to("../outside/secret")


def with_sums(place: Place, line: str) -> None:
    sums = place.bundle / "SHA256SUMS"
    sums.write_text(sums.read_text() + line)


DAMAGES: dict[str, Callable[[Place], object]] = {
    "shorter": with_a_blob(lambda path: path.write_bytes(PARTED[:-1])),
    "longer": with_a_blob(lambda path: path.write_bytes(PARTED + b"x")),
    "other bytes": with_a_blob(lambda path: path.write_bytes(PARTED[::-1])),
    "missing": with_a_blob(lambda _: None),
    "empty": with_a_blob(lambda path: path.touch()),
    "a link to a secret": with_a_blob(lambda path: path.symlink_to("../../outside/secret")),
    "a link to itself": with_a_blob(lambda path: path.symlink_to(path.name)),
    "a pipe": with_a_blob(os.mkfifo),
    "a folder": with_a_blob(lambda path: path.mkdir()),
    "an endless file": with_a_blob(lambda path: path.symlink_to("/dev/zero")),
    "swapped": lambda place: swap(blob_of(place, PARTED), blob_of(place, b"{}")),
    "bundle.json is a pipe": lambda place: replaced(place.bundle / "bundle.json", os.mkfifo),
    "bundle.json is a link": lambda place: replaced(place.bundle / "bundle.json", to_secret),
    "bundle.json is missing": lambda place: (place.bundle / "bundle.json").unlink(),
    "bundle.json is a folder": lambda place: replaced(place.bundle / "bundle.json", lambda path: path.mkdir()),
    "bundle.json is not as in the sums": lambda place: write_changed(place.bundle, b"{}", other_sums=True),
    "no sums": lambda place: (place.bundle / "SHA256SUMS").unlink(),
    "sums are a pipe": lambda place: replaced(place.bundle / "SHA256SUMS", os.mkfifo),
    "sums name a file outside": lambda place: with_sums(place, f"{'0' * 64}  ../outside/secret\n"),
    "sums name a whole path": lambda place: with_sums(place, f"{'0' * 64}  /etc/passwd\n"),
    "sums name a file twice": lambda place: with_sums(place, f"{'0' * 64}  bundle.json\n"),
    "sums are no sums": lambda place: with_sums(place, "\x1b[2J\0\n"),
    "sums name what is not there": lambda place: with_sums(place, f"{'0' * 64}  README.md\n"),
    "sums name a content that bundle.json does not": lambda place: with_sums(place, f"{'0' * 64}  blobs/{'0' * 64}\n"),
    "blobs is a file": lambda place: replaced(place.bundle / "blobs", lambda path: path.write_bytes(b"")),
}  # fmt: skip


def swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    make(path)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused(name: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    DAMAGES[name](place)
    code, said = place.run(capsys)
    is_verified = "sums name" in name or "sums are" in name  # `load` needs no sums but that of bundle.json
    assert code == 1 or is_verified, said


@pytest.mark.parametrize("name", ["missing", "swapped", "doubled", "longer"])
def test_parts_are_checked_one_by_one(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path)
    shutil.rmtree(place.bundle)
    good().write(place.bundle, part=1000)
    parts = sorted((place.bundle / "blobs").glob("*.part00*"))
    changes: dict[str, Callable[[], object]] = {
        "missing": parts[2].unlink,
        "swapped": lambda: swap(parts[0], parts[1]),
        "doubled": lambda: shutil.copy(parts[0], parts[1]),
        "longer": lambda: parts[3].write_bytes(parts[3].read_bytes() + b"x"),
    }
    changes[name]()
    assert place.run(capsys)[0] == 1


HUB = "models/hub/models--org--model"
SEEN = "models/hub/.locks/modelgen/seen.json"
STRANGE = '{"files": {"../x": 3, "a": [{}]}}'
WEIGHTS = hashlib.sha256(PARTED).hexdigest()
PARTIAL = f"models/hub/.locks/modelgen/partial/bundle/{WEIGHTS}"


def prepared(path: str, make: Callable[[Path, Place], object]) -> Callable[[Place], None]:
    """Return what prepares a path of the target."""

    def prepare(place: Place) -> None:
        spot = place.target / path
        spot.parent.mkdir(parents=True, exist_ok=True)
        make(spot, place)

    return prepare


def link_outside(path: Path, place: Place) -> None:
    path.symlink_to(place.outside)


def link_to_secret(path: Path, place: Place) -> None:
    path.symlink_to(place.outside / "secret")


TARGETS = {
    "the folder of the hub leads outside": prepared("models", link_outside),
    "the folder of a repository leads outside": prepared(HUB, link_outside),
    "blobs leads outside": prepared(f"{HUB}/blobs", link_outside),
    "snapshots leads outside": prepared(f"{HUB}/snapshots", link_outside),
    "refs leads outside": prepared(f"{HUB}/refs", link_outside),
    "a ref leads outside": prepared(f"{HUB}/refs/main", link_to_secret),
    "a content leads outside": prepared(f"{HUB}/blobs/{WEIGHTS}", link_to_secret),
    "a content has other bytes": prepared(f"{HUB}/blobs/{WEIGHTS}", lambda path, _: path.write_bytes(PARTED[::-1])),
    "a content is a pipe": prepared(f"{HUB}/blobs/{WEIGHTS}", lambda path, _: os.mkfifo(path)),
    "a content is a folder": prepared(f"{HUB}/blobs/{WEIGHTS}", lambda path, _: path.mkdir()),
    "the build leads outside": prepared("build", link_outside),
    "a file of the project leads outside": prepared("models.lock", link_to_secret),
    "a file of the project is a pipe": prepared("models.lock", lambda path, _: os.mkfifo(path)),
    "the state leads outside": prepared(".modelgen", link_outside),
    "the state is a file": prepared(".modelgen/bundle", lambda path, _: path.write_bytes(b"")),
    "the target is a file": prepared("", lambda path, _: path.write_bytes(b"")),
    "what was hashed is no JSON": prepared(SEEN, lambda path, _: path.write_bytes(b"[" * 9999)),
    "what was hashed is hostile": prepared(SEEN, lambda path, _: path.write_text(STRANGE)),
    "what was copied leads outside": prepared(PARTIAL, link_to_secret),
    "what was copied has other bytes": prepared(PARTIAL, lambda path, _: path.write_bytes(b"x" * 9999)),
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("options", [(), ("--force",)], ids=["", "force"])
def test_a_target_that_was_prepared(
    name: str, options: tuple[str, ...], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    TARGETS[name](place)
    place.run(capsys, *options, codes=(0, 1, 3))  # 3: what is in the way there is not the bundle's fault


STATES = (*TEXTS, json.dumps({"format": 1, "files": [{"path": "../../outside/secret"}]}).encode())


@pytest.mark.parametrize("state", ["current", "previous", "incoming"])
@pytest.mark.parametrize("options", [(), ("--rollback",), ("--dry-run",)], ids="".join)
def test_a_hostile_state(
    state: str, options: tuple[str, ...], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = (place.bundle / "bundle.json").read_bytes()
    for number, text in enumerate((*STATES, *(changed(manifest, seed) for seed in range(20)))):
        folder = place.target / ".modelgen/bundle" / state
        folder.mkdir(parents=True)
        (folder / "bundle.json").write_bytes(text)
        (folder / "blobs").symlink_to(place.outside)
        assert place.run(capsys, *options)[0] in (0, 1), number
        shutil.rmtree(place.target)
