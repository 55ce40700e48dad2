"""Put a models.toml on the host that a bundle is for: its `[host]`, its GPUs, and what cannot run there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.config import Gpu, Host
from modelgen.engines.host import dotted
from modelgen.engines.host.cards import find_known
from modelgen.load import Machine
from modelgen.lower import DEFAULT_SOCKET
from modelgen.operate.doctor.compose import OLDEST, WITH_CDI

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.bundle.destination import Destination
    from modelgen.load import Document

_OLDEST_DOCKER = (20, 10)
_SAME = 0.03
"""Two descriptions of one memory differ by what the kernel or the driver reserves."""


class Put(NamedTuple):
    """A models.toml on another host.

    Args:
        machine: That host, with the names that models.toml has for its GPUs.
        problems: Why it cannot run there, besides the findings of rules; a sentence each.
    """

    machine: Machine
    problems: tuple[str, ...]


def put_on(document: Document, destination: Destination, name: str) -> Put:
    """Put a models.toml on another host.

    Args:
        document: The file.
        destination: The host.
        name: The name of the host file, for messages.
    """
    written = document.config.gpus or {}
    used = {gpu for model in document.models.values() for gpu in model.gpus or ()}
    gpus, problems = dict(written), []
    for key, gpu in written.items():
        found = _find(gpu, destination)
        if found is not None:
            gpus[key] = _replaced(gpu, found)
        elif key in used and (problem := _about_missing(gpu, destination, name)):
            place = document.at_value("gpus", key, "device")
            problems.append(f"{place.path}:{place.line}: `[gpus.{key}]` {problem}")
    problems += _about_docker(destination, {key: gpu for key, gpu in written.items() if key in used}, name)
    return Put(Machine(_host(document.config.host or Host(), destination), gpus), tuple(problems))


def _host(written: Host, destination: Destination) -> Host:
    """Return `[host]` with the facts that are known of the other host."""
    known = {key: value for key, value in destination.host if value is not None}
    if destination.host.docker is not None:  # Docker answered, so the socket that is left out is the default
        known.setdefault("docker_socket", DEFAULT_SOCKET)
    return written.model_copy(update=known)


def _find(gpu: Gpu, destination: Destination) -> Gpu | None:
    """Return the GPU of the other host that a `device` means; None if it is not there, or not known."""
    device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
    facts = destination.destination
    names = zip(destination.gpus.values(), [*facts.uuids, *[""] * len(destination.gpus)], strict=False)
    return next((found for found, uuid in names if device in (found.device, uuid)), None)


def _replaced(written: Gpu, found: Gpu) -> Gpu:
    """Return a GPU with name, memory and capability of the one that is there."""
    known = find_known(found.card, found.memory) if found.card else ()
    card = known[0] if len(known) == 1 else None
    memory = found.memory or (card.mebibytes * 2**20 if card else 0)
    is_same = card is not None and written.card is not None and find_known(written.card, written.memory) == (card,)
    if is_same and (written.memory is None or written.memory <= memory * (1 + _SAME)):
        return written
    keeps_memory = not memory or (written.memory is not None and abs(written.memory / memory - 1) <= _SAME)
    facts = {
        "card": card.name if card else None,
        "memory": written.memory if keeps_memory else None if card else found.memory,
        "capability": None if card else found.capability,
        "unified": None if card else written.unified,
    }
    return written.model_copy(update=facts)


def _about_missing(gpu: Gpu, destination: Destination, name: str) -> str | None:
    """Return what is wrong with a GPU that was not found; None if that is not known."""
    facts = destination.destination
    if gpu.device.startswith("MIG-") or (gpu.kind == "cdi" and facts.cdi is None):
        return None
    if gpu.kind == "cdi" and gpu.device in (facts.cdi or ()):
        return None
    if not destination.gpus:
        return f"needs a GPU, and {name} lists none; install the driver there, and describe that host again"
    there = ", ".join(f'"{one.device}" ({one.card})' for one in destination.gpus.values())
    return f'has device "{gpu.device}", which {name} does not list; write one of {there}'


def _about_docker(destination: Destination, used: Mapping[str, Gpu], name: str) -> Iterator[str]:
    """Yield why Docker there cannot run the containers."""
    facts, docker = destination.destination, destination.host.docker
    has_cdi = any(gpu.kind == "cdi" for gpu in used.values())
    if docker is not None and dotted(docker) < _OLDEST_DOCKER:
        yield f"{name} has Docker Engine {docker}, and 20.10 is needed; update it there"
    if facts.compose is not None and dotted(facts.compose) < (WITH_CDI if has_cdi else OLDEST):
        needed = ".".join(map(str, WITH_CDI if has_cdi else OLDEST))
        yield f"{name} has Docker Compose {facts.compose}, and {needed} is needed; update it there"
    if facts.toolkit == "none" and any(gpu.kind in (None, "nvidia") for gpu in used.values()):
        yield (
            f"Docker in {name} gives containers no GPU: it has no runtime `nvidia`; install the NVIDIA Container "
            "Toolkit there, run `sudo nvidia-ctk runtime configure --runtime=docker`, and describe that host again"
        )
