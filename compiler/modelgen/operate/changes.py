"""Compute what has to change in a deployment to match a build. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.operate.deployment import Container

ORCHESTRATOR, SOCKET_PROXY = "orchestrator", "socket-proxy"
OLD_SOCKET_PROXY = "gate"
"""Name of the socket proxy's service, and of its network, before 0.1.0."""


@dataclass(frozen=True)
class Wanted:
    """A service as built: Compose's digest of it, its image, and the id of its model, or ""."""

    digest: str
    image: str
    model: str = ""


@dataclass(frozen=True)
class Changes:
    """The changes to a deployment.

    Args:
        new: Services without a container.
        changed: Services whose container differs from the file.
        removed: Containers of models that are no longer in the file.
        outdated: The container of the socket proxy under its old name.
        is_take_over: Whether the containers belong to another folder, so that all of them are recreated.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[Container, ...]
    is_take_over: bool = False
    outdated: tuple[Container, ...] = ()

    @property
    def made(self) -> tuple[str, ...]:
        """Services whose containers are to be created, without the orchestrator's own."""
        return tuple(name for name in (*self.new, *self.changed) if name not in (ORCHESTRATOR, SOCKET_PROXY))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing has to change."""
        return not (self.new or self.changed or self.removed or self.outdated)


def compare(wanted: Mapping[str, Wanted], found: Mapping[str, Container], *, is_take_over: bool = False) -> Changes:
    """Compare the built services with the existing containers; services added by the user are ignored."""
    return Changes(
        new=tuple(name for name in wanted if name not in found),
        changed=tuple(
            name for name, one in wanted.items() if name in found and (is_take_over or _differs(one, found[name]))
        ),
        removed=tuple(one for name, one in found.items() if name not in wanted and one.model),
        is_take_over=is_take_over,
        outdated=tuple(one for name, one in found.items() if name not in wanted and is_old_socket_proxy(one)),
    )


def is_old_socket_proxy(container: Container) -> bool:
    """Return whether a container is the socket proxy of a deployment that was started before 0.1.0.

    The container of a user's own service `gate` has a number at the end of its name.
    """
    name = container.name
    return container.service == OLD_SOCKET_PROXY and name.endswith(f"-{OLD_SOCKET_PROXY}") and not container.model


def _differs(wanted: Wanted, found: Container) -> bool:
    """Return whether a container differs from its service, also by an image whose tag has moved."""
    return wanted.digest != found.digest or found.image != wanted.image
