"""Reduce the headers of GGUF files to the facts that the lock keeps."""

from __future__ import annotations

import hashlib
import math
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from modelgen.lockfile.entries import MAX_LAYERS, MAX_TEXT, GgufFacts
from modelgen.lockfile.quants import SHARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modelgen.hub.snapshot.gguf import Header

_ARCHITECTURE, _TEMPLATE, _TOKENS = "general.architecture", "tokenizer.chat_template", "tokenizer.ggml.tokens"
_LAYER = re.compile(r"blk\.(\d{1,4})\.", re.ASCII)
# The tensors that `--cpu-moe` keeps on the processor (common/arg.cpp, llm_ffn_exps_cpu_override).
_EXPERTS = re.compile(r"\.ffn_(?:up|down|gate|gate_up)_(?:ch)?exps")
# Layer "input" of llama.cpp's tensors (src/llama-arch.cpp, LLM_TENSOR_LAYER_INPUT).
_INPUT = ("token_embd", "per_layer_token_embd", "position_embd", "token_types")
_EMBEDDINGS, _OUTPUT = "token_embd.weight", "output.weight"
_LARGEST = 2**53
_MOST_VALUES = 200


def gguf_facts(headers: Mapping[str, Header | None]) -> list[GgufFacts]:
    """Return the facts about each GGUF file, or about each split one, by the path of its first part.

    Args:
        headers: The headers by path; None for one that could not be read.
    """
    return [_facts(path, [headers[part] for part in parts]) for path, parts in sorted(_split(headers).items())]


def _split(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the parts of each file, by the first of them."""
    whole: dict[str, list[str]] = {}
    for path in sorted(paths):
        whole.setdefault(SHARD.sub("", path), []).append(path)
    return {parts[0]: parts for parts in whole.values()}


def _facts(path: str, headers: list[Header | None]) -> GgufFacts:
    """Return the facts about a file; only its path if a part cannot be read, or describes no usual model."""
    read = [header for header in headers if header is not None]
    if len(read) < len(headers):
        return GgufFacts(path=path)
    first, tensors = read[0], {name: size for header in read for name, size in header.tensors.items()}
    architecture, template = first.values.get(_ARCHITECTURE), first.values.get(_TEMPLATE)
    if not isinstance(architecture, str) or len(architecture) > MAX_TEXT:
        return GgufFacts(path=path)
    by_layer, experts = _by_layer(tensors), {name: size for name, size in tensors.items() if _EXPERTS.search(name)}
    before = sum(size for name, size in tensors.items() if name.startswith(_INPUT))
    file_type = _kept(first.values.get("general.file_type"))
    text = template.encode(errors="replace") if isinstance(template, str) else b""
    return GgufFacts(
        path=path,
        architecture=architecture,
        file_type=file_type if isinstance(file_type, int) else None,
        vocabulary=first.counts.get(_TOKENS, 0),
        chat_template_sha256=hashlib.sha256(text).hexdigest() if text else None,
        values=dict(islice(_values(first, f"{architecture}."), _MOST_VALUES)),
        layers=by_layer,
        experts=_by_layer(experts),
        input=before,
        output=sum(tensors.values()) - sum(by_layer) - before,
        tied=_EMBEDDINGS in tensors and _OUTPUT not in tensors,
    )


def _values(header: Header, begin: str) -> Iterator[tuple[str, Any]]:
    """Yield the values of an architecture, without its name in their keys."""
    for key, value in header.values.items():
        short, kept = key.removeprefix(begin), _kept(value)
        if key.startswith(begin) and len(short) <= MAX_TEXT and kept is not None:
            yield short, kept


def _kept(value: object) -> object:
    """Return a value as the lock keeps it: a list of equal numbers as one; None if it is dropped."""
    match value:
        case str():
            return value if len(value) <= MAX_TEXT and value.isprintable() else None
        case int() | float():
            return value if math.isfinite(value) and abs(value) < _LARGEST else None
        case [int(), *_]:
            numbers = [int(one) for one in value if isinstance(one, int) and abs(one) < _LARGEST]
            return numbers if len({*numbers}) != 1 else numbers[0]
        case _:
            return None


def _by_layer(tensors: Mapping[str, int]) -> list[int]:
    """Return the bytes of each layer, up to the last one; empty without layers."""
    sums: dict[int, int] = {}
    for name, size in tensors.items():
        if (found := _LAYER.match(name)) and (number := int(found[1])) < MAX_LAYERS:
            sums[number] = sums.get(number, 0) + size
    return [sums.get(number, 0) for number in range(max(sums, default=-1) + 1)]
