"""Cards, and the images that are to run on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import images
from modelgen.engines.resolve import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Model
    from modelgen.engines.resolve import Resolved

_WHOSE = {"nvidia": "NVIDIA cards", "amd": "AMD cards", "none": "no card at all"}


@rule("MG308", "unused-groups")
def unused_groups(context: Context) -> Iterator[Found]:
    """A card has `groups` but is not opened by device files.

    ## Why
    NVIDIA's runtime and CDI need no groups: the numbers would be accepted and ignored.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"
    groups = [44, 992]
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"
    groups = [44, 992]
    ```
    """
    for name, gpu in context.gpus.items():
        if gpu.groups is not None and gpu.kind != "amd":
            place = context.document.at_key("gpus", name, "groups")
            yield Found(place, f"`{name}` needs no `groups`", 'remove it; only `kind = "amd"` has device files')


@rule("MG309", "mixed-cards")
def mixed_cards(context: Context) -> Iterator[Found]:
    """A model on cards of different kinds.

    ## Why
    One container is given its cards in one way, and one engine runs on cards of one vendor.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [gpus.gpu1]
    memory = "24GiB"
    device = "nvidia.com/gpu=1"
    kind = "cdi"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "24GiB"
    device = "0"

    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```
    """
    for name, model in context.models.items():
        kinds = _kinds(context, model)
        if len(kinds) > 1:
            place = context.document.at_value(*context.document.origin(name, "gpus"))
            yield Found(
                place, f"`{name}` has cards of the kinds {' and '.join(sorted(kinds))}", "take cards of one kind"
            )


@rule("MG310", "group-by-name")
def group_by_name(context: Context) -> Iterator[Found]:
    """A group by its name, for a container that opens AMD's device files.

    ## Why
    Docker looks the name up inside the image, which does not have the host's groups: "Unable to find group render".
    Seven of nine public repositories with AMD cards write `video` and `render`.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    compose = { group_add = ["render"] }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"
    groups = [992]

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    for name, model in context.models.items():
        path = context.document.origin(name, "compose")
        keys = context.document.compose.get(path)
        if keys is None or "amd" not in _kinds(context, model):
            continue
        for number, group in enumerate(keys.group_add or ()):
            if not str(group).isdigit():
                place = context.document.at_value(*path, "group_add", number)
                help_text = f"write `groups` in the card's table, by number: `getent group {group}` prints it"
                yield Found(place, f"the host's group `{group}` is not known inside the image", help_text)


@rule("MG323", "closed-cards", Severity.WARNING)
def closed_cards(context: Context) -> Iterator[Found]:
    """AMD's device files for an engine that is not root and in none of their groups.

    ## Why
    /dev/kfd and the render nodes belong to root and to the groups video and render: the engine finds no card.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    compose = { user = "1000:1000" }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"
    groups = [44, 992]

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    compose = { user = "1000:1000" }
    ```
    """
    for name, model in context.models.items():
        path = context.document.origin(name, "compose")
        keys = context.document.compose.get(path)
        if keys is None or keys.user is None or keys.group_add or "amd" not in _kinds(context, model):
            continue
        is_root = account_of(context.document, name, context.resolved[name]).uid == 0
        if not is_root and not any(context.gpus[gpu].groups for gpu in context.cards(model)):
            place = context.document.at_value(*path, "user")
            help_text = "write `groups` in the card's table: `getent group video render` prints the numbers"
            yield Found(place, f"`{keys.user}` may not open the cards of `{name}`", help_text)


@rule("MG320", "image-for-other-cards")
def image_for_other_cards(context: Context) -> Iterator[Found]:
    """An image for the cards of one vendor on a card of another, or an image for processors on a card.

    ## Why
    vLLM's and SGLang's images bring either CUDA or ROCm; on the other they find no device after all has been loaded.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.20.0"

    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }
    ```
    """
    for name, model in context.models.items():
        resolved = context.resolved[name]
        wanted = images.kind_of(resolved.image) if resolved.image else None
        vendors = {"amd" if kind == "amd" else "nvidia" for kind in _kinds(context, model, known_vendor=True)}
        if wanted and vendors and wanted not in vendors:
            has = " and ".join(_WHOSE[vendor] for vendor in sorted(vendors))
            yield Found(
                context.document.at_value(*resolved.place),
                f"this image is for {_WHOSE[wanted]}, but `{name}` has {has}",
                _image_for(vendors, resolved),
            )


@rule("MG321", "image-without-gpu", Severity.WARNING)
def image_without_gpu(context: Context) -> Iterator[Found]:
    """An image that needs a card, for a model that has none.

    ## Why
    vLLM ends with "Failed to infer device type". One public repository in thirty forgets to reserve the card.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [rules]
    unpinned-repo = "off"
    image-without-gpu = "warning"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    gpus = ["gpu0"]
    args = { max-model-len = 16384 }

    [rules]
    unpinned-repo = "off"
    image-without-gpu = "warning"
    ```
    """
    for name, model in context.models.items():
        resolved = context.resolved[name]
        wanted = images.kind_of(resolved.image) if resolved.image else None
        refused = any(context.document.is_refused(*path, "gpus") for path in (("models", name), ("defaults",)))
        if wanted in ("nvidia", "amd") and not model.gpus and not refused:
            yield Found(
                context.document.at_header("models", name),
                f"`{name}` has no card, but its image is for {_WHOSE[wanted]}",
                'write `gpus = ["…"]`, or take an image for processors such as vllm/vllm-openai-cpu',
            )


def _image_for(vendors: set[str], resolved: Resolved) -> str:
    """Name the same release for the other vendor, where vLLM publishes one (for ROCm from 0.14 on)."""
    version = resolved.version
    if resolved.engine == "sglang":
        return "take the tag for the card: lmsysorg/sglang has tags with -rocm, and others for CUDA"
    if version is None or (vendors == {"amd"} and version.release < (0, 14)):
        return "take the image for the card: vllm/vllm-openai for NVIDIA, vllm/vllm-openai-rocm for AMD"
    return f"write `vllm/vllm-openai{'-rocm' if vendors == {'amd'} else ''}:v{version.text}`"


def _kinds(context: Context, model: Model, *, known_vendor: bool = False) -> set[str]:
    """Return the kinds of a model's cards; CDI has any vendor's cards, which its name tells."""
    cards = [context.gpus[name] for name in context.cards(model)]
    if not known_vendor:
        return {card.kind or "nvidia" for card in cards}
    vendors = {"nvidia.com": "nvidia", "amd.com": "amd"}
    kinds = {
        vendors.get(card.device.split("/")[0], "") if card.kind == "cdi" else card.kind or "nvidia" for card in cards
    }
    return set() if "" in kinds else kinds
