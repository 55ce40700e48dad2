"""Check the GPUs that the services of a foreign file reserve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.foreign.context import VISIBLE, gpus_of_size
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Service


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
        has, size = _reserved(service), gpus_of_size(lifted)
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


@rule("MG615", "refused-reservation")
def refused_reservation(context: ForeignContext) -> Iterator[Found]:
    """A reservation of GPUs in a form that Compose refuses.

    ## Why
    Compose refuses the whole file: "services.text.deploy.resources.reservations.devices.0 missing property
    'capabilities'".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        deploy:
          resources:
            reservations:
              devices:
                - driver: nvidia
                  count: 1
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.30.0
        command: [Qwen/Qwen3-4B]
        deploy:
          resources:
            reservations:
              devices:
                - driver: nvidia
                  count: 1
                  capabilities: [gpu]
    ```
    """
    for name, service in context.foreign.services.items():
        for request in service.gpus:
            if request.fault:
                message = f"Compose refuses the reservation of `{name}`: {request.fault}"
                yield Found(request.place, message, _RESERVATION)


_RESERVATION = 'write `capabilities: [gpu]`, and `count` as a number or `all`, or `device_ids: ["0"]` as a list'


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
        for name in VISIBLE if ids else ():
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


def _reserved(service: Service) -> int | None:
    """Return how many GPUs a service reserves; None where that is not known."""
    if not service.gpus or any(request.is_all for request in service.gpus):
        return None
    numbers = [len(request.ids) or request.number for request in service.gpus]
    ids = [one for request in service.gpus for one in request.ids]
    if any(not one.is_known or "," in one.text or one.text in ("all", "") for one in ids):
        return None
    return sum(number for number in numbers if number) if all(numbers) else None
