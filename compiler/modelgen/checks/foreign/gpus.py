"""Check the GPUs that a foreign file reserves against the sizes and shares of its engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.engine import parallel_size
from modelgen.engines.flags import as_number
from modelgen.engines.images.properties import is_fork, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Service
    from modelgen.lift.document import Lifted

_MOST = 1.0001
_VISIBLE = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


@rule("MG606", "too-few-gpus")
def too_few_gpus(context: ForeignContext) -> Iterator[Found]:
    """Parallel sizes that need more GPUs than the service reserves.

    ## Why
    The product of the tensor, pipeline and data-parallel sizes is the number of GPUs that the engine uses. It stops
    when the container has fewer.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-32B, --tensor-parallel-size, "2"]
        shm_size: 16gb
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-32B, --tensor-parallel-size, "2"]
        shm_size: 16gb
        gpus: [{driver: nvidia, device_ids: ["0", "1"]}]
    ```
    """
    for lifted in context.lifted:
        service, line, spec = lifted.server.service, lifted.line, lifted.server.engine.line
        has, size = _reserved(service), _size(lifted)
        if spec is None or has is None or size is None or service.is_privileged or not line.is_whole:
            continue
        needed, names = size
        if needed > has and names and not any(name in line.entries for name in spec.several_hosts):
            entry = line.entries[names[0]]
            written = " × ".join(f"`--{line.entries[name].key} {line.entries[name].text}`" for name in names)
            is_alone = len(names) == 1
            yield Found(
                entry.at_value.span,
                f"{written} {'needs' if is_alone else 'need'} {needed} GPUs, and `{lifted.name}` reserves {has}",
                f"reserve {needed} GPUs, or write `--{entry.key} {has}`" if is_alone else f"reserve {needed} GPUs",
            )


@rule("MG607", "count-and-ids")
def count_and_ids(context: ForeignContext) -> Iterator[Found]:
    """A reservation with both `count` and `device_ids`.

    ## Why
    Compose refuses the whole file: "count" and "device_ids" attributes are exclusive.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: [{driver: nvidia, count: 1, device_ids: ["0"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: [{driver: nvidia, device_ids: ["0"]}]
    ```
    """
    for name, service in context.foreign.services.items():
        for request in service.gpus:
            if request.count_at is not None and request.ids_at is not None:
                message = f"`{name}` reserves GPUs by `count` and by `device_ids`, which Compose refuses"
                yield Found(request.count_at, message, "remove `count`")


@rule("MG610", "shares-over-gpu")
def shares_over_gpu(context: ForeignContext) -> Iterator[Found]:
    """Engines that start together and take more than the whole memory of a GPU.

    ## Why
    Each engine takes its share of the whole GPU, whatever other engines have left: the last one stops with "Free memory
    on device is less than desired GPU memory utilization". Without the flag, the share is the release's default.

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


@rule("MG622", "gpus-by-count", Severity.WARNING)
def gpus_by_count(context: ForeignContext) -> Iterator[Found]:
    """Several engines that reserve GPUs by `count`: they get the same ones.

    ## Why
    `count: 1` is always GPU 0, and `count: all` every GPU, for each service (moby, countToDevices). Engines that are
    meant to have a GPU each share the first one.

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
        message = f"`{lifted.name}` gets the same GPUs as `{counted[0].name}`: `count` begins at GPU 0"
        yield Found(request.count_at or request.place, message, 'write `device_ids: ["N"]` in each service')


@rule("MG623", "gpus-twice", Severity.WARNING)
def gpus_twice(context: ForeignContext) -> Iterator[Found]:
    """GPUs by a reservation and by a variable.

    ## Why
    Docker overwrites `NVIDIA_VISIBLE_DEVICES` by the reservation. `CUDA_VISIBLE_DEVICES` selects among the reserved
    GPUs, which are numbered from 0 in the container: with the host's number, an engine often finds none.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        environment: {CUDA_VISIBLE_DEVICES: "1"}
        gpus: [{driver: nvidia, device_ids: ["1"]}]
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        gpus: [{driver: nvidia, device_ids: ["1"]}]
    ```
    """
    for lifted in context.lifted:
        service = lifted.server.service
        ids = [one.text for request in service.gpus for one in request.ids]
        for name in _VISIBLE if ids else ():
            variable, value = service.variables.get(name), service.variable(name)
            if variable is not None and value is not None and _is_at_odds(name, value.text, ids):
                written = ", ".join(ids)
                message = f"`{lifted.name}` reserves GPU {written}, and `{name}` selects `{value.text}`"
                yield Found(variable.name.span, message, f"remove `{name}`")


def _is_at_odds(name: str, value: str, ids: list[str]) -> bool:
    """Return whether a variable selects other GPUs than the reserved ones; in the container, they begin at 0."""
    numbers = [part.strip() for part in value.split(",")]
    if not all(number.isdecimal() for number in numbers):
        return False
    return numbers != ids if name.startswith("NVIDIA") else max(map(int, numbers)) >= len(ids)


def share_of(lifted: Lifted) -> float | None:
    """Return the share of each of its GPUs that a server takes; None where it is not known."""
    server, line = lifted.server, lifted.line
    spec = server.engine.line
    if spec is None or not spec.share or not line.is_whole or any(name in line.entries for name in spec.unset_share):
        return None
    if server.image is not None and kind_of(server.image) == "none":
        return None
    if entry := line.entries.get(spec.share):
        return as_number(entry.text)
    is_known = server.is_release and server.image is not None and not is_fork(server.image)
    return spec.default_share(server.version) or None if is_known else None


def _size(lifted: Lifted) -> tuple[int, tuple[str, ...]] | None:
    engine = lifted.server.engine
    values = {name: entry.value for name, entry in lifted.line.entries.items() if entry.value is not None}
    return parallel_size(engine, values) if engine.tensor_parallel else None


def _reserved(service: Service) -> int | None:
    """Return how many GPUs a service reserves; None where that is not known."""
    if not service.gpus or any(request.is_all for request in service.gpus):
        return None
    numbers = [len(request.ids) or request.number for request in service.gpus]
    ids = [one for request in service.gpus for one in request.ids]
    if any(not one.is_known or "," in one.text or one.text in ("all", "") for one in ids):
        return None
    return sum(number for number in numbers if number) if all(numbers) else None


def _used(lifted: Lifted) -> list[str]:
    """Return the GPUs that a server takes, by the name that the file has for them; empty where they are not known."""
    service, size = lifted.server.service, _size(lifted)
    if not service.gpus or size is None or _chosen(lifted):
        return []
    ids = [one.text for request in service.gpus for one in request.ids]
    if ids:
        return ids[: size[0]]
    return [str(number) for number in range(size[0])]


def _chosen(lifted: Lifted) -> bool:
    """Return whether a variable may choose other GPUs."""
    service = lifted.server.service
    return not service.has_all_variables or any(
        name in service.variables and ((value := service.variable(name)) is None or value.text != "all")
        for name in _VISIBLE
    )


def _ending(group: list[Lifted]) -> set[str]:
    """Return the services that end before another one starts."""
    return {
        one.name.text
        for lifted in group
        for one in lifted.server.service.depends_on
        if one.condition is not None and one.condition.text == "service_completed_successfully"
    }
