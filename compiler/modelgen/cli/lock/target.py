"""Find the file system of the hub directory that a models.toml names, as far as this host shows it."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING

from modelgen.hub.locking.target_names import Target, ignores_case

if TYPE_CHECKING:
    from modelgen.cli.hub.locked import Inputs

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MOUNTED_DRIVE = re.compile(r"/mnt/[a-z](/|$)")


def target_of(inputs: Inputs) -> Target:
    """Return the limits of the hub directory's file system, on the host of models.toml and on this one."""
    written = inputs.document.config.project.hub
    host = inputs.document.config.host
    if _is_windows(written, inputs, is_wsl=host is not None and host.platform == "wsl2"):
        return Target(is_windows=True, folds=True, where=f"a Windows drive (`hub` is {written})")
    if ignores_case(inputs.hub):
        return Target(folds=True, where=f"the file system of {inputs.hub}")
    return Target()


def _is_windows(written: str, inputs: Inputs, *, is_wsl: bool) -> bool:
    if _DRIVE.match(written) or sys.platform == "win32":
        return True
    is_here = "microsoft" in platform.release().lower()
    if is_here:  # a relative directory is resolved on this host
        return bool(_MOUNTED_DRIVE.match(inputs.hub.as_posix()))
    # On the other host, a relative directory is where the project is, which may be below /mnt/c.
    return is_wsl and (bool(_MOUNTED_DRIVE.match(written)) or not written.startswith(("/", "~")))
