"""Find the repositories that SGLang's flags name, and replace them by the paths of their snapshots.

Source: srt/server_args.py of the releases 0.5.5 and 0.5.23.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.engines.flags import table_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.engine import Pins

LORA_PATHS = "lora-paths"


def repos(args: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield role, id and revision of the further repositories that flags name."""
    for role, flag in (("tokenizer", "tokenizer-path"), ("draft", "speculative-draft-model-path")):
        if isinstance(repo := args.get(flag), str):
            revision = args.get(f"{flag.removesuffix('-path')}-revision")
            yield role, repo, revision if isinstance(revision, str) else None
    for item in _adapters(args):
        table = table_in(item)
        path = table.get("lora_path") if table else item.rpartition("=")[2]
        if isinstance(path, str):
            yield "lora", path, None


def pin(args: Mapping[str, Any], pins: Pins, as_paths: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001 - see Engine
    """Return the flags with paths of snapshots: a tokenizer cannot be pinned in another way."""
    pinned = dict(args)
    for role, flag in (("tokenizer", "tokenizer-path"), ("draft", "speculative-draft-model-path")):
        if (found := pins.get((role, str(args.get(flag))))) is not None:
            pinned[flag] = found.snapshot

    def adapter(item: str) -> str:
        table = table_in(item)
        if table is not None:
            found = pins.get(("lora", str(table.get("lora_path"))))
            return json.dumps({**table, "lora_path": found.snapshot}) if found else item
        name, separator, repo = item.rpartition("=")
        found = pins.get(("lora", repo))
        return f"{name}{separator}{found.snapshot}" if found else item

    if adapters := _adapters(args):
        pinned[LORA_PATHS] = [adapter(item) for item in adapters]
    return pinned


def _adapters(args: Mapping[str, Any]) -> list[str]:
    """Return the adapters, each a path, `name=path`, or JSON with `lora_name` and `lora_path` (since 0.5.1).

    Other values are refused by the flag's type.
    """
    written = args.get(LORA_PATHS)
    return [*written] if isinstance(written, list) and all(isinstance(item, str) for item in written) else []
