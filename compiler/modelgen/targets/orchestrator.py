"""Render the orchestrator's build context and manifest, and the socket proxy's configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.targets.manifests import NAME, write_docker_manifest
from modelgen.targets.orchestrator_image import image_files
from modelgen.targets.places import ORCHESTRATOR_CONFIG, SOCKET_PROXY_CONFIG, keys_in_container
from modelgen.targets.readback import RenderingError
from modelgen.targets.templates import render_template

if TYPE_CHECKING:
    from modelgen.ir import Fleet
    from modelgen.targets import Artifacts

_SOCKET_PROXY_FILE = f"{SOCKET_PROXY_CONFIG}/haproxy.cfg"
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def orchestrator_files(fleet: Fleet) -> Artifacts:
    """Return the files; none without an orchestrator."""
    if not fleet.orchestrator.enabled:
        return {}
    return {
        **image_files(),
        f"{ORCHESTRATOR_CONFIG}/{NAME}": write_docker_manifest(fleet, keys_in_container(fleet.orchestrator)),
        _SOCKET_PROXY_FILE: socket_proxy_config(fleet),
    }


def socket_proxy_config(fleet: Fleet) -> bytes:
    """Return the configuration of the socket proxy, which allows only calls about these containers."""
    containers = [service.container for service in fleet.services]
    return render_template(_SOCKET_PROXY_FILE, _word, containers=containers).encode()


def _word(name: str) -> str:
    """Return a name, which must be one word without special characters of HAProxy's configuration."""
    if not _CONTAINER.fullmatch(name):
        raise RenderingError(f"{name!r} is not a name of a container")
    return name
