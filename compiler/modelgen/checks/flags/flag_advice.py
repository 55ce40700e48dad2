"""Advise on flags: LoRA without adapters, eager mode, and files that the container does not have."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, did_you_mean, rule
from modelgen.engines.images.properties import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import Argument

# Flags of both engines whose value is a file or a directory (arg_utils.py, cli_args.py, server_args.py).
_PATHS = frozenset(
    {"chat-template", "generation-config", "hf-config-path", "log-config-file", "mm-encoder-fp8-scale-path"}
    | {"reasoning-parser-plugin", "tokenizer", "tool-parser-plugin", "completion-template", "quantization-param-path"}
    | {"speculative-token-map", "tokenizer-path"}
)
# A value of these flags that does not look like a path is a name: of a parser, or of a template in the image.
_FILES = frozenset({"chat-template", "completion-template", "reasoning-parser-plugin", "tool-parser-plugin"})
_BARE = re.compile(r"(?!examples/)[\w-][\w./\\-]*\.(?:jinja2?|json|py)")
_WORKSPACE = "/vllm-workspace/"
_EXAMPLE = re.compile(rf"(?:{_WORKSPACE})?examples/[\w./-]+\.jinja")
# A name without the end of a file, as SGLang has some.
_NAME = re.compile(r"(?![\w.-]+\.(?:jinja2?|json)$)\w[\w.-]*", re.ASCII)
# Absolute paths, paths of Windows and of a home. vLLM's image has examples of its own in /vllm-workspace.
_ABSOLUTE = re.compile(r"(?!/vllm-workspace/)(?:/|~/|[A-Za-z]:[/\\])[^{}\n]+")

_BARE_FILE = re.compile(r"[\w-][\w.\\-]*\.[A-Za-z][\w]*")
# Folders of any image, and of llama.cpp's.
_IN_IMAGE = ("/app/", "/tmp/")  # noqa: S108 - in the container


@rule("MG243", "lora-by-hand", Severity.WARNING)
def lora_by_hand(context: Context) -> Iterator[Found]:
    """Flags for LoRA on a model without adapters.

    ## Why
    Adapters in `loras` are served from the start, and clients select them by name. Without them, `enable-lora` only
    reserves memory for adapters that are loaded by hand, and the other flags have no effect.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enable-lora = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    loras = { sql = "namespace/qwen3-4b-sql-lora" }
    args = { max-model-len = 16384, max-lora-rank = 32 }
    ```
    """
    for name, model in context.taking("loras"):
        written = [arg for arg in context.args_of(name) if arg.is_known and {"lora", "loras"} & {*arg.name.split("-")}]
        written = [arg for arg in written if arg.name not in arg.engine.owned_args and arg.value is not False]
        if written and not model.loras:
            enabling = next((arg for arg in written if arg.name == "enable-lora"), None)
            arg = enabling or written[0]
            effect = "serves no adapter" if enabling else "has no effect"
            place = context.document.at_key(*arg.path)
            yield Found(
                place, f"`{arg.key}` {effect}: `{name}` has no `loras`", 'write `loras = { NAME = "namespace/name" }`'
            )


@rule("MG244", "eager-mode", Severity.INFO)
def eager_mode(context: Context) -> Iterator[Found]:
    """A model without CUDA graphs.

    ## Why
    `enforce-eager` makes every token slower. One in six public repositories sets it. It is needed only if CUDA graphs
    do not fit on the GPU, or to debug.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, enforce-eager = true }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384 }
    ```
    """
    for arg in context.args:
        if arg.name == "enforce-eager" and arg.value is True and arg.is_known:
            place = context.document.at_key(*arg.path)
            yield Found(
                place, "without CUDA graphs every token takes longer", "remove it, unless CUDA graphs do not fit"
            )


@rule("MG246", "unmounted-file", Severity.WARNING)
def unmounted_file(context: Context) -> Iterator[Found]:
    """A flag with a host path that does not exist in the container.

    ## Why
    The engine looks up an absolute path inside the container. A relative path, `./…`, is relative to models.toml:
    modelgen mounts the file read-only and passes its path in the container. vLLM's image has templates in `examples/`,
    and SGLang has some by name; a name that no release has is found, too.

    ## Bad
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, chat-template = "/home/me/templates/qwen.jinja" }
    ```

    ## Good
    ```toml
    [models.qwen]
    args = { max-model-len = 16384, chat-template = "./templates/qwen.jinja" }
    ```
    """
    for arg in context.args:
        draft = arg.value.get("model") if arg.name == "speculative-config" and isinstance(arg.value, dict) else None
        value = draft if draft is not None else arg.value
        is_path = arg.name in _PATHS or draft is not None
        yield from _of_no_release(context, arg)
        if is_path and isinstance(value, str) and arg.name in _FILES and _BARE.fullmatch(value):
            yield Found(
                context.document.at_value(*arg.path),
                f"the engine looks up `{value}` inside its image",
                f"write `./{value}` for a file beside models.toml, which modelgen then mounts",
            )
        if not is_path or not isinstance(value, str) or not _ABSOLUTE.fullmatch(value):
            continue
        targets = context.volume_targets(arg.model)
        if not any(posixpath.normpath(value).startswith(target) for target in targets):
            yield Found(
                context.document.at_value(*arg.path),
                f"the engine looks up `{value}` inside the container, where nothing is mounted",
                f"copy it beside models.toml and write {_beside(arg, value)}, or mount it with `compose.volumes`",
            )
    for plain in context.plain_args:
        if plain.name not in plain.engine.file_flags or not isinstance(plain.value, str):
            continue
        place, targets = context.document.at_value(*plain.path), context.volume_targets(plain.model)
        name = re.split(r"[/\\]", plain.value.rstrip("/"))[-1]
        if _BARE_FILE.fullmatch(plain.value):
            message = f"{plain.engine.title} looks up `{plain.value}` inside its image"
            yield Found(place, message, f"write `./{plain.value}` for a file beside models.toml, which modelgen mounts")
        elif _ABSOLUTE.fullmatch(plain.value) and not any(
            posixpath.normpath(plain.value).startswith(target) for target in (*targets, *_IN_IMAGE)
        ):
            message = f"{plain.engine.title} looks up `{plain.value}` inside the container, where nothing is mounted"
            help_text = f'copy it beside models.toml and write `{plain.key} = "./{name}"`, or mount it with'
            yield Found(place, message, f"{help_text} `compose.volumes`")


def _of_no_release(context: Context, arg: Argument) -> Iterator[Found]:
    """Yield a finding on the name of a template that no release of the engine has."""
    names, value = arg.engine.named_values.get(arg.name, ()), arg.value
    image = context.runs[arg.model].image if arg.model else None
    # Other images, newer releases and programs on the host may have templates of their own.
    if not names or not isinstance(value, str) or arg.may_be_known or image is None or not is_release(image):
        return
    wanted = value.removeprefix(_WORKSPACE)
    is_mounted = any(posixpath.join(_WORKSPACE, wanted).startswith(at) for at in context.volume_targets(arg.model))
    is_name = (_EXAMPLE if wanted.startswith("examples/") else _NAME).fullmatch(value)
    if is_name and wanted not in names and not is_mounted:
        meant = did_you_mean(wanted, names, list_known=False)
        text = f"no release of {arg.engine.title} has a template `{value}`"
        own = "write `./NAME.jinja` for a file beside models.toml, which modelgen then mounts"
        yield Found(context.document.at_value(*arg.path), text, meant or own)


def _beside(arg: Argument, value: str) -> str:
    """Return the value of a flag for a file that lies beside models.toml, as help shows it."""
    name = re.split(r"[/\\]", value.rstrip("/"))[-1]
    return f'`{arg.key} = "./{name}"`' if value == arg.value else f"`./{name}`"
