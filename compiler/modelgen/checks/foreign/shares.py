"""Check which GPUs engines that start together take, and how much of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.foreign.context import VISIBLE, gpus_of_size
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.flags import as_number
from modelgen.engines.images.properties import is_fork, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.lift.document import Lifted

_MOST = 1.0001
_LEAST_PERCENT = 5
_ENCODERS = re.compile(r"bert|(?:^|[^a-z])(?:bge|e5|gte|xlm-r|minilm|mpnet|nomic|jina|arctic-embed|sfr)", re.IGNORECASE)
"""Names of encoders, which have no KV cache and take less than their share."""


@rule("MG610", "shares-over-gpu")
def shares_over_gpu(context: ForeignContext) -> Iterator[Found]:
    """Engines that start together and take more than the whole memory of a GPU.

    ## Why
    Each engine takes its share of the whole GPU, whatever other engines have left: the last one stops with "Free memory
    on device is less than desired GPU memory utilization". Without the flag, the share is the release's default. The
    share of SGLang is of the memory that is left, and an encoder takes less than its share: they do not count.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B, --gpu-memory-utilization, "0.6"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
      embed:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.5"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B, --gpu-memory-utilization, "0.6"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
      embed:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.3"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```
    """
    group = context.together
    shares: dict[str, list[tuple[Lifted, float]]] = {}
    ending = _ending(group)
    for lifted in group:
        share = None if lifted.name in ending else share_of(lifted)
        for gpu in _used(lifted) if share else ():
            shares.setdefault(gpu, []).append((lifted, share or 0))
    seen: set[str] = set()
    for gpu, taken in shares.items():
        total, last = sum(share for _, share in taken), taken[-1][0]
        if total > _MOST and len(taken) > 1 and last.name not in seen:
            seen.add(last.name)
            said = " + ".join(f"{share:g} of `{lifted.name}`" for lifted, share in taken)
            spec = last.server.engine.line
            entry = last.line.entries.get(spec.share) if spec else None
            yield Found(
                entry.at_value.span if entry else last.server.service.name.span,
                f"engines that start together take {total:g} of GPU {gpu}: {said}",
                "lower the shares to 0.95 together, use other GPUs, or give the services profiles",
            )


@rule("MG617", "share-out-of-range")
def share_out_of_range(context: ForeignContext) -> Iterator[Found]:
    """A share of a GPU's memory that is not above 0 and at most 1.

    ## Why
    The flag takes a share, not a percentage. vLLM stops with "GPU memory utilization must be less than 1.0", and SGLang
    when it allocates more memory than the GPU has.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "90"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "0.9"]
        gpus: all
    ```
    """
    for lifted in context.lifted:
        spec = lifted.server.engine.line
        entry = lifted.line.entries.get(spec.share) if spec and spec.share and lifted.server.is_release else None
        share = as_number(entry.text) if entry else None
        if entry and share is not None and not 0 < share <= 1:
            wanted = f"{share / 100:g}" if _LEAST_PERCENT <= share <= 100 else "0.9"
            message = f"`{entry.text}` is no share of a GPU's memory, which is above 0 and at most 1"
            yield Found(entry.at_value.span, message, f"write `{wanted}`")


@rule("MG622", "gpus-by-count", Severity.WARNING)
def gpus_by_count(context: ForeignContext) -> Iterator[Found]:
    """Several engines that reserve GPUs by `count`: they get the same ones.

    ## Why
    `count: 1` is always GPU 0, and `count: all` and `gpus: all` every GPU, for each service (moby, countToDevices).
    Engines that are meant to have a GPU each share the first one.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "0.5"]
        gpus: [{driver: nvidia, count: 1}]
      embed:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.3"]
        gpus: [{driver: nvidia, count: 1}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B, --gpu-memory-utilization, "0.5"]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
      embed:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-Embedding-0.6B, --gpu-memory-utilization, "0.3"]
        gpus: [{driver: nvidia, device_ids: ["1"]}]
    ```
    """
    group = context.together
    counted = [one for one in group if any(not request.ids for request in one.server.service.gpus)]
    for lifted in [one for one in counted if not _chosen(one)][1:]:
        request = next(one for one in lifted.server.service.gpus if not one.ids)
        why = "both get all" if request.is_all else "`count` begins at GPU 0"
        message = f"`{lifted.name}` gets the same GPUs as `{counted[0].name}`: {why}"
        help_text = 'reserve GPUs by `device_ids: ["N"]` in each service'
        yield Found(request.count_at or request.place, message, help_text)


def share_of(lifted: Lifted) -> float | None:
    """Return the share of each of its GPUs that a server takes; None where it is not known."""
    server, line = lifted.server, lifted.line
    spec = server.engine.line
    if spec is None or not spec.share or not line.is_whole or any(name in line.entries for name in spec.unset_share):
        return None
    # SGLang's is of what is free before its load (model_runner.py, _profile_available_bytes).
    if spec.share == server.engine.static_share or (lifted.model and _ENCODERS.search(lifted.model.text)):
        return None
    if server.image is not None and kind_of(server.image) == "none":
        return None
    if entry := line.entries.get(spec.share):
        share = as_number(entry.text)
        return share if share is not None and 0 < share <= 1 else None
    is_known = server.is_release and server.image is not None and not is_fork(server.image)
    return spec.default_share(server.version) or None if is_known else None


def _used(lifted: Lifted) -> list[str]:
    """Return the GPUs that a server takes, by the name that the file has for them; empty where they are not known."""
    service, size = lifted.server.service, gpus_of_size(lifted)
    if size is None or not service.has_all_variables:
        return []
    chosen = {name: service.variable(name) for name in VISIBLE if name in service.variables}
    ids = [one.text for request in service.gpus for one in request.ids]
    if not chosen and ids:
        return ids[: size[0]]
    if not chosen and service.gpus:
        return [str(number) for number in range(size[0])]
    # With all GPUs in the container, or by NVIDIA's runtime, a variable has the numbers of the host.
    by_runtime = service.runtime is not None and service.runtime.text == "nvidia" and not service.gpus
    has_all = bool(service.gpus) and all(request.is_all for request in service.gpus)
    name = "NVIDIA_VISIBLE_DEVICES" if by_runtime else "CUDA_VISIBLE_DEVICES"
    value = chosen.get(name)
    if {*chosen} != {name} or value is None or not (by_runtime or has_all):
        return []
    numbers = [part.strip() for part in value.text.split(",")]
    return numbers[: size[0]] if all(number.isdecimal() for number in numbers) else []


def _chosen(lifted: Lifted) -> bool:
    """Return whether a variable may choose other GPUs."""
    service = lifted.server.service
    return not service.has_all_variables or any(
        name in service.variables and ((value := service.variable(name)) is None or value.text != "all")
        for name in VISIBLE
    )


def _ending(group: list[Lifted]) -> set[str]:
    """Return the services that end before another one starts."""
    return {
        one.name.text
        for lifted in group
        for one in lifted.server.service.depends_on
        if one.condition is not None and one.condition.text == "service_completed_successfully"
    }
