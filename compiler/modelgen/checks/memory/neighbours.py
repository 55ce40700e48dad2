"""Find releases that cannot share a GPU, since they count the memory of other programs as their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.checks.several_models import listed
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.images.versions import Version
    from modelgen.resolve import ModelRun
    from modelgen.source import Span


@rule("MG548", "counts-others", Severity.WARNING)
def counts_others(context: Context) -> Iterator[Found]:
    """A release that counts the memory of other programs on the GPU as its own, for models that share one.

    ## Why
    Up to 0.9.0, vLLM subtracts all memory in use from its share of the GPU. The model that starts second finds nothing
    left, whatever its `gpu_memory`: "No available memory for the cache blocks". 0.9.1 counts only what it takes itself.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.9.0"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "10GiB"
    args = { max-model-len = 8192 }

    [models.two]
    repo = "Qwen/Qwen3-1.7B"
    gpus = ["gpu0"]
    gpu_memory = "8GiB"
    args = { max-model-len = 8192 }
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.9.1"

    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "10GiB"
    args = { max-model-len = 8192 }

    [models.two]
    repo = "Qwen/Qwen3-1.7B"
    gpus = ["gpu0"]
    gpu_memory = "8GiB"
    args = { max-model-len = 8192 }
    ```
    """
    found: dict[tuple[Span, str, str], list[str]] = {}
    for name, run in context.runs.items():
        if run.engine is None or run.engine.counts_others is None or run.version is None or run.is_fork:
            continue
        since = run.engine.counts_others(run.version, run.env)
        if since is not None:
            place, release = context.document.at_value(*run.place), f"{run.engine.title} {run.version.text}"
            found.setdefault((place, release, _help(run, run.version, since)), []).append(name)
    neighbours = _with_neighbours(context) if found else set()
    for (place, release, help_text), names in found.items():
        if crowded := [name for name in names if name in neighbours]:
            left = f"too little may be left for {listed(crowded)}"
            yield Found(
                place, f"{release} takes the memory of other models on the GPU for its own, so {left}", help_text
            )


def _help(run: ModelRun, version: Version, since: str) -> str:
    tag = run.image.tag if run.image else None
    if run.image is None or tag is None or version.text not in tag:
        return f"use an image of {since} or newer"
    return f"write `{run.image.name}:{tag.replace(version.text, since)}`, or a newer release"


def _with_neighbours(context: Context) -> set[str]:
    """Return the models that another one may be loaded beside: the sizes of both are within the limit of a GPU."""
    sizes: dict[str, list[tuple[int, str]]] = {}
    for name, run in context.runs.items():
        for gpu, size in fit.reservations(context.cards(run.model), run.model.gpu_memory).items():
            sizes.setdefault(gpu, []).append((size, name))
    found = set[str]()
    for gpu, models in sizes.items():
        budget, smallest = fit.budget(context.resolved.cards[gpu]), sorted(models)[:2]
        for size, name in models:
            if any(beside != name and size + other <= budget for other, beside in smallest):
                found.add(name)
    return found
