"""Check how containers get their GPUs: the kinds of GPUs, and the groups of AMD's device files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpu_kinds import is_of_other_kind
from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG308", "unused-groups")
def unused_groups(context: Context) -> Iterator[Found]:
    """A GPU with `groups` that needs none.

    ## Why
    Groups are for the device files of AMD GPUs. NVIDIA's runtime and CDI use none, so the numbers would have no effect.

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

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"
    ```
    """
    for name, gpu in context.gpus.items():
        if gpu.groups is not None and gpu.kind != "amd" and not is_of_other_kind(context, name):
            place = context.document.at_key("gpus", name, "groups")
            yield Found(place, f"`{name}` needs no `groups`", 'remove it: only `kind = "amd"` uses device files')


@rule("MG309", "mixed-cards")
def mixed_cards(context: Context) -> Iterator[Found]:
    """A model on GPUs of different kinds.

    ## Why
    A container gets all of its GPUs in the same way, and an engine runs on GPUs of one vendor.

    ## Bad
    ```toml
    [gpus.gpu1]
    memory = "24GiB"
    device = "nvidia.com/gpu=1"
    kind = "cdi"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```

    ## Good
    ```toml
    [gpus.gpu1]
    memory = "24GiB"
    device = "1"

    [models.qwen]
    gpus = ["gpu0", "gpu1"]
    args = { max-model-len = 16384, tensor-parallel-size = 2 }
    ```
    """
    for name, model in context.models.items():
        kinds = context.kinds(model)
        if len(kinds) > 1:
            place = context.at_origin(name, "gpus")
            yield Found(
                place, f"`{name}` has GPUs of the kinds {' and '.join(sorted(kinds))}", "write GPUs of one kind"
            )


@rule("MG310", "group-by-name")
def group_by_name(context: Context) -> Iterator[Found]:
    """A group by name on a model with AMD GPUs.

    ## Why
    Docker looks the name up inside the image, which does not have the host's groups: "Unable to find group render".
    Seven of nine public repositories with AMD GPUs write `video` and `render`.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"

    [models.qwen]
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
    image = "vllm/vllm-openai-rocm:v0.30.0"
    ```
    """
    for name, model in context.models.items():
        path, keys = context.compose_of(name)
        if keys is None or "amd" not in context.kinds(model):
            continue
        for number, group in enumerate(keys.group_add or ()):
            if not str(group).isdigit():
                place = context.document.at_value(*path, "group_add", number)
                help_text = f"write the number as `groups` in the GPU's table: `getent group {group}` prints it"
                yield Found(place, f"the image does not have the host's group `{group}`", help_text)


@rule("MG323", "closed-cards", Severity.WARNING)
@as_one("run as an account that cannot open their GPUs")
def closed_cards(context: Context) -> Iterator[tuple[str, Found]]:
    """An AMD GPU for an account that is neither root nor in the groups of its device files.

    ## Why
    /dev/kfd and the render nodes belong to root and to the groups video and render. An account outside them cannot open
    the files, and the engine finds no GPU.

    ## Bad
    ```toml
    [gpus.gpu0]
    memory = "64GiB"
    device = "/dev/dri/renderD128"
    kind = "amd"

    [engines.vllm]
    image = "vllm/vllm-openai-rocm:v0.30.0"

    [models.qwen]
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
    image = "vllm/vllm-openai-rocm:v0.30.0"

    [models.qwen]
    compose = { user = "1000:1000" }
    ```
    """
    for name, model in context.models.items():
        path, keys = context.compose_of(name)
        if keys is None or keys.user is None or keys.group_add or "amd" not in context.kinds(model):
            continue
        is_root = context.runs[name].account.uid == 0
        if not is_root and not any(context.gpus[gpu].groups for gpu in context.cards(model)):
            place = context.document.at_value(*path, "user")
            help_text = "write `groups` in the GPU's table: `getent group video render` prints the numbers"
            yield name, Found(place, f"the account `{keys.user}` cannot open the GPUs of `{name}`", help_text)
