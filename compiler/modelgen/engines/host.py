"""What follows from `[host]`; nothing is assumed of a host that is not described."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.config import Config

_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[/\\].*|/mnt/(?:host/)?[a-z]/.*|/run/desktop/mnt/host/[a-z]/.*", re.DOTALL)


def is_wsl2(config: Config) -> bool:
    """Tell whether containers run in WSL2, where Docker Desktop puts them."""
    return config.host is not None and config.host.platform == "wsl2"


def is_windows_drive(config: Config) -> bool:
    """Tell whether WSL2 reads the hub from an NTFS drive, at some 20 MB/s (vllm#28381, microsoft/WSL#4197)."""
    return is_wsl2(config) and _WINDOWS_DRIVE.fullmatch(config.project.hub) is not None
