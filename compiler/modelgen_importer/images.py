"""Load images into Docker: the archive of `docker save` is made again from its members, and hashed on its way."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, cast

from modelgen_importer.manifest import RefusedError, UnableError
from modelgen_importer.medium import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_importer.manifest import Image, Member
    from modelgen_importer.target import Content

_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
}
_ZEROS = bytes(tarfile.BLOCKSIZE)
_FORMAT = "{{.Id}} {{.Architecture}} {{json .RootFS.Layers}}"


class Docker:
    """The Engine that the command `docker` reaches.

    Args:
        arch: The architecture of the images.

    Raises:
        UnableError: There is none, or it runs on another architecture.
    """

    def __init__(self, arch: str) -> None:
        self._program = shutil.which("docker") or ""
        if not self._program:
            raise UnableError("there is no `docker` command")
        ended = self._run("version", "--format", "{{.Server.Arch}}")
        if ended.returncode:
            raise UnableError(f"Docker does not answer ({_last(ended.stderr)})")
        found = ended.stdout.decode(errors="replace").strip()
        if found and found != arch:
            raise UnableError(f"Docker runs on {found}, and the images are for {arch}")

    def has(self, image: Image, config: bytes) -> bool:
        """Return whether Docker has an image under its name.

        containerd's store gives ids of its own to archives of the classic one: then layers and architecture count.
        """
        ended = self._run("image", "inspect", "--format", _FORMAT, image.reference)
        id_, arch, layers = (*ended.stdout.decode(errors="replace").split(maxsplit=2), "", "", "")[:3]
        if ended.returncode or id_ in (image.config, image.manifest):
            return not ended.returncode
        with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
            wanted = json.loads(config)
            return bool([wanted["architecture"], wanted["rootfs"]["diff_ids"]] == [arch, json.loads(layers)])
        return False

    def load(self, image: Image, contents: Callable[[Member], Content | None]) -> None:
        """Load an image.

        Args:
            image: The image.
            contents: Returns the content of a member; None for a layer that Docker has.

        Raises:
            RefusedError: A member is damaged; nothing is loaded then.
            UnableError: Docker cannot load it.
        """
        if not any(contents(member) for member in image.members):
            raise UnableError(f"{image.reference} is not in this bundle, and Docker no longer has it")
        with tempfile.TemporaryFile() as errors:
            command = [self._program, "load"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
            try:
                # Docker ends early when it fails; its reason is in `errors`.
                with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as archive:
                    for member in image.members:
                        _write(archive, member, contents(member))
                    archive.write(_ZEROS * 2)
            except BaseException:
                process.kill()  # before the end of the archive
                raise
            finally:
                process.wait()
            if process.returncode:
                errors.seek(0)
                raise UnableError(f"Docker cannot load {image.reference} ({_last(errors.read())})")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([self._program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _write(archive: IO[bytes], member: Member, content: Content | None) -> None:
    """Write a member; its last block only when its hash is right."""
    if member.type == "file" and content is None:
        return
    info = tarfile.TarInfo(member.name)
    info.type, info.mode, info.size, info.linkname = (
        _TYPES[member.type],
        member.mode & 0o7777,
        member.size,
        member.target,
    )
    archive.write(info.tobuf(tarfile.GNU_FORMAT))
    digest, last = hashlib.sha256(), b""
    for source, piece in content.pieces if content is not None else ():
        for block in blocks(source, piece.size) if source is not None else ():
            archive.write(last)
            digest.update(block)
            last = bytes(block)
    if content is not None and digest.hexdigest() != member.sha256:
        raise RefusedError(f"{content.pieces[0][0]} is damaged: it has another hash; copy it again")
    archive.write(last + _ZEROS[: -member.size % tarfile.BLOCKSIZE])


def _last(output: bytes) -> str:
    """Return the last line that a program printed."""
    return (output.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1][:300]
