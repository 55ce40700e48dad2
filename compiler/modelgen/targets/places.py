"""Define paths of the deployment: in the output, and in the orchestrator's and socket proxy's containers."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.host_paths import host_path

if TYPE_CHECKING:
    from modelgen.ir import Orchestrator

_PACKAGE = Path(__file__).parent.parent
_INSTALLED = _PACKAGE / "templates"
TEMPLATES = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent.parent / "templates"
"""The folder of templates: in the installed package, or at the top of the repository."""
ORCHESTRATOR = "orchestrator"
"""Folder of the output with the build context of the image."""
ORCHESTRATOR_CONFIG = f"{ORCHESTRATOR}/config"
SOCKET_PROXY_CONFIG = "socket-proxy"
CONFIG_MOUNT = "/etc/modelgen"
KEYS_MOUNT = "/etc/modelgen-keys"
STATE_MOUNT = "/state"


def keys_in_container(orchestrator: Orchestrator) -> str | None:
    """Return the path of the keys in the orchestrator's container, or None."""
    if orchestrator.keys_file is None:
        return None
    return f"{KEYS_MOUNT}/{posixpath.basename(orchestrator.keys_file)}"


def keys_folder(orchestrator: Orchestrator, root: str) -> str | None:
    """Return the folder to mount for the keys. A mounted file would stay the old one when an editor replaces it.

    Args:
        orchestrator: The orchestrator.
        root: POSIX path from the output directory to the folder of models.toml.
    """
    return None if orchestrator.keys_file is None else posixpath.dirname(host_path(orchestrator.keys_file, root))
