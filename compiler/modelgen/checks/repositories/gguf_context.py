"""Check the context of llama.cpp's models: that it is written, and what each slot has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import text_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun

_FLASH, _V_CACHE = "flash-attn", "cache-type-v"
_UNQUANTIZED = ("f32", "f16", "bf16")
_OFF = ("off", "disabled", "false", "0")


@rule("MG247", "missing-ctx-size")
def missing_ctx_size(context: Context) -> Iterator[Found]:
    """A llamacpp model without `ctx-size`, or with `ctx-size = 0`.

    ## Why
    The default is the longest context of the model, and newer builds silently reduce it, down to 4,096 tokens, until it
    fits on the GPU (`--fit`). They do not change a written value.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { c = 16384 }
    ```
    """
    document = context.document
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.catalogue is not None or not engine.needs_length:
            continue
        short = (key for key, flag in (engine.short_flags or {}).items() if flag == engine.length)
        spellings = (engine.length, *short)
        refused = any(
            document.is_refused(*table, "args", *key)
            for table in (("models", name), ("defaults",), ("engines", run.engine_name))
            for key in ((), *((one,) for one in spellings))
        )
        plain = next((one for one in reversed(run.plain_arguments) if one.name == engine.length), None)
        variables = engine.plain_flags().variables(engine.length) if engine.plain_flags else set()
        is_in_env = any(run.env.get(variable, "0") != "0" for variable in variables)
        if plain is None and not refused and not is_in_env:
            yield Found(
                document.at_header("models", name, "args"),
                f"`{name}` has no `{engine.length}`",
                f"write the longest context that you need: `args = {{ {engine.length} = 16384 }}`",
            )
        elif plain is not None and plain.value in (0, "0") and plain.value is not False:
            place = document.at_value(*plain.path)
            help_text = "write the longest context that you need"
            fits = plain.release is None or plain.release.get("fit") is not None
            chosen = "chooses a length that fits" if fits else "takes the longest context of the model"
            yield Found(place, f"with `{plain.key} = 0`, llama.cpp {chosen}", help_text)


@rule("MG258", "context-per-slot", Severity.INFO)
def context_per_slot(context: Context) -> Iterator[Found]:
    """A llamacpp model whose context is divided among its slots.

    ## Why
    `ctx-size` is the context of all requests together. Each of the `parallel` slots gets an equal part, and a longer
    request fails, unless `kv-unified` lets every slot use all of it.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384, parallel = 6 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384, parallel = 6, kv-unified = true }
    ```
    """
    for run in context.runs.values():
        if run.engine is None or not run.engine.slots:
            continue
        slots, length = (_setting(context, run, flag) for flag in (run.engine.slots, run.engine.length))
        is_shared = any(_setting(context, run, flag) for flag in ("kv-unified", "kvu", "kv-unified-per-slot"))
        if slots is None or length is None or is_shared:
            continue
        count, tokens = whole_number(slots.value), whole_number(length.value)
        if count is not None and tokens is not None and count > 1:
            longer = f'"{tokens * count}"' if length.is_variable else tokens * count
            larger = f"`{length.path[-1]} = {longer}` for {tokens:,} each"
            has_pool = run.version is None or _has_pool(run.engine, run.version)
            place = " in `args`" if slots.is_variable else ""
            yield Found(
                context.document.at_value(*slots.path),
                f"each of the {count} slots has {tokens // count:,} of the {tokens:,} tokens",
                f"write `kv-unified = true`{place} to share them, or {larger}" if has_pool else f"write {larger}",
            )


@rule("MG572", "cache-without-flash")
def cache_without_flash(context: Context) -> Iterator[Found]:
    """A llamacpp model with a quantized `cache-type-v`, but without flash attention.

    ## Why
    llama.cpp loads the model and then stops: "V cache quantization requires flash_attn". `flash-attn` is off by default
    before b6325, and `auto` since. The keys, `cache-type-k`, can be quantized without it.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384, cache-type-v = "q8_0", flash-attn = "off" }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    args = { ctx-size = 16384, cache-type-v = "q8_0", flash-attn = "on" }
    ```
    """
    for run in context.runs.values():
        if run.engine is None or run.engine.plain_flags is None or run.version is None or run.is_fork:
            continue
        flag = run.engine.plain_flags().release(run.version).get(_FLASH)
        cache, flash = _setting(context, run, _V_CACHE), _setting(context, run, _FLASH)
        if flag is None or cache is None or str(cache.value) in _UNQUANTIZED:
            continue
        is_switch = flag.kind == Kind.FLAG
        is_off = (flash is None) if is_switch else (flash is not None and str(flash.value).lower() in _OFF)
        if is_off:
            yield Found(
                context.document.at_value(*cache.path),
                f"`{cache.path[-1]} = {text_of(cache.value)}` needs flash attention, which is off",
                f"write `{_FLASH} = true` in `args`"
                if is_switch
                else f'write `{flash.path[-1] if flash else _FLASH} = "on"`',
            )


class _Setting(NamedTuple):
    value: object
    path: Path
    is_variable: bool


def _setting(context: Context, run: ModelRun, flag: str) -> _Setting | None:
    """Return the value of a flag: that in `args`, else that of its variable; None if neither is written."""
    plain = next((one for one in reversed(run.plain_arguments) if one.name == flag), None)
    if plain is not None:
        return _Setting(plain.value, plain.path, is_variable=False)
    if run.engine is None or run.engine.plain_flags is None:
        return None
    variables = run.engine.plain_flags().variables(flag)
    written = context.env_paths(run.name) if variables.intersection(run.env) else {}
    return next(
        (_Setting(run.env[key], path, is_variable=True) for key, path in written.items() if key in variables), None
    )


def _has_pool(engine: Engine, version: Version) -> bool:
    return engine.plain_flags is not None and engine.plain_flags().release(version).get("kv-unified") is not None
