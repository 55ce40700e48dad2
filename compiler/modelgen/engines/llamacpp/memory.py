"""Read what the flags of llama.cpp's server mean for the memory of a GPU, by build.

Sources: common/arg.cpp (flags), tools/server/server-context.cpp (slots), src/llama-context.cpp (batches, logits) and
src/llama-kv-cache.cpp (types). Where the build of a change is not known exactly, the larger amount counts up to the
first build that has it for certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.facts import GgufServing
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.engines.catalogues import Catalogue
    from modelgen.engines.images.versions import Version

LAYERS = "n-gpu-layers"
CACHE_FLAGS = ("cache-type-k", "cache-type-v")
_BYTES = {"f32": 128, "f16": 64, "bf16": 64, "q8_0": 34, "q5_1": 24, "q5_0": 22, "q4_1": 20, "q4_0": 18, "iq4_nl": 18}
"""Bytes of 32 values by type: blocks of ggml-common.h. A public table of the logged sizes of a cache agrees."""
_FLASH_BY_ITSELF = (6325,)
_FOUR_SLOTS = (6935,)  # #16736: without a number, four slots share the context
_LATENT_ONCE = (7856,)  # #19067
_FEW_LOGITS = (9478,)  # #23861
_DEFAULTS = (("batch-size", 2048), ("ubatch-size", 512))
_UNKNOWN = {
    "override-tensor": "tensors that are placed one by one",
    "tensor-split": "a share of its own for each GPU",
    "main-gpu": "one GPU of several",
    "device": "some of the GPUs",
    "rpc": "other hosts",
    "lora": "adapters",
    "lora-scaled": "adapters",
    "model-draft": "a draft model",
    "model-vocoder": "a vocoder",
    "override-kv": "changed values of the header",
}
_POSITIONS = ("rope-scaling", "rope-scale", "rope-freq-base", "rope-freq-scale", "yarn-orig-ctx")
_OFF = (None, False, 0, "off", "0", "false", "disabled")


def serving(
    flags: Callable[[], Catalogue], version: Version | None, args: Mapping[str, Any], env: Mapping[str, str]
) -> GgufServing | str:
    """Return how a build uses a GPU, or why that is not known.

    Args:
        flags: The flags with their variables.
        version: The build; None for a recent one.
        args: Flags by canonical name.
        env: Variables, which flags override.
    """
    release = version.release if version else (_FEW_LOGITS[0],)

    def value(flag: str, default: Any = None) -> Any:  # noqa: ANN401 - any TOML value
        if flag in args:
            return args[flag]
        return next((env[name] for name in sorted(flags().variables(flag)) if name in env), default)

    if (why := _unknown(value)) is not None:
        return why
    numbers = [whole_number(value(flag, default)) for flag, default in (("ctx-size", 0), *_DEFAULTS)]
    tokens, batch, micro = (number or 0 for number in numbers)
    keys, values = (_BYTES.get(str(value(flag, "f16")).lower()) for flag in CACHE_FLAGS)
    if not tokens or not batch or not micro:
        return "the context or the batch is not a number"
    if keys is None or values is None:
        return "the type of the KV cache is not known"
    slots = whole_number(value("parallel", -1))
    is_auto = slots is None or slots < 1
    has_flash = value("flash-attn", release >= _FLASH_BY_ITSELF)
    return GgufServing(
        tokens=tokens,
        sequences=(4 if release >= _FOUR_SLOTS else 1) if is_auto else slots or 1,
        shares=is_auto or any(value(flag) not in _OFF for flag in ("kv-unified", "kv-unified-per-slot")),
        keys=keys,
        values=values,
        layers=None if value(LAYERS, "all") == "all" else whole_number(value(LAYERS)) or 0,
        experts_on_host=None if value("cpu-moe") not in _OFF else whole_number(value("n-cpu-moe", 0)) or 0,
        batch=min(batch, micro),
        fuses=has_flash not in _OFF,
        full_windows=value("swa-full") not in _OFF,
        on_gpu=value("no-kv-offload") in _OFF and value("kv-offload", "on") not in _OFF,
        doubles_latent=release < _LATENT_ONCE,
        computes_all=release < _FEW_LOGITS,
        stretches=any(value(flag) is not None for flag in _POSITIONS),
    )


def _unknown(value: Callable[..., Any]) -> str | None:
    for flag, what in _UNKNOWN.items():
        if value(flag) not in (None, False):
            return f"`{flag}` means {what}"
    if value("split-mode", "layer") != "layer":
        return "`split-mode` divides layers among GPUs"
    layers = value(LAYERS, "all")
    if layers not in ("all", 0, "0") and whole_number(layers) is None:
        return f"`{LAYERS}` leaves the choice to llama.cpp"
    return None
