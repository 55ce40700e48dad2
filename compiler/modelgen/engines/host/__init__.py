"""Derive facts from `[host]`. Hosts that are not described have no assumed facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.config import Config

_WINDOWS_DRIVE = re.compile(
    r"[A-Za-z]:[/\\].*|/mnt/(?:host/)?[a-z](?:/.*)?|/run/desktop/mnt/host/[a-z](?:/.*)?", re.DOTALL
)
# The driver branch of each CUDA toolkit (NVIDIA's release notes, "CUDA Toolkit and Corresponding Driver Versions"). A
# driver of that branch reports at least that CUDA.
TOOLKIT_DRIVERS = {(12, 4): 550, (12, 6): 560, (12, 8): 570, (12, 9): 575, (13, 0): 580, (13, 1): 590}


def is_wsl2(config: Config) -> bool:
    """Return whether containers run in WSL2, as with Docker Desktop on Windows."""
    return config.host is not None and config.host.platform == "wsl2"


def is_windows_drive(config: Config) -> bool:
    """Return whether WSL2 reads the hub from an NTFS drive, at some 20 MB/s (vllm#28381, microsoft/WSL#4197)."""
    return is_wsl2(config) and _WINDOWS_DRIVE.fullmatch(config.project.hub) is not None


def oldest_driver(cuda: tuple[int, int]) -> tuple[int]:
    """Return the oldest driver branch that runs a CUDA by minor version compatibility (docs.nvidia.com)."""
    return (580,) if cuda >= (13, 0) else (525,)


def runs_cuda(driver: str, cuda: tuple[int, int]) -> bool:
    """Return whether a driver runs an image with a CUDA and all of its kernels.

    Args:
        driver: The driver's version, such as `570.195.03`.
        cuda: The image's CUDA.
    """
    return dotted(driver) >= max(oldest_driver(cuda), (TOOLKIT_DRIVERS.get(cuda, 0),))


def dotted(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as `570.195.03`."""
    return tuple(int(part) for part in version.split("."))
