"""Check flags of llama.cpp that contradict each other or the GPUs of the model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun
    from modelgen.resolve.arguments import PlainArgument

_MAIN, _SPLIT, _DEVICE = "main-gpu", "split-mode", "device"
_BACKEND = re.compile(r"(CUDA|ROCm)(\d{1,3})", re.ASCII)
_EMBEDS = "embedding"
# The last build that certainly refuses completions (examples/server/server.cpp in llama-cpp-python 0.3.9). The
# sources in 0.3.10, of b5709 or later, do not.
_LAST_OF_ONE_USE = 5232
_OF_CHATS = ("jinja", "chat-template", "chat-template-file", "chat-template-kwargs", "reasoning-format")


@rule("MG267", "gpu-beyond-model")
def gpu_beyond_model(context: Context) -> Iterator[Found]:
    """A `main-gpu` or `device` that the model does not have.

    ## Why
    In the container, the GPUs of the model are numbered from 0, whatever their index on the host is. With
    `split-mode = "none"`, llama.cpp ends with "invalid value for main_gpu: 1 (available devices: 1)", and with
    `device = "CUDA1"` with "invalid device: CUDA1".

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384, split-mode = "none", main-gpu = 1 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384 }
    ```
    """
    for run in context.runs.values():
        args = _by_flag(run)
        main, split = args.get(_MAIN), args.get(_SPLIT)
        count = len(run.model.gpus or ())
        if count and not run.is_fork and (device := args.get(_DEVICE)) is not None:
            yield from _devices_beyond(context, device, count)
        if main is None or split is None or split.value != "none" or not count or run.is_fork:
            continue
        if isinstance(main.value, int) and main.value >= count:
            yield Found(
                context.document.at_key(*main.path),
                f"`{main.key}` is {main.value}, but `{run.name}` has {count} GPU{'s' if count > 1 else ''}, from 0 on",
                "remove it: the first of `gpus` is 0" if count == 1 else f"write `{main.key} = {count - 1}` or less",
            )


def _devices_beyond(context: Context, device: PlainArgument, count: int) -> Iterator[Found]:
    """Yield a finding for a list of devices with a number that the model does not have (common/arg.cpp)."""
    named = [_BACKEND.fullmatch(name.strip()) for name in str(device.value).split(",")]
    beyond = [found for found in named if found is not None and int(found[2]) >= count]
    if beyond:
        right = ",".join(f"{beyond[0][1]}{number}" for number in range(count))
        yield Found(
            context.document.at_key(*device.path),
            f"`{device.key}` is `{device.value}`, but `{device.model}` has {count} GPU{'s' if count > 1 else ''}, "
            "from 0 on",
            f'write `{device.key} = "{right}"`, or remove it',
        )


@rule("MG268", "embeddings-and-chat", Severity.WARNING)
def embeddings_and_chat(context: Context) -> Iterator[Found]:
    """A llamacpp model of an old build with `embeddings`, and with flags for chats.

    ## Why
    With `embeddings`, builds until spring 2025 serve embeddings only: a chat is answered by 501, "This server does not
    support completions. Start it without `--embeddings`". Newer builds answer both.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b5000"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384, embeddings = true, jinja = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384, jinja = true }
    ```
    """
    for run in context.runs.values():
        is_old = run.version is not None and run.version.release[0] <= _LAST_OF_ONE_USE
        if run.engine is None or run.is_fork or not is_old or run.engine.warmup(run.args, {}) == CHAT:
            continue
        args = _by_flag(run)
        chat = next((args[name] for name in _OF_CHATS if name in args and args[name].value is not False), None)
        other = args.get(_EMBEDS)
        if chat is not None and other is not None:
            build = run.version.text if run.version else ""
            text = f"with `{other.key}`, {build} of {run.engine.title} answers no chats, and `{chat.key}` is for chats"
            yield Found(context.document.at_key(*other.path), text, f"remove `{other.key}`, or remove `{chat.key}`")


def _by_flag(run: ModelRun) -> dict[str, PlainArgument]:
    """Return the flags of a model by canonical name; none for an engine with a catalogue."""
    return {(one.flag.name if one.flag else one.name): one for one in run.plain_arguments}
