"""Find the further repositories that vLLM's flags name, and pin them to commits: tokenizer, config, draft, code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.flags import table_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.engine import Pins

DRAFT = "speculative-config"
# A speculative config's `model` that is a method.
_DRAFTS_WITHOUT_WEIGHTS = ("ngram", "[ngram]", "suffix")


def repos(args: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield role, id and revision of the further repositories that flags name."""
    if isinstance(tokenizer := args.get("tokenizer"), str):
        revision = args.get("tokenizer-revision")
        yield "tokenizer", tokenizer, revision if isinstance(revision, str) else None
    if isinstance(config := args.get("hf-config-path"), str):
        yield "tokenizer", config, None
    draft = draft_of(args)
    if isinstance(model := draft.get("model"), str) and model not in _DRAFTS_WITHOUT_WEIGHTS:
        revision = draft.get("revision")
        yield "draft", model, revision if isinstance(revision, str) else None


def pin(args: Mapping[str, Any], pins: Pins, as_paths: bool) -> dict[str, Any]:  # noqa: FBT001 - see Engine
    """Return the flags with the commits of the repositories that they name.

    `--hf-config-path` has no revision of its own, so it is always a path: vLLM would look for the model's revision.
    """
    pinned = dict(args)
    if (config := pins.get(("tokenizer", str(args.get("hf-config-path"))))) is not None:
        pinned["hf-config-path"] = config.snapshot
    if (tokenizer := pins.get(("tokenizer", str(args.get("tokenizer"))))) is not None:
        if as_paths:
            pinned["tokenizer"] = tokenizer.snapshot
            pinned.pop("tokenizer-revision", None)
        else:
            pinned["tokenizer-revision"] = tokenizer.commit
    if (draft := pins.get(("draft", str(draft_of(args).get("model"))))) is not None:
        changed = {"model": draft.snapshot} if as_paths else {"revision": draft.commit}
        if DRAFT in args:
            written = args[DRAFT]
            pinned[DRAFT] = {**(written if isinstance(written, dict) else table_in(written) or {}), **changed}
        else:
            pinned |= {f"{DRAFT}.{key}": value for key, value in changed.items()}
    if code := next((found for (role, _), found in pins.items() if role == "code"), None):
        pinned["code-revision"] = code.commit
    return pinned


def draft_of(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the speculative config, which may be a table, JSON, or paths into it."""
    written = args.get(DRAFT)
    draft = dict((written if isinstance(written, dict) else table_in(written)) or {})
    return draft | {key.partition(".")[2]: value for key, value in args.items() if key.startswith(f"{DRAFT}.")}
