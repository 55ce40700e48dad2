"""Define what containers may do, and their resource limits."""

from __future__ import annotations

from modelgen import ir

ENGINE_LIMITS = (ir.Limit("memlock", -1), ir.Limit("nofile", 65535), ir.Limit("stack", 67108864))
ORCHESTRATOR_LIMITS = (ir.Limit("nofile", 65536),)
"""Each client and each request that is with an engine takes a descriptor; Docker's default may be 1,024."""


def security(*, read_only: bool, unlabelled: bool) -> ir.Security:
    """Return what a container of ours may do: it needs no capability, neither to serve nor to use a GPU."""
    return ir.Security(dropped=("ALL",), no_new_privileges=True, read_only=read_only, unlabelled=unlabelled)
