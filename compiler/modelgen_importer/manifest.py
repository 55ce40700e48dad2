"""Define bundle.json. Everything in a bundle is untrusted: `reading` compares each value with the type of its field."""

from __future__ import annotations

import errno
import re
from typing import Annotated, Any, NamedTuple, Optional

_BAD_IN_PATH = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff\\<>"|?*]|^[A-Za-z]:')


class RefusedError(Exception):
    """A bundle, or the place that it goes to, cannot be used; the message is one sentence with the next step."""

    code = 1


class UnableError(RefusedError):
    """Something outside the bundle failed, such as a disk or Docker."""

    code = 3


_WAYS_OUT = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "give this user the right to it",
    errno.EPERM: "give this user the right to it",
}


def cannot(action: str, path: object, error: OSError) -> UnableError:
    """Return the error for a failed system call."""
    way_out = _WAYS_OUT.get(error.errno or 0, "check its disk")
    reason = error.strerror or str(error)
    return UnableError(f"cannot {action} {path}: {reason}; {way_out} and run it again, what was copied is kept")


def is_path(text: str) -> bool:
    """Return whether a text is a relative path that stays below its folder, by the rules of models.lock."""
    if len(text) > 1000 or _BAD_IN_PATH.search(text):
        return False
    return not any(part in ("", ".", "..") or len(part.encode()) > 255 for part in text.split("/"))


def _is_repo(text: str) -> bool:
    part = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
    return bool(re.fullmatch(rf"(?:{part}/)?{part}", text[:97])) and not re.search(r"--|\.\.|\.git$|.{97}", text)


Text = Annotated[str, r"[^\x00-\x1f\x7f\ud800-\udfff]{0,2000}"]
Path = Annotated[str, is_path]
Sha256 = Annotated[str, "[0-9a-f]{64}"]
Digest = Annotated[
    Optional[str],
    "sha256:[0-9a-f]{64}",
]


class File(NamedTuple):
    """A file of the project, of a snapshot (with its name in `blobs/` of the hub directory), or of no hub."""

    path: Path
    sha256: Sha256
    size: int
    name: Annotated[str, "[0-9a-f]{40}([0-9a-f]{24})?"] = ""
    executable: bool = False


class Snapshot(NamedTuple):
    """A repository at a commit; `tree` is the hash of its listing."""

    repo: Annotated[str, _is_repo]
    commit: Annotated[str, "[0-9a-f]{40}"]
    refs: list[Path]
    tree: Sha256
    models: list[Text]
    files: list[File]


class Hub(NamedTuple):
    """The contents of the hub directory; `path` is as models.toml has it."""

    path: Text
    snapshots: list[Snapshot]
    assets: list[File]


class Member(NamedTuple):
    """An entry of an archive of `docker save`."""

    name: Path
    type: Annotated[str, "file|directory|symlink|hardlink"]
    mode: int
    sha256: Sha256 = ""
    size: int = 0
    target: Text = ""


class Image(NamedTuple):
    """A container image, with the digests of its configuration and its manifest."""

    reference: Annotated[str, "[A-Za-z0-9][A-Za-z0-9._/:-]{0,254}"]
    role: Annotated[str, "[a-z-]{1,40}"]
    config: Digest
    manifest: Digest
    size: int
    members: list[Member]


class Piece(NamedTuple):
    """A file in `blobs/`: a content, or a part of one. Its volume is 0 without `--split`."""

    sha256: Sha256
    size: int
    volume: int = 0


class Blob(NamedTuple):
    """A content that the bundle carries, whole or in parts."""

    size: int
    volume: int = 0
    parts: list[Piece] = []  # noqa: RUF012 - of a NamedTuple


class Requires(NamedTuple):
    """The free space that a first load needs."""

    bytes_hub: int
    bytes_images: int
    bytes_files: int


class Bundle(NamedTuple):
    """The whole bundle.json; `expected` are contents that it does not carry, since the destination has them."""

    format: int
    modelgen: Text
    project: Text
    arch: Text
    files: list[File]
    hub: Hub
    images: list[Image]
    blobs: dict[Sha256, Blob]
    expected: dict[Sha256, int]
    without: list[Annotated[str, "images|models|tool"]]
    left_out: dict[Text, Text]
    proven: dict[Text, Any]
    requires: Requires

    @property
    def volumes(self) -> int:
        """The number of volumes; 0 without `--split`."""
        return max((piece.volume for sha256 in self.blobs for piece in self.pieces(sha256).values()), default=0)

    def pieces(self, sha256: str) -> dict[str, Piece]:
        """Return the files in `blobs/`, by name, that have a content which the bundle carries."""
        if (blob := self.blobs[sha256]).parts:
            return {f"{sha256}.part{number:03d}": part for number, part in enumerate(blob.parts)}
        return {sha256: Piece(sha256, blob.size, blob.volume)}

    def size(self, sha256: str) -> int:
        """Return the bytes of a content, or -1 if it is none."""
        return self.blobs[sha256].size if sha256 in self.blobs else self.expected.get(sha256, -1)
