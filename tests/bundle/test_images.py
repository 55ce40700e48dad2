"""Images of a bundle: an archive of `docker image save` becomes members and blobs, and back."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen.bundle import images
from modelgen.bundle.archives import read_members
from modelgen.bundle.images import Archiving, Wanted, inspect, is_same
from modelgen.files import ModelgenError
from modelgen.operate.local_images import LocalImage, size_together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelgen.bundle.archives import Data
    from modelgen.bundle.manifest import Image

BASE, OWN, OTHER = b"b" * 3000, b"own" * 999, b"other" * 1024
CONFIG = json.dumps({"architecture": "amd64"}).encode()
Entry = tuple[str, bytes | str | None]


class Memory:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.written: list[int] = []

    def has(self, sha256: str, size: int) -> bool:
        return len(self.blobs.get(sha256, b"")) == size

    def add_stream(self, source: Data | io.BytesIO, size: int, sha256: str | None = None) -> str:
        data = source.read(size)
        self.written.append(len(data))
        found = hashlib.sha256(data).hexdigest()
        assert found == sha256 or sha256 is None
        self.blobs[found] = data
        return found


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def classic(*layers: bytes) -> list[Entry]:
    """Return what Docker 20.10 writes: a folder for each layer; of equal ones, the second is a link."""
    entries: list[Entry] = []
    for number, layer in enumerate(layers):
        name = digest(b"".join(layers[: number + 1]))
        first = layers.index(layer)
        link = f"../{digest(b''.join(layers[: first + 1]))}/layer.tar"
        entries += [(name, None), (f"{name}/layer.tar", layer if first == number else link)]
    config = f"{digest(CONFIG)}.json"
    entries += [(config, CONFIG), ("manifest.json", json.dumps([{"Config": config}]).encode())]
    return [*entries, ("repositories", json.dumps({"i": len(layers)}).encode())]


def oci(*layers: bytes) -> list[Entry]:
    """Return what Docker 25 and newer write, and containerd's store: an OCI layout, with a manifest.json."""
    manifest = json.dumps({"layers": [digest(layer) for layer in layers]}).encode()
    blobs = {digest(data): data for data in (CONFIG, manifest, *layers)}
    entries: list[Entry] = [("blobs", None), ("blobs/sha256", None)]
    entries += [(f"blobs/sha256/{name}", data) for name, data in sorted(blobs.items())]
    index = json.dumps({"manifests": [{"digest": f"sha256:{digest(manifest)}"}]}).encode()
    config = json.dumps([{"Config": f"blobs/sha256/{digest(CONFIG)}"}]).encode()
    return [*entries, ("index.json", index), ("manifest.json", config), ("oci-layout", b"{}")]


def pack(entries: Sequence[Entry]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content if isinstance(content, bytes) else b""))
    return file.getvalue()


def unpacked(image: Image, store: Memory) -> list[Entry]:
    """Return the entries that the members of an image describe."""
    kinds = {"directory": None, "symlink": "", "hardlink": ""}
    return [
        (one.name, store.blobs[one.sha256] if one.sha256 else (one.target or kinds[one.type])) for one in image.members
    ]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What `docker image save` prints, by reference."""
    found: dict[str, bytes] = {}
    monkeypatch.setattr(images, "save", lambda reference: nullcontext(io.BytesIO(found[reference])))
    return found


@pytest.mark.parametrize("layout", [classic, oci])
def test_an_image_is_its_members_and_shared_layers_are_written_once(
    saved: dict[str, bytes], layout: Callable[..., list[Entry]]
) -> None:
    both = {"own:1": layout(BASE, OWN, BASE), "other:1": layout(BASE, OTHER)}
    saved.update({name: pack(entries) for name, entries in both.items()})
    store = Memory()
    archiving = Archiving(store)
    for name, entries in both.items():
        image = archiving.add(name, "engine")
        assert unpacked(image, store) == entries
        assert image.config == f"sha256:{digest(CONFIG)}"
        assert image.size == sum(len(content) for _, content in entries if isinstance(content, bytes))
        assert (image.manifest is None) == (layout is classic)
        assert is_same(LocalImage(name, image.manifest or image.config, "amd64", 1, ()), image)
        assert not is_same(LocalImage(name, "sha256:other", "amd64", 1, ()), image)
    assert sorted(size for size in store.written if size > 2000) == sorted(map(len, (BASE, OWN, OTHER)))


@pytest.mark.parametrize("kept", [100, 600, 3300, -2048])
def test_an_archive_that_ends_early_is_refused(saved: dict[str, bytes], kept: int) -> None:
    whole = pack(classic(BASE, OWN))
    saved["own:1"] = whole[: whole.rindex(b"repositories") + 600 if kept < 0 else kept]
    with pytest.raises(ModelgenError, match=r"`docker image save own:1` wrote an archive that is damaged|has no man"):
        Archiving(Memory()).add("own:1", "engine")


def test_an_archive_without_a_configuration_is_refused(saved: dict[str, bytes]) -> None:
    saved["own:1"] = pack([entry for entry in classic(BASE) if entry[0] != "manifest.json"])
    with pytest.raises(ModelgenError, match=r"the archive of own:1 has no manifest\.json; update Docker"):
        Archiving(Memory()).add("own:1", "engine")


def test_a_layer_that_changed_under_its_name_is_refused(saved: dict[str, bytes]) -> None:
    entries = classic(BASE)
    saved["own:1"] = pack(entries)
    saved["own:2"] = pack([(name, b"x" * len(BASE) if content == BASE else content) for name, content in entries])
    archiving = Archiving(Memory())
    archiving.add("own:1", "engine")
    with pytest.raises(ModelgenError, match=r"layer\.tar has the SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}"):
        archiving.add("own:2", "engine")


@given(st.lists(st.tuples(st.binary(max_size=1200), st.integers(0, 1200)), max_size=8))
def test_every_member_is_read_from_its_beginning(contents: list[tuple[bytes, int]]) -> None:
    archive = io.BytesIO(pack([(str(number), data) for number, (data, _) in enumerate(contents)]))
    for (info, data), (content, most) in zip(read_members(archive), contents, strict=True):
        assert info.size == data.size == len(content)
        assert data.read(most) == content[:most]  # the rest is skipped
    assert archive.read() == b""


def test_what_is_missing_here_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {
        "engine:1": LocalImage("engine:1", "sha256:1", "amd64", 10, ("a",)),
        "arm:1": LocalImage("arm:1", "sha256:2", "arm64", 10, ("a",)),
    }
    monkeypatch.setattr(images, "find_image", here.get)
    names = ["engine:1", "arm:1", "gone:1", "name:1@sha256:" + "0" * 64]
    found = inspect([Wanted(name, "engine", f"docker pull {name}") for name in names], "amd64")
    assert [*found.images] == ["engine:1"]
    assert found.problems == (
        "the image arm:1 is for arm64, and the other host is amd64; run `docker pull arm:1`",
        "the image gone:1 is not here; run `docker pull gone:1`",
        f"the image {names[3]} has a digest, which `docker load` does not keep; name it by a tag in models.toml",
    )


def test_the_layers_of_a_base_are_counted_once() -> None:
    def image(size: int, *layers: str) -> LocalImage:
        return LocalImage("i", "", "amd64", size, layers)

    assert size_together([image(10, "a"), image(13, "a", "b"), image(15, "a", "b", "c"), image(13, "a", "b")]) == 15
    assert size_together([image(13, "a", "b"), image(14, "a", "c")]) == 27
    assert size_together([]) == 0
