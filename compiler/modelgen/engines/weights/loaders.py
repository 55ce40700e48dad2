"""Describe how the engines find weights in a snapshot, by release and arguments.

Sources: vllm/model_executor/model_loader/*.py and transformers_utils/config.py of 0.11.0, 0.11.2, 0.12.0 and 0.32.0;
sglang/srt/model_loader/loader.py and configs/load_config.py of 0.5.5 and 0.5.23; backends/src/lib.rs and
backends/ort/src/lib.rs of TEI.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.flags import table_in
from modelgen.engines.images.versions import parse_image
from modelgen.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.images.versions import Version

FORMAT = "load-format"
GGUF = "gguf"
QUANTIZATION = "quantization"
_EXTRA = "model-loader-extra-config"
_BITSANDBYTES = "bitsandbytes"

# Of `*.safetensors`, engines read the files that model.safetensors.index.json names: these, if there are two forms.
_HF = ("model.safetensors", "model-*-of-*.safetensors")
_SAFETENSORS = (_HF, ("*.safetensors",))
# Some models have all their weights in folders (vllm/model_executor/models/cosmos3.py).
_FOLDERS = (("*/*.safetensors",),)
_AUTO = (*_SAFETENSORS, ("*.bin",), ("*.pt",), *_FOLDERS)
_MISTRAL = (("consolidated*.safetensors",),)
_RANKS = (("model-rank-*-part-*.safetensors",), ("model-pp-*-tp-*-part-*.safetensors",))
_STREAMED = (*_SAFETENSORS, *_FOLDERS)
_COMMON: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "auto": _AUTO,
    _BITSANDBYTES: _AUTO,
    "dummy": (),
    "fastsafetensors": _STREAMED,
    GGUF: (("*.gguf",), ("*/*.gguf",)),
    "instanttensor": _STREAMED,
    "mistral": _MISTRAL,
    "npcache": (("*.bin",), ("*.pt",)),
    "pt": (("*.pt",),),
    "runai_streamer": _STREAMED,
    "safetensors": _STREAMED,
    "sharded_state": _RANKS,
}
_VLLM = {**_COMMON, "hf": _AUTO, "runai_streamer_sharded": _RANKS, "tensorizer": (("*.tensors",),)}
_SGLANG = {**_COMMON, "flash_rl": _AUTO, "layered": _AUTO}
_SHARDED = ("sharded_state", "runai_streamer_sharded")

SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
"""The end of the name of a part of a split GGUF: its number, and the number of parts."""

_TEI = re.compile(r"ghcr\.io/huggingface/text-embeddings-inference")
_TEI_ONNX = ("model.onnx*", "onnx/model.onnx*")


def vllm(version: Version | None, args: Mapping[str, Any], _: str | None) -> Loader | None:
    """Return how vLLM finds weights; None for a format that only plugins provide.

    Since 0.12.0, `auto` prefers Mistral's own form (vllm#28659). For an unknown release, both forms are kept.
    """
    form = _format(args) or (_BITSANDBYTES if args.get(QUANTIZATION) == _BITSANDBYTES else "auto")
    name = f"vLLM {version.text}" if version else "vLLM"
    if (flag := gguf_flag(args)) is not None:
        return _refusing(name, flag)
    if form != "auto":
        return _named(name, form, _VLLM.get(form), args)
    if version is None:
        return Loader(name, ((*_MISTRAL[0], *_HF), *_AUTO[1:]))
    return Loader(name, (*_MISTRAL, *_AUTO) if version.release >= (0, 12) else _AUTO)


def sglang(version: Version | None, args: Mapping[str, Any], _: str | None) -> Loader | None:
    """Return how SGLang finds weights; None for an unknown format, such as `remote`."""
    form = _format(args) or "auto"
    name = f"SGLang {version.text}" if version else "SGLang"
    if (flag := gguf_flag(args)) is not None:
        return _refusing(name, flag)
    return _named(name, form, _SGLANG.get(form), args)


def gguf_flag(args: Mapping[str, Any]) -> str | None:
    """Return the flag that makes vLLM and SGLang load GGUF; None without one.

    Neither loads a repository of GGUF files: SGLang accepts only a file, vLLM before its removal of GGUF a file or
    `repo/file.gguf` (gguf_loader.py: "Unrecognised GGUF reference").
    """
    flags = (flag for flag in (FORMAT, QUANTIZATION) if isinstance(args.get(flag), str))
    return next((flag for flag in flags if args[flag].lower() == GGUF), None)


def _refusing(name: str, flag: str) -> Loader:
    return Loader(f"{name} with --{flag} {GGUF}", _COMMON[GGUF], takes_repos=False)


def tei(_: Version | None, args: Mapping[str, Any], image: str | None) -> Loader:
    """Return how TEI finds weights: its images for processors try ONNX Runtime first, then Candle.

    ONNX Runtime supports only float32, and no Splade. An image that is not TEI's own may be built for either.
    """
    parts = parse_image(image) if image else None
    is_own = parts is not None and _TEI.fullmatch(parts.name) is not None and parts.tag is not None
    is_gpu = is_own and parts is not None and not (parts.tag or "").startswith("cpu-")
    is_onnx = not is_gpu and args.get("dtype") in (None, "float32") and args.get("pooling") != "splade"
    name = f"TEI {parts.tag}" if is_own and parts is not None else "TEI"
    return Loader(name, ((*(_TEI_ONNX if is_onnx else ()), *_HF), ("pytorch_model*.bin",), ("*/model.safetensors",)))


def args_of_draft(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that apply to a draft: the model's own, except where SGLang has a flag for drafts.

    vLLM's `draft_load_config` names a format that is not known here.
    """
    form = args.get(f"speculative-draft-{FORMAT}", args.get(FORMAT))
    is_own = any(key.startswith("speculative-config") and "draft_load_config" in f"{key}{args[key]}" for key in args)
    written = {FORMAT: "draft_load_config" if is_own else form} if is_own or form is not None else {}
    return {key: value for key, value in args.items() if key != FORMAT} | written


def _format(args: Mapping[str, Any]) -> str | None:
    written = args.get(FORMAT)
    return written.lower() if isinstance(written, str) else None


def _named(name: str, form: str, globs: tuple[tuple[str, ...], ...] | None, args: Mapping[str, Any]) -> Loader | None:
    extra = _extra(args)
    if form in _SHARDED and isinstance(pattern := extra.get("pattern"), str):
        globs = ((re.sub(r"\{\w+\}", "*", pattern),),)
    # With `tensorizer_uri` the weights are elsewhere; the repository has only the other files.
    is_elsewhere = form == "tensorizer" and "tensorizer_uri" in str(extra)
    if globs is None or is_elsewhere:
        return None
    return Loader(f"{name} with --{FORMAT} {form}" if FORMAT in args else name, globs)


def _extra(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loader's settings, which may be written as a table, JSON, or paths into it."""
    written = args.get(_EXTRA)
    table = dict((written if isinstance(written, dict) else table_in(written)) or {})
    return table | {key.partition(".")[2]: value for key, value in args.items() if key.startswith(f"{_EXTRA}.")}


def parts(file: str) -> Iterator[str]:
    """Yield the files of a model. A split GGUF is named by its first part."""
    shard = SHARD.search(file)
    if not shard:
        yield from [file] if file else []
        return
    for number in range(1, int(shard[2]) + 1):
        yield f"{file[: shard.start()]}-{number:05}-of-{shard[2]}.gguf"
