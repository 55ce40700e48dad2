"""Find the GPUs of the host that a foreign service uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.engine import parallel_size
from modelgen.engines.images.properties import kind_of
from modelgen.importing.tables import Device

if TYPE_CHECKING:
    from modelgen.importing.tables import Table
    from modelgen.lift.document import Lifted

_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
_MOST = 64
_FOR_PROCESSORS = re.compile(r"[-_:]cpu(?:[-_:.]|$)")
CDI = "nvidia.com/gpu="
"""The beginning of the CDI names of GPUs."""


def set_devices(table: Table) -> None:
    """Set the GPUs of a model: those that are named, else as many as its flags need."""
    lifted = table.lifted
    args = {name: one.value for name, one in lifted.line.entries.items()}
    size = min((parallel_size(lifted.server.engine, args) or (1, ()))[0], _MOST)
    if lifted.server.image is not None and kind_of(lifted.server.image) == "intel":
        return  # `[gpus]` has no GPUs of Intel: their devices are in `[models.ID.compose]`
    named = _named(lifted, size)
    found = _first(size) if named is None else named
    if named is None and not _has_gpus(lifted):
        return
    if any("/dev/kfd" in device.text or "/dev/dri" in device.text for device in lifted.server.service.devices):
        found = [Device(f"/dev/dri/renderD{128 + number}", "amd") for number in range(size)]
    if len(found) > size and lifted.server.engine.tensor_parallel:
        table.comments["gpus",] = f"was: {len(found)} GPUs, of which the flags use {size}"
        found = found[:size]
    table.devices = found


def _first(number: int) -> list[Device]:
    return [Device(str(at)) for at in range(number)]


def _named(lifted: Lifted, size: int) -> list[Device] | None:
    """Return the GPUs that a service names or counts; None if it does neither.

    Args:
        lifted: The service.
        size: How many its flags use.
    """
    service = lifted.server.service
    found: list[Device] = []
    for request in service.gpus:
        texts = [one.text for one in request.ids if one.is_known]
        found += [Device(text, "cdi" if "=" in text else "nvidia") for text in texts]
        if request.number:
            found += _first(min(request.number, _MOST))
    named = [one.text for one in service.devices if one.text.startswith(CDI)]
    found += [Device(f"{CDI}{at}", "cdi") for at in range(size)] if f"{CDI}all" in named else []
    found += [Device(text, "cdi") for text in named if text != f"{CDI}all"]
    visible = service.variable(*_VISIBLE)
    listed = [part.strip() for part in visible.text.split(",")] if visible else []
    if not listed or not all(part.isdecimal() or part.startswith(("GPU-", "MIG-")) for part in listed):
        return [*dict.fromkeys(found)] or None
    if not found:
        return [Device(part) for part in dict.fromkeys(listed)]
    inner = [found[int(part)] for part in listed if part.isdecimal() and int(part) < len(found)]
    return [*dict.fromkeys(inner)] or [*dict.fromkeys(found)]


def _has_gpus(lifted: Lifted) -> bool:
    """Return whether a service without named GPUs has some: by its file, or since its image is for GPUs."""
    server, service = lifted.server, lifted.server.service
    visible = service.variable("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.text in ("", "none", "void", "-1"):
        return False
    if server.image is not None and _FOR_PROCESSORS.search(f"{server.image.name}:{server.image.tag or ''}"):
        return False
    if service.gpus or service.devices or service.runtime is not None or service.is_privileged:
        return True
    if server.image is not None:
        kind = kind_of(server.image)
        return kind != "none" if server.engine.tensor_parallel else kind not in (None, "none")
    return service.on_host or service.is_built
