"""A small file without the official client, for hub directories where the client fails to lock its files.

The client has no switch for its locks (huggingface_hub 2.4.0, WeakFileLock); see `client.can_lock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import sync
from modelgen.hub import client
from modelgen.hub.fetching.ranged import DamagedError
from modelgen.hub.hashing import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen.hub.fetching.ranged import Transfer
    from modelgen.lockfile.entries import File


def bring_whole(transfer: Transfer, file: File, part: Path, on_wait: Callable[[BaseException, float], None]) -> None:
    """Receive a file that git holds, hash it, and write it to `part` if it is right.

    Raises:
        DamagedError: The hash was wrong twice.
        OSError: The disk, or the network after all tries.
    """

    def receive() -> bytes:
        with transfer.opener.open(transfer.locate(), 0) as answer:
            content: bytes = answer.read(file.size + 1)
        if len(content) < file.size:
            raise ConnectionResetError("the connection ended early")
        return content

    for is_last in (False, True):
        content = client.attempt(receive, on_wait=on_wait)
        digest = Digest(file.size)
        digest.update(content)
        if digest.hex() == file.etag:
            _write(part, content)
            transfer.advanced(len(content))
            return
        if not is_last:
            transfer.damaged()
    raise DamagedError("its content is not what models.lock says")


def _write(part: Path, content: bytes) -> None:
    part.unlink(missing_ok=True)  # another user's may not be open for writing
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        sync(file.fileno())
