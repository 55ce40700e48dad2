"""Read the folders that a bundle came in: itself, or some of its volumes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING

from modelgen_importer.manifest import RefusedError, UnableError, cannot, is_path
from modelgen_importer.reading import MOST_BYTES, read_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

    from modelgen_importer.manifest import Piece

BLOCK = 2**20
_NAMESPACE = "modelgen-bundle"


class Medium:
    """The folders of one bundle, each with the sums of its files.

    Args:
        folders: The folders; one above volumes counts as all of them.

    Raises:
        RefusedError: One is no bundle or damaged, or they belong to several bundles.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [volume for folder in folders for volume in _volumes(folder)]
        self.sums: dict[Path, dict[str, str]] = {}
        manifests = {self._read(folder) for folder in self.folders}
        if len(manifests) > 1:
            raise RefusedError(
                f"{self.folders[0]} and the other folders belong to several bundles; load them one by one"
            )
        (self.data,) = manifests
        self.bundle = read_bundle(self.data)
        self._places = {
            name: folder / "blobs" / name
            for folder in self.folders
            for name in (entry.name for entry in _entries(folder / "blobs"))
        }
        self.here = {  # volumes
            piece.volume
            for sha256 in self.bundle.blobs
            for name, piece in self.bundle.pieces(sha256).items()
            if name in self._places
        }

    @property
    def missing(self) -> list[int]:
        """The volumes that are not here."""
        return sorted({*range(1, self.bundle.volumes + 1)} - self.here)

    def _read(self, folder: Path) -> bytes:
        lines = read_small(folder / "SHA256SUMS").decode(errors="replace").removesuffix("\n").split("\n")
        found = [re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line) for line in lines]
        self.sums[folder] = {match[2]: match[1] for match in found if match and is_path(match[2])}
        if len(self.sums[folder]) != len(lines):
            raise RefusedError(f"{folder / 'SHA256SUMS'} has a wrong line; copy the bundle again")
        data = read_small(folder / "bundle.json")
        if self.sums[folder].get("bundle.json") != hashlib.sha256(data).hexdigest():
            raise RefusedError(f"{folder / 'bundle.json'} is not as SHA256SUMS says; copy it again")
        return data

    def place(self, name: str, piece: Piece) -> Path | None:
        """Return the path of a file in `blobs/`, or None if it is on a volume that is to come.

        Raises:
            RefusedError: It should be here, or has another size.
        """
        path = self._places.get(name)
        if path is None and piece.volume in self.here | {0}:
            raise RefusedError(f"{self.folders[0] / 'blobs' / name} is missing; copy it again")
        if path is not None and (there := path.lstat().st_size) != piece.size:
            raise RefusedError(f"{path} has {there:,} bytes, not {piece.size:,}; copy it again")
        return path

    def check_signature(self, signers: Path) -> str:
        """Return the name of the signer of all folders.

        Raises:
            RefusedError: There is no signature, or it is not by one of the signers.
            UnableError: ssh-keygen is not installed.
        """
        import shutil  # few runs need it, and each import takes time

        if (program := shutil.which("ssh-keygen")) is None:
            raise UnableError("`--signers` needs ssh-keygen, which is not installed; install openssh-client")
        names = set()
        for folder in self.folders:
            signature, sums = folder / "SHA256SUMS.sig", read_small(folder / "SHA256SUMS")
            read_small(signature)
            options = ["-f", str(signers), "-s", str(signature)]
            found = _run([program, "-Y", "find-principals", *options], b"")
            name = found.decode(errors="replace").partition("\n")[0]
            names.add(name)
            if not name or not _run([program, "-Y", "verify", *options, "-I", name, "-n", _NAMESPACE], sums):
                raise RefusedError(f"{signature} is not by one of {signers}; ask for a bundle that they signed")
        return ", ".join(sorted(names))


def _volumes(folder: Path) -> list[Path]:
    if (folder / "bundle.json").is_file():
        return [folder]
    volumes = sorted(path.parent for path in folder.glob("vol*/bundle.json"))
    if not volumes:
        raise RefusedError(f"{folder} is no bundle: it has no bundle.json")
    return volumes


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _run(command: list[str], data: bytes) -> bytes:
    """Return the output of a program, empty if it fails."""
    import subprocess

    ended = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return b"" if ended.returncode else ended.stdout


def open_regular(path: Path) -> FileIO:
    """Open a regular file for reading; a pipe would block, and a link may lead anywhere.

    Raises:
        RefusedError: It is missing, or no regular file.
        OSError: It cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise RefusedError(f"{path} is missing; copy it again") from None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise
        raise RefusedError(f"{path} is not a regular file; copy it again") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedError(f"{path} is not a regular file; copy it again")
    return os.fdopen(descriptor, "rb", buffering=0)


def read_small(path: Path) -> bytes:
    """Return the bytes of a file of at most 64 MiB.

    Raises:
        RefusedError: It is larger, missing, or no regular file.
    """
    with open_regular(path) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise RefusedError(f"{path} is larger than {MOST_BYTES:,} bytes; copy the bundle again")
    return data


def blocks(path: Path, size: int) -> Iterator[memoryview]:
    """Yield the bytes of a file in one buffer, which is filled again each time.

    Raises:
        RefusedError: It has another size.
        UnableError: It cannot be read.
    """
    buffer = memoryview(bytearray(BLOCK))
    with open_regular(path) as file:
        there = os.fstat(file.fileno()).st_size
        if there != size:
            raise RefusedError(f"{path} has {there:,} bytes, not {size:,}; copy it again")
        left = size
        while left:
            try:
                count = file.readinto(buffer[: min(left, BLOCK)])
            except OSError as error:
                raise cannot("read", path, error) from None
            if not count:
                raise RefusedError(f"{path} became shorter; copy it again")
            left -= count
            yield buffer[:count]
