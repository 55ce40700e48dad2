"""Translate vLLM's flag names and `args` in the table of known failures to those of other engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_OWN_NAMES = {
    "sglang": {
        "max-model-len": "context-length",
        "max-num-seqs": "max-running-requests",
        "enforce-eager": "disable-cuda-graph",
    },
    "llamacpp": {"max-model-len": "ctx-size", "max-num-seqs": "parallel"},
    "tei": {"max-model-len": "max-batch-tokens", "max-num-seqs": "max-concurrent-requests"},
}


def translate_remedy(remedy: str, engine: str, keys: Iterable[str], *, is_shared: bool) -> str:
    """Return a remedy with the flag names of an engine.

    Args:
        remedy: The text of the table.
        engine: The engine that failed. Flags of the engine `command` are part of `command`, with their dashes.
        keys: The keys that the remedy names.
        is_shared: Whether the row is for several engines, so that its flags have vLLM's names.
    """
    if engine == "command":
        for flag in (key.removeprefix("args.") for key in keys if key.startswith("args.")):
            remedy = remedy.replace(f"`{flag}`", f"`--{flag}`")
        return remedy.replace("`args`", "`command`")
    for flag, own in _OWN_NAMES.get(engine, {}).items() if is_shared else ():
        remedy = remedy.replace(f"`{flag}`", f"`{own}`").replace(f"`{flag} =", f"`{own} =")
    return remedy


def translate_key(key: str, engine: str, *, is_shared: bool) -> str:
    """Return a key with the flag name of an engine."""
    flag = key.removeprefix("args.")
    own = _OWN_NAMES.get(engine, {}).get(flag) if is_shared and flag != key else None
    return key if own is None else f"args.{own}"
