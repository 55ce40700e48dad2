"""Define the rights of containers, and their resource limits."""

from __future__ import annotations

from modelgen import ir

ENGINE_LIMITS = (ir.Limit("memlock", -1), ir.Limit("nofile", 65535), ir.Limit("stack", 67108864))
ORCHESTRATOR_LIMITS = (ir.Limit("nofile", 65536),)
"""Each client and each request to an engine needs a descriptor; Docker's default may be 1,024."""


def security(*, read_only: bool, unlabelled: bool) -> ir.Security:
    """Return the rights of a container. It needs no capability, neither to serve nor to use a GPU."""
    return ir.Security(dropped=("ALL",), no_new_privileges=True, read_only=read_only, unlabelled=unlabelled)
