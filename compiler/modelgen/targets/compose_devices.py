"""Express GPUs and writable places as keys of Compose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen import ir


def device_files(service: ir.Service) -> list[str]:
    """Return the `devices` of a service: CDI names, or AMD's device files, of which /dev/kfd is for all GPUs.

    The render nodes determine which GPUs a container may use (ROCm docs, "Restricting GPU access").
    """
    if service.devices is None or service.devices.kind in ("nvidia", "runtime"):
        return []
    return [*(["/dev/kfd"] if service.devices.kind == "amd" else []), *service.devices.ids]


def groups(service: ir.Service) -> list[str]:
    """Return the `group_add` of a service, by number: the image does not have the names."""
    return [str(group) for group in service.devices.groups] if service.devices else []


def scratch_mounts(service: ir.Service) -> list[str]:
    """Return the `tmpfs` of a service, with `exec`: Triton loads its kernels from there."""
    return [f"{place.target}:exec,uid={place.uid},gid={place.gid},mode={place.mode}" for place in service.scratch]
