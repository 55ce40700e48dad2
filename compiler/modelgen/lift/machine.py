"""Describe the machine that foreign services run on: the `[host]` and `[gpus]` of a file, or the name of a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.load import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.config import Gpu
    from modelgen.diagnostics import Diagnostic
    from modelgen.foreign.services import Service
    from modelgen.load.document import Document
    from modelgen.source import Source

_VISIBLE = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_PROJECT, _DESTINATION = ("project",), ("destination",)
_AMD_DEVICES = ("/dev/kfd", "/dev/dri")


class Machine(NamedTuple):
    """The GPUs of a host, and what else is known of it.

    Args:
        gpus: The GPUs by name.
        document: The file that describes the host; None for GPUs that an option names, all of one product.
    """

    gpus: Mapping[str, Gpu]
    document: Document | None = None

    def used_by(self, service: Service) -> list[str]:
        """Return the names of the GPUs that a service can use; empty where that is not known."""
        if not (service.gpus or service.on_host or _has_amd(service)):
            return []
        if self.document is None:
            return [*self.gpus]
        if not service.has_all_variables or any(name in service.variables for name in _VISIBLE):
            return []
        if not service.gpus or any(request.is_all for request in service.gpus):
            return [*self.gpus]
        ids = {one.text for request in service.gpus for one in request.ids}
        counted = max((request.number or 0 for request in service.gpus), default=0)
        by_number = {str(number) for number in range(counted)}  # `count` takes the first ones
        return [name for name, gpu in self.gpus.items() if gpu.device in ids | by_number]


def _has_amd(service: Service) -> bool:
    return any(one.text.startswith(_AMD_DEVICES) for one in service.devices)


def machine_of_card(card: str) -> Machine:
    """Return a machine whose GPUs are all of one product."""
    from modelgen.config import Gpu  # with pydantic, which other files do not need

    return Machine({"gpu0": Gpu(card=card, device="0")})


def read_machine(data: bytes, path: str) -> tuple[Machine | None, Source, list[Diagnostic]]:
    """Read a file with `[host]` and `[gpus]`: one of its own, or a whole models.toml.

    Returns:
        The machine, or None if the file has errors; its text; the errors.
    """
    document, source, found = load(data, path)
    if document is not None and _PROJECT in document.dropped:
        found = [one for one in found if one.rule != "missing-key" or "[project]" not in one.message]
    if document is not None and _DESTINATION in document.dropped:  # as `modelgen doctor --describe` prints it
        found = [one for one in found if one.rule != "unknown-key" or "`destination`" not in one.message]
    is_right = document is not None and not any(one.severity == "error" for one in found)
    machine = Machine(document.config.gpus or {}, document) if document is not None and is_right else None
    return machine, source, found
