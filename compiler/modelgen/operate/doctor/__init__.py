"""What of a host would keep models.toml from running on it, each with what mends it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from modelgen.operate.doctor.amd import check_amd
from modelgen.operate.doctor.compose import check_compose
from modelgen.operate.doctor.description import Description, describe
from modelgen.operate.doctor.engine import check_engine, check_socket
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.host import Host
from modelgen.operate.doctor.hub_directory import check_disk, check_hub
from modelgen.operate.doctor.machine import check_platform, check_selinux
from modelgen.operate.doctor.nvidia import check_cards, check_driver
from modelgen.operate.doctor.override import check_override, find_override, takes_all_cards
from modelgen.operate.doctor.ports import check_ports
from modelgen.operate.doctor.prune_filter import check_prune_filter
from modelgen.operate.doctor.toolkit import check_cgroups, check_toolkit
from modelgen.operate.doctor.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CHECKS",
    "Description",
    "Finding",
    "Host",
    "Wanted",
    "describe",
    "examine",
    "find_override",
    "takes_all_cards",
]

CHECKS: tuple[Callable[[Host, Wanted], list[Finding]], ...] = (
    check_platform,
    check_selinux,
    check_engine,
    check_socket,
    check_compose,
    check_override,
    check_driver,
    check_cards,
    check_toolkit,
    check_cgroups,
    check_amd,
    check_hub,
    check_disk,
    check_ports,
    check_prune_filter,
)


def examine(host: Host, wanted: Wanted) -> list[Finding]:
    """Return all that was found, subject by subject; the checks run side by side."""
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        return [found for findings in pool.map(lambda check: check(host, wanted), CHECKS) for found in findings]
