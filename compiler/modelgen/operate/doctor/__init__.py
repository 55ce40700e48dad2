"""`modelgen doctor`: find what on a host would keep models.toml from running, with the fix for each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.operate.doctor.amd import check_amd
from modelgen.operate.doctor.card_modes import check_modes
from modelgen.operate.doctor.compose import check_compose, check_override, find_override, takes_all_cards
from modelgen.operate.doctor.description import Description, describe
from modelgen.operate.doctor.engine import check_engine, check_socket
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.host import Host
from modelgen.operate.doctor.hub_directory import check_disk, check_hub
from modelgen.operate.doctor.installations import check_installation
from modelgen.operate.doctor.machine import check_platform, check_selinux
from modelgen.operate.doctor.nvidia import check_cards, check_driver
from modelgen.operate.doctor.occupied import check_occupied
from modelgen.operate.doctor.ports import check_ports
from modelgen.operate.doctor.prune_filter import check_prune_filter
from modelgen.operate.doctor.rivals import check_rivals
from modelgen.operate.doctor.toolkit import check_cgroups, check_toolkit
from modelgen.operate.doctor.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "CHECKS",
    "Description",
    "Finding",
    "Host",
    "Wanted",
    "describe",
    "examine",
    "examine_for_up",
    "find_override",
    "takes_all_cards",
]

CHECKS: tuple[Callable[[Host, Wanted], list[Finding]], ...] = (
    check_platform,
    check_selinux,
    check_engine,
    check_installation,
    check_socket,
    check_compose,
    check_override,
    check_driver,
    check_cards,
    check_modes,
    check_toolkit,
    check_cgroups,
    check_amd,
    check_hub,
    check_disk,
    check_ports,
    check_rivals,
    check_occupied,
    check_prune_filter,
)


OF_UP: tuple[Callable[[Host, Wanted], list[Finding]], ...] = (
    check_engine,
    check_compose,
    check_toolkit,
    check_ports,
    check_rivals,
)
"""The checks of `up` before any change; each takes a fraction of a second."""


def examine(host: Host, wanted: Wanted) -> list[Finding]:
    """Return all findings, ordered by subject; the checks run in parallel."""
    return _run(CHECKS, host, wanted)


def examine_for_up(host: Host, wanted: Wanted, *, is_complete: bool) -> list[Finding]:
    """Return the findings of the checks that `up` needs; GPUs are checked only if a model uses one.

    Args:
        host: The host.
        wanted: The needs of models.toml.
        is_complete: Whether nothing is missing that needs disk space.
    """
    models = wanted.document.models.values() if wanted.document else ()
    wanted = replace(wanted, is_without_cards=not any(model.gpus for model in models))
    return _run(OF_UP if is_complete else (*OF_UP, check_disk), host, wanted)


def _run(checks: Sequence[Callable[[Host, Wanted], list[Finding]]], host: Host, wanted: Wanted) -> list[Finding]:
    with ThreadPoolExecutor(len(checks)) as pool:
        return [found for findings in pool.map(lambda check: check(host, wanted), checks) for found in findings]
