"""Download a large file over plain HTTP: resume it, hash it as it grows, fetch it again when its hash is wrong.

The official client starts such a file anew in every process and never hashes it (huggingface_hub#4196).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.fetching.ranges.crew import Crew
from modelgen.hub.fetching.ranges.part import Part

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.fetching.ranges.transfer import Transfer


@dataclass(frozen=True)
class Content:
    """A content to download: its hash, its size if known, and its partial file."""

    sha256: str
    size: int | None
    part: Path


class DamagedError(ModelgenError):
    """A download had a wrong hash twice."""


def bring(transfer: Transfer, content: Content) -> None:
    """Fill `content.part` and sync it; data of an earlier run is kept, unless the hash is wrong.

    Raises:
        DamagedError: The hash was wrong twice.
        OSError: An error of the disk, or of the network after all tries.
    """
    for is_last in (False, True):
        with Part(content.part, content.size, transfer.advanced) as part:
            if not part.is_full:
                Crew(transfer, part).fill()
            if part.finish() == content.sha256:
                return
            part.restart()
        content.part.unlink()
        if not is_last:
            transfer.damaged()
    raise DamagedError("its content does not match models.lock")
