"""Compare the header of a GGUF file, as models.lock has it, with the flags of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.api.warmup import CHAT
from modelgen.engines.engine import warmup_route
from modelgen.engines.flags import whole_number
from modelgen.engines.weights.chat_templates import GGUF_TEMPLATE_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.facts import GgufServing
    from modelgen.lockfile.entries import GgufFacts
    from modelgen.resolve.arguments import PlainArgument
    from modelgen.source import Span

_ENCODERS = ("bert", "t5", "embedding")


@rule("MG560", "beyond-training", Severity.WARNING)
def beyond_training(context: Context) -> Iterator[Found]:
    """A llamacpp model with a context longer than its training, without a flag that stretches positions.

    ## Why
    llama.cpp starts with a warning, "possible training context overflow", and newer builds give each slot no more than
    the training context: the KV cache of the rest is reserved and never used.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 131072 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["Qwen3-4B-Q4_K_M.gguf"]
    files = [{ path = "Qwen3-4B-Q4_K_M.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots.gguf]]
    path = "Qwen3-4B-Q4_K_M.gguf"
    architecture = "qwen3"
    chat_template_sha256 = "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"
    values = { context_length = 40960, block_count = 36 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 131072, rope-scaling = "yarn", rope-scale = 4, yarn-orig-ctx = 32768 }
    ```
    """
    for one in _ggufs(context):
        trained = one.facts.values.get("context_length")
        if one.serving is None or one.serving.stretches or not isinstance(trained, int) or trained < 1:
            continue
        most = trained * one.serving.sequences
        if one.serving.tokens > most:
            slots = f" for each of {one.serving.sequences} slots" if one.serving.sequences > 1 else ""
            yield Found(
                _place(context, one, one.length),
                f"{one.serving.tokens:,} tokens are more than the {trained:,}{slots} of its training",
                f"write `{one.length} = {most}` or less, or stretch positions with `rope-scaling` and `rope-scale`",
            )


@rule("MG561", "gguf-without-template", Severity.WARNING)
def gguf_without_template(context: Context) -> Iterator[Found]:
    """A llamacpp model for chats whose file has no chat template.

    ## Why
    llama.cpp then writes chats as ChatML, whatever the model was trained with: it answers, but badly, and tool calls
    fail. If clients send only completions, turn this rule off.

    ## Bad
    ```toml
    [models.base]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "me/base-GGUF"
    file = "base-Q4_K_M.gguf"
    args = { ctx-size = 8192 }
    ```

    ```lock
    [[snapshots]]
    repo = "me/base-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["base-Q4_K_M.gguf"]
    gguf = [{ path = "base-Q4_K_M.gguf", architecture = "llama" }]
    files = [{ path = "base-Q4_K_M.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]
    ```

    ## Good
    ```toml
    [models.base]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "me/base-GGUF"
    file = "base-Q4_K_M.gguf"
    args = { ctx-size = 8192, chat-template = "llama3" }
    ```
    """
    for one in _ggufs(context):
        is_encoder = any(part in one.facts.architecture for part in _ENCODERS)
        if one.facts.chat_template_sha256 or is_encoder or _names_template(context, one.name):
            continue
        engine = context.runs[one.name].engine
        if engine is not None and warmup_route(engine, context.runs[one.name].args, {}) == CHAT:
            yield Found(
                context.at_origin(one.name, "repo"),
                f"{one.facts.path} has no chat template, so llama.cpp writes chats as ChatML",
                'write `chat-template-file = "./NAME.jinja"` in `args`, use the instruction-tuned model, or write '
                '`gguf-without-template = "off"` in `[rules]` if clients send only completions',
            )


@rule("MG563", "output-on-processor", Severity.INFO)
def output_on_processor(context: Context) -> Iterator[Found]:
    """A llamacpp model with as many layers on the GPU as it has, which leaves one on the processor.

    ## Why
    The output counts as a layer too: with 36 layers, `n-gpu-layers = 36` is "offloaded 36/37 layers to GPU", and each
    token waits for the processor.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384, n-gpu-layers = 36 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["Qwen3-4B-Q4_K_M.gguf"]
    files = [{ path = "Qwen3-4B-Q4_K_M.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots.gguf]]
    path = "Qwen3-4B-Q4_K_M.gguf"
    architecture = "qwen3"
    chat_template_sha256 = "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"
    values = { context_length = 40960, block_count = 36 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384 }
    ```
    """
    for one in _ggufs(context):
        layers = one.facts.values.get("block_count")
        if one.serving is not None and isinstance(layers, int) and one.serving.layers == layers:
            flag = next((arg for arg in _args(context, one.name) if whole_number(arg.value) == layers), None)
            yield Found(
                context.document.at_value(*flag.path) if flag else context.at_origin(one.name, "repo"),
                f"{layers} of {layers + 1} layers are on the GPU: the output counts as one",
                "remove it: without the flag all layers are on the GPU",
            )


@rule("MG537", "unsupported-gguf")
def unsupported_gguf(context: Context) -> Iterator[Found]:
    """A llamacpp model whose architecture came to llama.cpp after the build in the image.

    ## Why
    llama.cpp ends with "unknown model architecture: 'gpt-oss'". The data is from sources of about twenty builds, so a
    build between two of them is not reported. The build that the help names is the first that certainly has it.

    ## Bad
    ```toml
    [models.oss]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b5232"
    repo = "ggml-org/gpt-oss-20b-GGUF"
    file = "gpt-oss-20b-mxfp4.gguf"
    args = { ctx-size = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "ggml-org/gpt-oss-20b-GGUF"
    commit = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    include = ["gpt-oss-20b-mxfp4.gguf"]
    files = [{ path = "gpt-oss-20b-mxfp4.gguf", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots.gguf]]
    path = "gpt-oss-20b-mxfp4.gguf"
    architecture = "gpt-oss"
    chat_template_sha256 = "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"
    ```

    ## Good
    ```toml
    [models.oss]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "ggml-org/gpt-oss-20b-GGUF"
    file = "gpt-oss-20b-mxfp4.gguf"
    args = { ctx-size = 16384 }
    ```
    """
    for one in _ggufs(context):
        run = context.runs[one.name]
        known = run.engine.architectures if run.engine else None
        arrival = known.missing(one.facts.architecture, run.version) if known and run.version else None
        if arrival is not None and run.version is not None:
            use = f"use an image later than b{arrival.last_without}, if its release notes name the architecture"
            if arrival.having is not None:
                tag = (run.image.tag or "").replace(run.version.text, f"b{arrival.having}") if run.image else ""
                use = f'write `image = "{run.image.name}:{tag}"`, or a later one' if run.image else "use a later build"
            yield Found(
                context.document.at_value(*run.place) if run.place else context.at_origin(one.name, "repo"),
                f"{run.version.text} does not load the architecture `{one.facts.architecture}` of {one.facts.path}",
                use,
            )


class _Gguf(NamedTuple):
    """A model whose GGUF file's header is known; `serving` is None if flags are not known."""

    name: str
    facts: GgufFacts
    serving: GgufServing | None
    length: str


def _ggufs(context: Context) -> Iterator[_Gguf]:
    for name, pins in context.pins.items():
        run = context.runs[name]
        headers = (pins.entry.gguf if pins.entry else None) or ()
        facts = next((one for one in headers if one.path == pins.gguf.model), None)
        if facts is None or not facts.architecture or run.engine is None or run.engine.gguf is None or run.is_fork:
            continue
        serving = run.engine.gguf(run.version, run.args, run.env)
        yield _Gguf(name, facts, None if isinstance(serving, str) else serving, run.engine.length)


def _args(context: Context, name: str) -> tuple[PlainArgument, ...]:
    return context.runs[name].plain_arguments


def _place(context: Context, one: _Gguf, flag: str) -> Span:
    """Return the place of a flag, else that of the repository: a variable may set it."""
    found = next((arg for arg in reversed(_args(context, one.name)) if arg.name == flag), None)
    return context.document.at_value(*found.path) if found else context.at_origin(one.name, "repo")


def _names_template(context: Context, name: str) -> bool:
    run = context.runs[name]
    flags = run.engine.plain_flags() if run.engine is not None and run.engine.plain_flags else None
    variables = {variable for flag in GGUF_TEMPLATE_FLAGS for variable in (flags.variables(flag) if flags else ())}
    return any(flag in run.args for flag in GGUF_TEMPLATE_FLAGS) or not variables.isdisjoint(run.env)
