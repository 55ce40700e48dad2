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
"""The folder of templates: inside the installed package, or at the top of a repository that is used in place."""
ORCHESTRATOR = "orchestrator"
"""Folder of the output that the image is built from."""
ORCHESTRATOR_CONFIG = f"{ORCHESTRATOR}/config"
SOCKET_PROXY_CONFIG = "socket-proxy"
CONFIG_MOUNT = "/etc/modelgen"
KEYS_MOUNT = "/etc/modelgen-keys"
STATE_MOUNT = "/state"


def keys_in_container(orchestrator: Orchestrator) -> str | None:
    """Return where the orchestrator sees its keys, if it has any."""
    if orchestrator.keys_file is None:
        return None
    return f"{KEYS_MOUNT}/{posixpath.basename(orchestrator.keys_file)}"


def keys_folder(orchestrator: Orchestrator, root: str) -> str | None:
    """Return the folder that is mounted for them: a file that an editor replaces would stay the old one in there.

    Args:
        orchestrator: The orchestrator.
        root: POSIX path from the output directory to the folder of models.toml.
    """
    return None if orchestrator.keys_file is None else posixpath.dirname(host_path(orchestrator.keys_file, root))
