"""Find or create the API keys that the orchestrator needs to start and `up` needs to call it."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path


def require_keys(path: Path) -> None:
    """Check a file of keys before the orchestrator starts with it.

    Args:
        path: The path of the file.

    Raises:
        ModelgenError: The orchestrator cannot use it, or there is no key for `up` itself.
    """
    from modelgen_runtime.access import KeysError, read_keys

    try:
        roles = read_keys(path).values()
    except KeysError as error:
        raise ModelgenError(str(error)) from error
    if sys.platform != "win32" and not path.stat().st_mode & stat.S_IROTH:
        raise ModelgenError(
            f"{path} cannot be read by the orchestrator's user (`nobody`); it contains only hashes, so run "
            f"`chmod a+r {path}`"
        )
    if "admin" not in roles:
        raise ModelgenError(
            f"{path} has no key of role `admin`, which `up` needs to drain models; `modelgen key --role admin` "
            "prints a key and its line"
        )
    if not os.environ.get("MODELGEN_KEY"):
        raise ModelgenError(f"the orchestrator requires a key; set MODELGEN_KEY to a key of role `admin` in {path}")
