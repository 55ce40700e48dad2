"""Names that the file system of the hub directory cannot hold: Windows has own rules, others ignore case."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Also with an extension, as in `con.json`; ¹, ² and ³ count as digits (learn.microsoft.com, "Naming Files").
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\]')
_LONGEST = 255  # UTF-16 units, of one name on NTFS
_MOST_PROBED = 50


@dataclass(frozen=True)
class Target:
    """What the hub directory's file system holds.

    Args:
        is_windows: Whether Windows' rules are for its names.
        folds: Whether names that differ in case alone, or in Unicode's forms, are one name.
        where: What has these rules, as in "the Windows drive of C:/models".
    """

    is_windows: bool = False
    folds: bool = False
    where: str = ""

    def why_not(self, paths: Iterable[str]) -> str | None:
        """Return the first file that it cannot hold and why; None where it holds them all."""
        names = sorted(paths)
        faults = _windows_faults(names) if self.is_windows else iter(())
        twins = _twins(names) if self.folds else iter(())
        return next(faults, None) or next(twins, None)


def _windows_faults(paths: list[str]) -> Iterator[str]:
    for path in paths:
        for part in path.split("/"):
            if _DEVICE.fullmatch(part.partition(".")[0].rstrip(" ")):
                yield f"{path!r}: {part.partition('.')[0]!r} is the name of a device"
            elif part.endswith((".", " ")):
                yield f"{path!r}: no name ends with a dot or a space"
            elif found := _FORBIDDEN.search(part):
                yield f"{path!r}: no name holds {found[0]!r}"
            elif len(part.encode("utf-16-le", errors="surrogatepass")) // 2 > _LONGEST:
                yield f"{path[:80]!r}: no name is longer than {_LONGEST} characters"


def _twins(paths: list[str]) -> Iterator[str]:
    """Yield files of which a file, or a folder on the way to one, differs from another in case or form alone."""
    seen: dict[str, tuple[str, str]] = {}
    for path in paths:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            head = "/".join(parts[:count])
            other, first = seen.setdefault(_folded(head), (head, path))
            if other != head:
                yield f"{path!r} and {first!r} have one name there"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def ignores_case(folder: Path) -> bool:
    """Return whether a file system takes names in other case for the same, by what is there; nothing is written."""
    while not os.path.isdir(folder) and folder != folder.parent:  # noqa: PTH112 - False too where it cannot be read
        folder = folder.parent
    try:
        with os.scandir(folder) as entries:
            inside = [folder / entry.name for entry, _ in zip(entries, range(_MOST_PROBED), strict=False)]
    except OSError:
        inside = []
    for path in (*inside, folder):
        swapped = path.with_name(path.name.swapcase()) if path.name else path
        if swapped == path:
            continue
        try:
            return os.path.samestat(os.lstat(path), os.lstat(swapped))
        except FileNotFoundError:
            return False
        except OSError:
            continue
    return False
