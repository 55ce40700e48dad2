"""Find the repositories that SGLang's flags name, and replace them by the paths of their snapshots.

Source: srt/server_args.py of the releases 0.5.5 and 0.5.23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.engine import Pins


def repos(args: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield role, id and revision of the further repositories that flags name; an adapter may be `name=id`."""
    for role, flag in (("tokenizer", "tokenizer-path"), ("draft", "speculative-draft-model-path")):
        if isinstance(repo := args.get(flag), str):
            revision = args.get(f"{flag.removesuffix('-path')}-revision")
            yield role, repo, revision if isinstance(revision, str) else None
    written = args.get("lora-paths")
    for item in written.values() if isinstance(written, dict) else written if isinstance(written, list) else ():
        path = item.get("lora_path") if isinstance(item, dict) else item
        if isinstance(path, str):
            yield "lora", path.rpartition("=")[2], None


def pin(args: Mapping[str, Any], pins: Pins, as_paths: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001 - see Engine
    """Return the flags with paths of snapshots: a tokenizer cannot be pinned in another way."""
    pinned = dict(args)
    for role, flag in (("tokenizer", "tokenizer-path"), ("draft", "speculative-draft-model-path")):
        if (found := pins.get((role, str(args.get(flag))))) is not None:
            pinned[flag] = found.snapshot

    def adapter(item: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
        if isinstance(item, dict):
            return {**item, "lora_path": adapter(item["lora_path"])} if "lora_path" in item else item
        name, separator, repo = item.rpartition("=") if isinstance(item, str) else ("", "", "")
        found = pins.get(("lora", repo))
        return f"{name}{separator}{found.snapshot}" if found else item

    written = args.get("lora-paths")
    if isinstance(written, dict):
        pinned["lora-paths"] = {name: adapter(item) for name, item in written.items()}
    elif isinstance(written, list):
        pinned["lora-paths"] = [adapter(item) for item in written]
    return pinned
