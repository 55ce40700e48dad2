"""Find paths that Windows cannot open: 260 characters and more, unless long paths are enabled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from modelgen.files import STAGED, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout

_LONGEST = 259


def refuse_long_paths(checkout: Checkout) -> None:
    """Refuse, before any download, paths that this Windows cannot open.

    Raises:
        ModelgenError: There is such a path.
    """
    if sys.platform == "win32" and not _has_long_paths():
        paths = map(checkout.pointer, checkout.files.values())
        if (path := too_long(paths)) is not None:
            raise ModelgenError(
                f"{path} is longer than the {_LONGEST} characters that Windows opens; set a shorter directory in "
                "`[project] hub`, or enable long paths (LongPathsEnabled = 1 in HKLM\\SYSTEM\\CurrentControlSet"
                "\\Control\\FileSystem)"
            )


def too_long(paths: Iterable[Path]) -> Path | None:
    """Return the longest path if it is too long while it is staged."""
    longest = max(paths, key=lambda path: len(str(path)), default=None)
    return longest if longest is not None and len(str(longest)) + len(STAGED) > _LONGEST else None


if sys.platform == "win32":
    import winreg

    def _has_long_paths() -> bool:
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
                return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1)
        except OSError:
            return False
