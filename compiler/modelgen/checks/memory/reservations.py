"""Check the GPU memory that models reserve against the limits of the GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit
from modelgen.diagnostics import Found, Severity, rule
from modelgen.resolve.cards import LIMIT
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Card


@rule("MG304", "model-over-card")
def model_over_card(context: Context) -> Iterator[Found]:
    """A model that reserves more of a GPU than its limit, or almost nothing.

    ## Why
    vLLM compares the reserved memory with the free memory at its start, and stops: "Free memory on device … is less
    than desired GPU memory utilization". Memory above the limit is for the contexts of all processes on the GPU.

    ## Bad
    ```toml
    [models.qwen]
    gpu_memory = "24GiB"
    ```

    ## Good
    ```toml
    [models.qwen]
    gpu_memory = "20GiB"
    ```
    """
    document = context.document
    for name, card in context.resolved.cards.items():
        if not fit.share([card], None):
            place = document.at_value("gpus", name, "limit")
            yield Found(place, f"`limit` leaves less than 0.0001 of `{name}`", "write a share such as 0.95")
    for name, model in context.models.items():
        if model.gpu_memory is None or model.gpu_memory == "auto":
            continue
        cards = context.cards(model)
        for gpu_name, reserved in fit.reservations(cards, model.gpu_memory).items():
            card = cards[gpu_name]
            budget = fit.budget(card)
            if reserved > budget:
                yield Found(
                    context.at_origin(name, "gpu_memory"),
                    f"`{name}` reserves {of_memory(reserved)} of `{gpu_name}`, but its limit is {of_memory(budget)}",
                    f"write `gpu_memory = {_at_most(card, model.gpu_memory)}` or less: `limit` is "
                    f"{fit.share([card], None)} of {of_memory(card.memory)}",
                )
            elif not fit.share([card], model.gpu_memory):
                place = context.at_origin(name, "gpu_memory")
                yield Found(place, f"`{name}` reserves less than 0.0001 of `{gpu_name}`", "check the unit")


def _at_most(card: Card, written: int | float) -> str:
    """Return the largest reservation on a card, as it is written: a size or a share."""
    return (
        f'"{of_memory(fit.budget(card)).replace(" ", "")}"'
        if isinstance(written, int)
        else str(fit.share([card], None))
    )


@rule("MG322", "tight-limit", Severity.WARNING)
def tight_limit(context: Context) -> Iterator[Found]:
    """A GPU whose `limit` leaves less than 5 % of its memory free.

    ## Why
    CUDA contexts, graphs and the desktop need memory besides what models reserve: about 1 GiB of a 24 GiB GPU. One in
    twenty public repositories sets 0.95 to 1, and the engine ends with "out of memory" under load.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    limit = 0.99
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    limit = 0.95
    ```
    """
    for name, card in context.resolved.cards.items():
        if context.gpus[name].limit is not None and card.limit > LIMIT:
            place = context.document.at_value("gpus", name, "limit")
            rest = of_memory(card.memory - fit.budget(card))
            yield Found(
                place,
                f"this leaves only {rest} of `{name}` for CUDA contexts and graphs",
                f"write `limit = {LIMIT}` or less",
            )


_SIZE_IN_GIB = 8 * 1024
"""From this many MiB on, a size is suggested in whole GiB."""


@rule("MG305", "profile-over-card")
def profile_over_card(context: Context) -> Iterator[Found]:
    """A profile whose models together reserve more of a GPU than its limit.

    ## Why
    The models of a profile are resident together. One in three public files with several models overcommits a GPU, with
    sums from 1.04 to 4.54.

    ## Bad
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "14GiB"
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    gpus = ["gpu0"]
    gpu_memory = "14GiB"
    args = { max-model-len = 16384 }

    [profiles.both]
    models = ["one", "two"]
    ```

    ## Good
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "10GiB"
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    gpus = ["gpu0"]
    gpu_memory = "12GiB"
    args = { max-model-len = 16384 }

    [profiles.both]
    models = ["one", "two"]
    ```
    """
    for profile_name, profile in (context.document.config.profiles or {}).items():
        reservations: dict[str, dict[str, int]] = {}
        for name in dict.fromkeys(profile.models):
            model = context.models.get(name)
            if model is None:
                continue
            for gpu_name, memory in fit.reservations(context.cards(model), model.gpu_memory).items():
                reservations.setdefault(gpu_name, {})[name] = memory
        for gpu_name, parts in reservations.items():
            total, budget = sum(parts.values()), fit.budget(context.resolved.cards[gpu_name])
            if total > budget and len(parts) > 1:
                sum_ = " + ".join(f"{name} {of_memory(part)}" for name, part in parts.items())
                each = budget // len(parts) // 2**20
                size = f"{each // 1024}GiB" if each >= _SIZE_IN_GIB else f"{each}MiB"
                yield Found(
                    context.document.at_value("profiles", profile_name, "models"),
                    f"`{profile_name}` reserves {of_memory(total)} of `{gpu_name}`, "
                    f"{of_memory(total - budget)} more than its limit of {of_memory(budget)}",
                    f'reserve less, such as `gpu_memory = "{size}"` in the table of each model, or take one out of the '
                    f"profile: {sum_}; a model without `gpu_memory` reserves the whole limit",
                )


@rule("MG350", "never-fits")
def never_fits(context: Context) -> Iterator[Found]:
    """A model that does not fit beside a model that stays loaded, or one with `keep_loaded` and `idle_timeout`.

    ## Why
    No model evicts one with `keep_loaded = true`, so requests for a model that does not fit beside it would wait for
    ever. In one table, `idle_timeout` contradicts it; one in `[defaults]` does not apply to a model that stays loaded.

    ## Bad
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "14GiB"
    keep_loaded = true
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    gpus = ["gpu0"]
    gpu_memory = "14GiB"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    gpu_memory = "8GiB"
    keep_loaded = true
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    gpus = ["gpu0"]
    gpu_memory = "14GiB"
    args = { max-model-len = 16384 }
    ```
    """
    reserved = {
        name: fit.reservations(context.cards(model), model.gpu_memory) for name, model in context.models.items()
    }
    kept = [name for name, model in context.models.items() if model.keep_loaded]
    for name in kept:
        own = (context.document.config.models or {})[name]
        if context.models[name].idle_timeout is not None and (own.idle_timeout is not None or own.keep_loaded is None):
            place = context.at_origin(name, "idle_timeout")
            yield Found(place, f"`{name}` has `keep_loaded` and an `idle_timeout`", "remove `idle_timeout`")
    for name, parts in reserved.items():
        for gpu, part in parts.items():
            others = {other: reserved[other][gpu] for other in kept if other != name and gpu in reserved[other]}
            free = fit.budget(context.resolved.cards[gpu]) - sum(others.values())
            if others and part > free and not (name in kept and name < min(others)):
                stay = " and ".join(f"`{other}`" for other in others)
                yield Found(
                    context.at_origin(name, "gpu_memory")
                    if context.models[name].gpu_memory is not None
                    else context.document.at_header("models", name),
                    f"`{name}` never fits beside {stay} on `{gpu}`: it reserves {of_memory(part)}, and "
                    f"{of_memory(max(free, 0))} are left",
                    "reserve less for one of them, or write `keep_loaded = false` in "
                    + " or ".join(f"`[models.{other}]`" for other in others),
                )


@rule("MG306", "size-on-unequal-cards")
def size_on_unequal_cards(context: Context) -> Iterator[Found]:
    """A `gpu_memory` in bytes on GPUs with different memory.

    ## Why
    The engine uses one share for all of its GPUs, and one size is a different share of each.

    ## Bad
    ```toml
    [gpus.gpu1]
    memory = "48GiB"
    device = "GPU-8d2f1c55-0b77-4f0e-9a3e-5b1f0c6a7d22"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    gpus = ["gpu0", "gpu1"]
    gpu_memory = "20GiB"
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [gpus.gpu1]
    memory = "48GiB"
    device = "GPU-8d2f1c55-0b77-4f0e-9a3e-5b1f0c6a7d22"

    [models.qwen]
    repo = "Qwen/Qwen3-32B"
    gpus = ["gpu0", "gpu1"]
    gpu_memory = 0.8333
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```
    """
    for name, model in context.models.items():
        cards = context.cards(model).values()
        if isinstance(model.gpu_memory, int) and len({card.memory for card in cards}) > 1:
            smallest = min(cards, key=lambda card: card.memory)
            yield Found(
                context.at_origin(name, "gpu_memory"),
                f"the GPUs of `{name}` differ in memory, so {of_memory(model.gpu_memory)} is no single share",
                f"write a share: `gpu_memory = {fit.share([smallest], model.gpu_memory)}` is "
                f"{of_memory(model.gpu_memory)} of the smallest",
            )


@rule("MG307", "memory-without-gpu")
def memory_without_gpu(context: Context) -> Iterator[Found]:
    """A `gpu_memory` on a model without `gpus`.

    ## Why
    Without a GPU there is nothing to reserve, so the number would have no effect.

    ## Bad
    ```toml
    [models.qwen]
    gpus = []
    gpu_memory = "10GiB"
    ```

    ## Good
    ```toml
    [models.qwen]
    gpus = ["gpu0"]
    gpu_memory = "10GiB"
    ```
    """
    document = context.document
    for name, table in (document.config.models or {}).items():
        refused = document.is_refused("models", name, "gpus") or document.is_refused("defaults", "gpus")
        if table.gpu_memory is not None and not context.models[name].gpus and not refused:
            place = document.at_key("models", name, "gpu_memory")
            gpu = next(iter(context.gpus), "…")
            help_text = f'add `gpus = ["{gpu}"]`, or remove `gpu_memory`'
            yield Found(place, f"`{name}` reserves GPU memory but has no GPU", help_text)
