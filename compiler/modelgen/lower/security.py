"""Define the rights of containers, and their resource limits."""

from __future__ import annotations

from modelgen import ir

ENGINE_LIMITS = (ir.Limit("memlock", -1), ir.Limit("nofile", 65535), ir.Limit("stack", 67108864))
ORCHESTRATOR_LIMITS = (ir.Limit("nofile", 65536),)
"""Each client and each request to an engine needs a descriptor; Docker's default may be 1,024."""

SOCKET_PROXY_MEMORY = 128 * 2**20
"""Its 1,000 connections have 16 KiB buffers in each direction."""
_ORCHESTRATOR_MEMORY = 512 * 2**20


def orchestrator_memory(buffer_limit: int, capture: int) -> int:
    """Return the memory of the orchestrator: itself, buffered bodies, which may be copied once, and kept requests."""
    kept = -(-capture // 4) * 2**20  # 256 KiB each, in whole MiB
    return _ORCHESTRATOR_MEMORY + 2 * buffer_limit + kept


def security(*, read_only: bool, unlabelled: bool) -> ir.Security:
    """Return the rights of a container. It needs no capability, neither to serve nor to use a GPU."""
    return ir.Security(dropped=("ALL",), no_new_privileges=True, read_only=read_only, unlabelled=unlabelled)
