"""Find names that the file system of the hub directory cannot hold: Windows' rules, case folding."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.hub.snapshot.loadable import is_weights

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Also with an extension, as in `con.json`; ¹, ² and ³ count as digits (learn.microsoft.com, "Naming Files").
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\]')
# Files that engines open by exactly these names.
_KNOWN = re.compile(r"(\w*config|tokenizer|vocab|merges|modules|params|tekken|chat_template)\.(json|txt|model|jinja)")
_LONGEST = 255  # UTF-16 units, of one name on NTFS
_MOST_PROBED = 50


@dataclass(frozen=True)
class Target:
    """The limits of the hub directory's file system.

    Args:
        is_windows: Whether Windows' rules apply to its names.
        folds: Whether names that differ only in case, or in Unicode normalization, are one name.
        where: The file system, as in "the Windows drive of C:/models".
    """

    is_windows: bool = False
    folds: bool = False
    where: str = ""

    def unfit(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the files that it cannot store beside the others, each with the reason."""
        names = sorted(paths)
        found = {path: why for path in names if (why := _windows_fault(path))} if self.is_windows else {}
        return found | (_twins([path for path in names if path not in found]) if self.folds else {})


def _windows_fault(path: str) -> str | None:
    for part in path.split("/"):
        if _DEVICE.fullmatch(part.partition(".")[0].rstrip(" ")):
            return f"{path!r}: {part.partition('.')[0]!r} is the name of a device"
        if part.endswith((".", " ")):
            return f"{path!r}: a name cannot end with a dot or a space"
        if found := _FORBIDDEN.search(part):
            return f"{path!r}: a name cannot contain {found[0]!r}"
        if len(part.encode("utf-16-le", errors="surrogatepass")) // 2 > _LONGEST:
            return f"{path[:80]!r}: a name cannot have more than {_LONGEST} characters"
    return None


def _twins(paths: list[str]) -> dict[str, str]:
    """Return files that differ from another only in case or normalization, in the name or in a folder.

    The file that engines open by name is kept, or else the one in lower case.
    """
    seen: dict[str, tuple[str, str]] = {}
    found = {}
    for path in sorted(paths, key=_dispensability):
        heads = ["/".join(path.split("/")[:count]) for count in range(1, path.count("/") + 2)]
        others = [seen[_folded(head)] for head in heads if seen.get(_folded(head), (head,))[0] != head]
        if others:
            found[path] = f"{path!r} and {others[0][1]!r} are the same name there"
        else:
            seen |= {_folded(head): (head, path) for head in heads if _folded(head) not in seen}
    return found


def _dispensability(path: str) -> tuple[bool, bool, bool, str]:
    """Return a sort key that puts the most needed files first."""
    is_known = is_weights(path) or _KNOWN.fullmatch(path.rpartition("/")[2]) is not None
    return not is_known, path != path.lower(), path != unicodedata.normalize("NFC", path), path


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def ignores_case(folder: Path) -> bool:
    """Return whether a file system ignores case, by an existing file; nothing is written."""
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
