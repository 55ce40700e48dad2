"""Check the host memory that containers may use against the memory of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.diagnostics import Found, Severity, rule
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG352", "limits-over-host", Severity.WARNING)
def limits_over_host(context: Context) -> Iterator[Found]:
    """A model, or a profile, whose `host_memory` exceeds the memory of the host.

    ## Why
    A limit protects the rest of the host only if all of them together fit. Otherwise memory is full before a limit is
    reached, and the kernel ends a process of its own choice. Where the GPU has the host's memory, as on a DGX Spark,
    what models reserve of it counts too.

    ## Bad
    ```toml
    [host]
    memory = "64GiB"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    host_memory = "40GiB"
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    host_memory = "40GiB"
    args = { max-model-len = 16384 }

    [profiles.both]
    models = ["one", "two"]
    ```

    ## Good
    ```toml
    [host]
    memory = "64GiB"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    host_memory = "24GiB"
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    host_memory = "32GiB"
    args = { max-model-len = 16384 }

    [profiles.both]
    models = ["one", "two"]
    ```
    """
    document, host = context.document, context.document.config.host
    unified = [
        card.memory for model in context.models.values() for card in context.cards(model).values() if card.unified
    ]
    memory = host.memory if host and host.memory is not None else max(unified, default=None)
    if memory is None:
        return
    limits = {name: model.host_memory for name, model in context.models.items() if model.host_memory is not None}
    for name, limit in limits.items():
        if limit > memory:
            place = context.at_origin(name, "host_memory")
            message = f"`{name}` may use {of_memory(limit)}, and the host has {of_memory(memory)}"
            yield Found(place, message, f"write less than {of_memory(memory)}")
    shared = _of_shared_memory(context)
    for name, limit in limits.items():
        if name in shared and limit <= memory < limit + shared[name]:
            place = context.at_origin(name, "host_memory")
            message = (
                f"`{name}` may use {of_memory(limit + shared[name])} together with its GPU, of {of_memory(memory)}"
            )
            yield Found(place, message, "lower `host_memory` or `gpu_memory`: GPU and host share the memory")
    for profile_name, profile in (document.config.profiles or {}).items():
        names = [name for name in dict.fromkeys(profile.models) if name in limits or name in shared]
        parts = {name: limits.get(name, 0) + shared.get(name, 0) for name in names}
        total = sum(parts.values())
        is_of_limits = any(name in limits for name in names) and all(limits.get(name, 0) <= memory for name in names)
        if total > memory and len(parts) > 1 and is_of_limits:
            is_shared = any(name in shared for name in names)
            yield Found(
                document.at_value("profiles", profile_name, "models"),
                f"`{profile_name}` may use {of_memory(total)} of the host, which has {of_memory(memory)}"
                f"{' together with its GPU' if is_shared else ''}",
                f"lower `host_memory`{' or `gpu_memory`' if is_shared else ''}: "
                f"{' + '.join(f'{name} {of_memory(part)}' for name, part in parts.items())}",
            )


def _of_shared_memory(context: Context) -> dict[str, int]:
    """Return what each model reserves on GPUs whose memory is the host's."""
    found = {}
    for name, model in context.models.items():
        cards = context.cards(model)
        reserved = fit.reservations(cards, model.gpu_memory)
        if shared := sum(part for gpu, part in reserved.items() if cards[gpu].unified):
            found[name] = shared
    return found
