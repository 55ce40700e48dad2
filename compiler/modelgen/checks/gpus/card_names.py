"""Check the names of GPUs, and what is written beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.gpu_kinds import kind_of_card
from modelgen.checks.several_models import listed
from modelgen.diagnostics import Found, Severity, rule
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Gpu
    from modelgen.engines.host.known_cards import KnownCard

# People round the memory of a GPU up: an H100 of "80GiB" has 79.6 GiB.
_ROUNDED = 1.01
# What a kernel leaves of a memory that the host shares differs: 119.7 or 121.7 GiB of a DGX Spark.
_ROUNDED_OF_UNIFIED = 1.05
# Two tables that describe one memory differ by what the kernel reserves.
_SAME = 0.03
# Tags of dustynv/* and ghcr.io/nvidia-ai-iot/*: `r36.4.0`, `0.5.9-r36.4-tegra-aarch64-cu126-22.04`.
_OF_JETSON = re.compile(r"tegra|jetson|l4t|[:-]r3[5-9]\.\d")


@rule("MG326", "unknown-card")
def unknown_card(context: Context) -> Iterator[Found]:
    """A `card` that is not in the list of known GPUs, or that has several sizes of memory.

    ## Why
    Memory and compute capability come from the name, so it must mean exactly one GPU.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "A100"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "A100 80GB"
    device = "0"
    ```
    """
    unknown: dict[tuple[str, str], list[str]] = {}
    for name, gpu in context.gpus.items():
        resolved = context.resolved.cards.get(name)
        if gpu.card is None or context.refused_memory(name) or (resolved and resolved.known):
            continue
        from modelgen.engines.host.cards import find_known

        found = find_known(gpu.card, gpu.memory)
        if len(found) == 1:  # known, without its memory: `memory-of-card` reports it
            continue
        message = f"`{gpu.card}` has several sizes of memory" if found else f"unknown GPU `{gpu.card}`"
        help_text = f"write {_names(found)}" if found else _instead(gpu, gpu.card, name)
        unknown.setdefault((message, help_text), []).append(name)
    for (message, help_text), names in unknown.items():
        also = f", which {listed(names)} have" if len(names) > 1 else ""
        yield Found(context.document.at_value("gpus", names[0], "card"), message + also, help_text)


def _instead(gpu: Gpu, written: str, name: str) -> str:
    """Return what to write for a GPU that is not in the list."""
    from modelgen.config.familiar_values import about_intel
    from modelgen.engines.host.cards import (
        find_known,
        memory_of_profile,
        similar_names,
        with_other_memory,
        without_profile,
    )

    if (sliced := without_profile(written)) and (whole := find_known(sliced[0])):
        memory = f'`memory = "{memory_of_profile(sliced[1])}MiB"`'
        return f"write {_names(whole)}, and the memory that `nvidia-smi` prints for the MIG device, or {memory}"
    if changed := with_other_memory(written):
        known, size = changed
        return f'write `memory = "{size}GiB"` and `capability = "{known.capability}"` instead of `card`'
    if re.fullmatch(r"gfx[0-9a-f]{3,4}", written):
        return f'write `capability = "{written}"` and `memory` instead, or the name of the product'
    example, program = (
        ("gfx906", "rocminfo") if gpu.kind == "amd" else ("8.6", "nvidia-smi --query-gpu=compute_cap --format=csv")
    )
    other = (
        f'write `memory = "24GiB"` and `capability = "{example}"` instead, with the values of this GPU; '
        f"`{program}` prints the capability"
    )
    near = similar_names(written, "amd" if gpu.kind == "amd" else None)
    return about_intel(written, name) or (f"{near} Otherwise {other}" if near else other)


def _names(cards: Iterable[KnownCard]) -> str:
    return " or ".join(f'`card = "{card.name}"`' for card in cards)


@rule("MG327", "memory-of-card")
def memory_of_card(context: Context) -> Iterator[Found]:
    """A GPU without `card` and `memory`, or with more `memory` than the card has.

    ## Why
    Reservations are shares of the memory that the driver reports, which is a little less than the product's name says.
    `memory` may be left out beside `card`, and it may be smaller than the card's.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "L4"
    memory = "24GiB"
    device = "0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "L4"
    device = "0"
    ```
    """
    document = context.document
    for name, gpu in context.gpus.items():
        if context.refused_memory(name):
            continue
        card = context.resolved.cards.get(name)
        if card is None and gpu.card is None:
            message = f"`[gpus.{name}]` lacks `card` or `memory`"
            help_text = 'write the name of the GPU, `card = "RTX 3090"`, or its memory, `memory = "24GiB"`'
            yield Found(document.at_header("gpus", name), message, help_text)
        elif card is None and gpu.card is not None and "MIG-" in gpu.device:
            if not _is_known(gpu.card):
                continue  # `unknown-card` reports it, with the memory
            message = f"`{name}` is a MIG device, which has a part of the memory of its card"
            help_text = 'write that part as well, as `nvidia-smi` prints it: `memory = "4864MiB"` for a `1g.5gb`'
            yield Found(document.at_value("gpus", name, "device"), message, help_text)
        elif card is None and _is_of_firmware(gpu):
            place = document.at_value("gpus", name, "card")
            message = f"the memory of `{gpu.card}` depends on the settings of its firmware"
            yield Found(place, message, 'write what the driver reports as well: `memory = "96GiB"`')
        elif card is not None and card.known is not None and gpu.memory is not None:
            most = card.known.mebibytes * 2**20
            if most and gpu.memory > most * (_ROUNDED_OF_UNIFIED if card.unified else _ROUNDED):
                place = document.at_value("gpus", name, "memory")
                message = f"{card.known.name} has {of_memory(most)}, not {of_memory(gpu.memory)}"
                yield Found(place, message, f'remove `memory`, or write `memory = "{_size(most)}"` or less')


@rule("MG328", "card-at-odds")
def card_at_odds(context: Context) -> Iterator[Found]:
    """A `card` or `capability` that contradicts another key of the GPU.

    ## Why
    `kind` decides how containers get the GPU, and the default is NVIDIA's runtime. A capability beside the name of a
    known card can only be redundant or wrong.

    ## Bad
    ```toml
    [gpus.gpu0]
    card = "MI300X"
    device = "0"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"

    [models.qwen]
    gpus = []
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "MI300X"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"
    ```
    """
    for name, card in context.resolved.cards.items():
        gpu, known = context.gpus[name], card.known
        if known is not None and gpu.capability not in (None, known.capability):
            place = context.document.at_value("gpus", name, "capability")
            message = f"{known.name} has the capability {known.capability}, not {gpu.capability}"
            yield Found(place, message, "remove `capability`: `card` determines it")
        elif (kind := kind_of_card(context, name)) is not None:
            place = context.document.at_value("gpus", name, "card" if gpu.card else "capability")
            vendor = "AMD" if kind == "amd" else "NVIDIA"
            message = f"`{gpu.card or gpu.capability}` is a GPU of {vendor}, but `kind` is {gpu.kind or 'nvidia'}"
            yield Found(place, message, f'write `kind = "{kind}"`')


@rule("MG329", "memory-twice", Severity.WARNING)
def memory_twice(context: Context) -> Iterator[Found]:
    """A GPU that has the memory of its arm64 host, without `unified`.

    ## Why
    DGX Spark and Jetson have one memory for processor and GPU. As two budgets it would be given out twice, and the host
    would stop responding when it is full. With `unified`, the default limit leaves a part to the host.

    ## Bad
    ```toml
    [host]
    arch = "arm64"
    memory = "119GiB"

    [gpus.gpu0]
    memory = "119GiB"
    device = "0"
    ```

    ## Good
    ```toml
    [host]
    arch = "arm64"
    memory = "119GiB"

    [gpus.gpu0]
    card = "GB10"
    device = "0"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"
    ```
    """
    host = context.document.config.host
    if host is None or host.arch != "arm64" or host.memory is None:
        return
    for name, card in context.resolved.cards.items():
        is_said = card.unified or card.capability is not None or context.gpus[name].unified is not None
        if not is_said and abs(card.memory / host.memory - 1) <= _SAME:
            place = context.document.at_value("gpus", name, "memory")
            message = f"`{name}` and the host both have {of_memory(card.memory)}, which looks like one memory"
            help_text = 'write `card = "GB10"` for a DGX Spark, or `unified = true`; `unified = false` if it is not'
            yield Found(place, message, help_text)


@rule("MG353", "jetson-without-card", Severity.WARNING)
def jetson_without_card(context: Context) -> Iterator[Found]:
    """A GPU without `card` that has a model with an image for Jetson.

    ## Why
    A Jetson provides its GPU by the runtime `nvidia` only, and its container toolkit refuses reservations. modelgen
    writes the runtime if `card` names a Jetson.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "30GiB"
    device = "0"

    [engines.vllm]
    image = "ghcr.io/nvidia-ai-iot/vllm:r36.4-tegra-aarch64-cu126-22.04"
    version = "0.19.0"
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    card = "Jetson AGX Orin 64GB"
    device = "0"

    [engines.vllm]
    image = "ghcr.io/nvidia-ai-iot/vllm:r36.4-tegra-aarch64-cu126-22.04"
    version = "0.19.0"
    ```
    """
    images: dict[str, str] = {}
    for run in context.runs.values():
        if run.image is not None and _OF_JETSON.search(f"{run.image.name}:{run.image.tag or ''}"):
            for name in context.cards(run.model):
                images.setdefault(name, run.image.tag or run.image.name)
    for name, image in images.items():
        gpu = context.gpus[name]
        if gpu.card is None and gpu.kind in (None, "nvidia"):
            message = f"`{image}` is for a Jetson, but `[gpus.{name}]` has no `card`"
            help_text = 'write the name of the Jetson: `card = "Jetson AGX Orin 64GB"`, or another of the guide to GPUs'
            yield Found(context.document.at_header("gpus", name), message, help_text)


def _is_known(card: str) -> bool:
    from modelgen.engines.host.cards import find_known

    return len(find_known(card)) == 1


def _is_of_firmware(gpu: Gpu) -> bool:
    from modelgen.engines.host.cards import find_known

    found = find_known(gpu.card or "", gpu.memory)
    return len(found) == 1 and not found[0].mebibytes


def _size(memory: int) -> str:
    return f"{memory // 2**20}MiB"
