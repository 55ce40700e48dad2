"""Express a container's rights and resource limits as keys of Compose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen import ir


def cap_drop(security: ir.Security, added: Mapping[str, Any]) -> list[str]:
    """Return the capabilities that a service drops: ours, and those that the user adds."""
    return list(dict.fromkeys([*security.dropped, *added.get("cap_drop", ())]))


def security_opt(security: ir.Security, added: Mapping[str, Any]) -> list[str]:
    """Return the options of a service. The user's option about privileges or labels replaces ours."""
    ours = ["no-new-privileges:true"] if security.no_new_privileges else []
    ours += ["label=disable"] if security.unlabelled else []
    theirs = added.get("security_opt", [])
    kept = [option for option in ours if not any(other.startswith(re.split("[:=]", option)[0]) for other in theirs)]
    return list(dict.fromkeys([*kept, *theirs]))


def memory_limit(size: int) -> str:
    """Return bytes as Compose writes a limit of memory: in the largest unit that divides them."""
    for factor, unit in ((2**30, "g"), (2**20, "m"), (2**10, "k")):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}b"


def engine_limits(service: ir.Service) -> dict[str, int]:
    """Return the `ulimits` of a model's service."""
    return {limit.name: limit.value for limit in service.limits}


def orchestrator_limits(orchestrator: ir.Orchestrator) -> dict[str, dict[str, int]]:
    """Return the `ulimits` of the orchestrator's service, in the long form."""
    return {limit.name: {"soft": limit.value, "hard": limit.value} for limit in orchestrator.limits}
