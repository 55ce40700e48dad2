"""Define what the rules about foreign files may read."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelgen.engines.engine import parallel_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.foreign import Foreign, Mount, Service
    from modelgen.lift.document import Lifted
    from modelgen.lift.machine import Machine

VISIBLE = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
HUB_VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
_OVERLAY = re.compile(r"compose[.-][^/]+\.ya?ml$")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE = ("1", "true", "yes", "on")
_OF_A_HUB = re.compile(r"(?:models--)?(?P<owner>[A-Za-z0-9][\w.]*(?:-[\w.]+)*)--(?P<name>[A-Za-z0-9][\w.-]*)", re.ASCII)
_LAST_TWO = re.compile(r".*/(?P<owner>[A-Za-z0-9][\w.-]*)/(?P<name>[A-Za-z0-9][\w.-]*)/?", re.ASCII)
_PLAIN_FOLDERS = ("models", "model", "hub", "huggingface", "data", "cache", "weights", "llm", "mnt", "root", "app")


@dataclass(frozen=True)
class ForeignContext:
    """A foreign file with the engines that were recognized in it.

    Args:
        foreign: The file as written.
        lifted: The servers, each with its command line.
        machine: The host, if it is known.
    """

    foreign: Foreign
    lifted: Sequence[Lifted]
    machine: Machine | None = None

    def whole(self) -> Iterator[Lifted]:
        """Yield the servers whose image is the engine's own and whose service is completely known."""
        for one in self.lifted:
            server = one.server
            service = server.service
            if server.is_release and server.is_direct and service.has_all_variables and not service.unread:
                yield one

    @cached_property
    def together(self) -> list[Lifted]:
        """The servers that `up` starts together; none of a file that is not Compose's.

        Those with a profile, without replicas, or with `restart: "no"` may be started one at a time by something else.
        """
        is_compose = self.foreign.kind == "compose"
        return [one for one in self.lifted if _starts(one.server.service)] if is_compose else []


def _starts(service: Service) -> bool:
    is_alone = bool(service.profiles) or (service.replicas is not None and service.replicas.text == "0")
    return not is_alone and (service.restart is None or service.restart.text not in ("no", "false"))


def gpus_of_size(lifted: Lifted) -> tuple[int, tuple[str, ...]] | None:
    """Return how many GPUs the parallel sizes of a server need, and the flags that say so; None if not known."""
    engine = lifted.server.engine
    values = {name: entry.value for name, entry in lifted.line.entries.items() if entry.value is not None}
    return parallel_size(engine, values) if engine.tensor_parallel else None


def hub_of(lifted: Lifted) -> str | None:
    """Return the hub directory of a server's container; None where it is not known."""
    service, engine = lifted.server.service, lifted.server.engine
    if engine.hub is not None or not engine.from_config or "download-dir" in lifted.line.entries:
        return None
    if written := service.variable(*HUB_VARIABLES):
        return posixpath.normpath(written.text)
    if written := service.variable("HF_HOME"):
        return posixpath.normpath(f"{written.text}/hub")
    moved = {*HUB_VARIABLES, "HF_HOME", "HOME", "XDG_CACHE_HOME"} & service.variables.keys()
    return None if moved or service.user is not None else "/root/.cache/huggingface/hub"


def is_offline(service: Service) -> bool:
    """Return whether the hub's client may not download: `HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE` (its constants.py)."""
    name = next((one for one in _OFFLINE if one in service.variables and not _is_empty(service, one)), _OFFLINE[0])
    found = service.variable(name)
    return found is not None and found.text.strip().lower() in _TRUE


def _is_empty(service: Service, name: str) -> bool:
    found = service.variable(name)
    return found is not None and not found.text


def knows_mounts(service: Service) -> bool:
    """Return whether every mount of a service is known.

    A file such as docker-compose.gpu.yml may be one that is only read with another, which has the mounts.
    """
    others = {"volumes_from", "configs", "secrets", "use_api_socket"} & service.keys
    may_be_overlay = not service.mounts and _OVERLAY.search(service.name.span.path) is not None
    return not (service.on_host or others or may_be_overlay) and all(mount.target.is_known for mount in service.mounts)


def holds(mount: Mount, path: str) -> bool:
    """Return whether a path of the container is in a mount."""
    target = posixpath.normpath(mount.target.text)
    return target in (path, "/") or path.startswith(f"{target}/")


def repo_of(path: str) -> str | None:
    """Return the repository id that a path seems to mean: by the name of its folder, or by its last two."""
    last = posixpath.basename(path.rstrip("/"))
    if found := _OF_A_HUB.fullmatch(last):
        return f"{found['owner']}/{found['name']}"
    if (found := _LAST_TWO.fullmatch(path)) and found["owner"].lower() not in _PLAIN_FOLDERS:
        return f"{found['owner']}/{found['name']}"
    return None
