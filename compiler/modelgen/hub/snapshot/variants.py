"""Recognise weights that are present a second time in another type, as transformers and diffusers name them. Pure.

`model.fp16.safetensors` lies beside `model.safetensors`. transformers reads the plain set unless `variant` names
another. vLLM has no `variant`: without an index it loads every `*.safetensors`, so both sets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_TYPES = ("fp32", "fp16", "bf16", "fp8", "fp8_e4m3fn", "fp8_e5m2", "int8", "int4")
PATTERNS = tuple(
    pattern for name in _TYPES for pattern in (f"*.{name}*.safetensors", f"*.{name}*.bin", f"*.index.{name}.json")
)
"""Patterns of possible variants."""
_TYPE = "|".join(_TYPES)
_SHARD = r"-\d{5,6}-of-\d{5,6}"
_VARIANT = re.compile(
    rf"(?P<stem>.+?)(\.({_TYPE})({_SHARD})?|{_SHARD}\.({_TYPE}))\.(?P<suffix>safetensors|bin)", re.ASCII
)
_INDEX = re.compile(rf"(?P<stem>.+)\.(?P<suffix>safetensors|bin)\.index\.({_TYPE})\.json")
_PLAIN = re.compile(rf"(?P<stem>.+?)({_SHARD})?\.(?P<suffix>safetensors|bin)", re.ASCII)


def variants(paths: Collection[str]) -> set[str]:
    """Return the files of variants whose plain set is present too."""
    found = {path: match for path in paths if (match := _VARIANT.fullmatch(path) or _INDEX.fullmatch(path))}
    plain = {
        (match["stem"], match["suffix"])
        for path in paths
        if path not in found and (match := _PLAIN.fullmatch(path)) is not None
    }
    return {path for path, match in found.items() if (match["stem"], match["suffix"]) in plain}
