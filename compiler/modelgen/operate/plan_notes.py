"""Say what the changes of a plan mean for a model: its KV cache, its engine's release, and its compile cache."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.images.properties import version_of
from modelgen.engines.images.versions import parse_image
from modelgen.resolve.assets import wants
from modelgen.sizes import of_files
from modelgen.upgrading.defaults import changed_defaults
from modelgen.upgrading.flags import successors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.engines.catalogues import Catalogue, Release
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.fit import Fitted
    from modelgen.operate.planned import Planned

_COUNTED = {
    "batch": "tokens of a batch by default",
    "sequences": "sequences at once by default",
    "counts_graphs": "CUDA graphs counted before the KV cache",
}
"""Fields of `MemoryFacts` whose change is worth a line."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


class CacheChange(NamedTuple):
    """The estimated KV cache of a model before and after: None without an estimate.

    Args:
        model: The model.
        is_new: Whether only the new build has it.
        tokens_before: The tokens before: at least, probably, at most.
        tokens: The tokens now.
        verdict_before: The verdict before.
        verdict: The verdict now.
    """

    model: str
    is_new: bool
    tokens_before: tuple[int, int, int] | None
    tokens: tuple[int, int, int] | None
    verdict_before: str | None
    verdict: str | None

    @property
    def is_within_error(self) -> bool:
        """Return whether the tokens differ by less than the error of either estimate."""
        if self.tokens_before is None or self.tokens is None:
            return False
        (least, old, most), (low, new, high) = self.tokens_before, self.tokens
        return least <= new <= most and low <= old <= high


def cache_changes(before: bytes | None, after: bytes | None) -> list[CacheChange]:
    """Return the estimates in two manifests that differ, and those of new models; a damaged old one has none."""
    old, new = _expected(before), _expected(after)
    found = []
    for name, table in new.items():
        was, now = old.get(name) or {}, table or {}
        change = CacheChange(name, name not in old, _tokens(was), _tokens(now), was.get("verdict"), now.get("verdict"))
        if (change.tokens_before, change.verdict_before) != (change.tokens, change.verdict):
            found.append(change)
    return sorted(found, key=lambda one: one.model)


def _tokens(expected: dict[str, Any]) -> tuple[int, int, int] | None:
    found = [expected.get(key) for key in ("least", "tokens", "most")]
    least, tokens, most = (one if isinstance(one, int) else None for one in found)
    return None if least is None or tokens is None or most is None else (least, tokens, most)


def _expected(manifest: bytes | None) -> dict[str, dict[str, Any] | None]:
    try:
        models = json.loads(manifest or b"{}").get("models", [])
        return {model["id"]: model.get("expected") for model in models if isinstance(model["id"], str)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def notes_of(change: Planned, fitted: Fitted) -> list[str]:
    """Return what a change of a model's container means, a sentence each."""
    run = fitted.resolved.runs.get(change.model)
    if is_of_other_files(change) and (size := locked_size(fitted, [change.model])):
        files = [f"files: {of_files(size)} in models.lock"]
    else:
        files = []
    if change.kind != "recreate" or run is None or run.engine is None:
        return files
    images = next(((one.before, one.after) for one in change.differences if one.key == "image"), None)
    notes = files
    if images is not None and None not in images:
        was, now = (parse_image(image or "") for image in images)
        old = version_of(was) if was else None
        if old is not None and run.version is not None and now is not None and old != run.version:
            notes += _of_release(run.engine, old, run.version, _flags(change, fitted), _memory(fitted, change.model))
    if run.engine.caches is not None:
        notes.append(_of_compile_cache(change, run.engine))
    return notes


def is_of_other_files(change: Planned) -> bool:
    """Return whether the model of a change is new, or gets files of another commit."""
    commits = ((_COMMIT.findall(one.before or ""), _COMMIT.findall(one.after or "")) for one in change.differences)
    return change.kind == "create" or (change.kind == "recreate" and any(was != now for was, now in commits if now))


def locked_size(fitted: Fitted, models: Sequence[str]) -> int:
    """Return the bytes of the files that the lock has for these models, each repository once."""
    lock, runs = fitted.resolved.lock, fitted.resolved.runs
    if lock is None:
        return 0
    wanted = wants({name: runs[name] for name in models if name in runs}, lock)
    entries = {id(entry): entry for want in wanted if (entry := lock.find(want)) is not None}
    return sum(file.size for entry in entries.values() for file in entry.files)


def _flags(change: Planned, fitted: Fitted) -> set[str]:
    """Return the flags of a model, those that are gone too."""
    written = {name.partition(".")[0] for name in fitted.resolved.runs[change.model].args}
    return written | {one.key.removeprefix("--") for one in change.differences if one.key.startswith("--")}


def _memory(fitted: Fitted, model: str) -> tuple[int, str]:
    """Return memory and name of the smallest GPU of a model; 0 without one."""
    cards = [fitted.resolved.cards[gpu] for gpu in fitted.resolved.runs[model].model.gpus or ()]
    return min(((card.memory, card.known.name if card.known else "") for card in cards), default=(0, ""))


def _of_release(engine: Engine, old: Version, new: Version, flags: set[str], card: tuple[int, str]) -> Iterator[str]:
    yield f"{engine.title} {old.text} → {new.text}"
    catalogue = engine.catalogue() if engine.catalogue else engine.plain_flags() if engine.plain_flags else None
    if catalogue is not None:
        before, after = catalogue.release(old), catalogue.release(new)
        for name in sorted(flags):
            if (meaning := _of_flag(engine, catalogue, before, after, name)) is not None:
                yield f"`{name}` {meaning}"
        yield from (sentence for _, sentence in changed_defaults(before, after, flags))
    if engine.memory is not None and card[0]:
        facts = [engine.memory(version, *card)._asdict() for version in (old, new)]
        for key, meaning in _COUNTED.items():
            was, now = (table.get(key) for table in facts)
            if was != now:
                yield f"{meaning}: {_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - a number or a bool
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:,}"


def _of_flag(engine: Engine, catalogue: Catalogue, before: Release, after: Release, name: str) -> str | None:
    """Return how a flag changed between two releases; None if it did not."""
    was, now = before.get(catalogue.canonical(name)), after.get(catalogue.canonical(name))
    if was is None or now is None:
        return None if was == now else _of_removed(engine, after, name) if now is None else "is new"
    if now.deprecated and not was.deprecated:
        return "is deprecated"
    if was.kind != now.kind:
        return f"takes another value: {was.kind} → {now.kind}"
    if gone := sorted({*was.choices} - {*now.choices}) if now.choices else []:
        return f"no longer takes {', '.join(gone)}"
    return None


def _of_removed(engine: Engine, after: Release, name: str) -> str:
    found = successors(engine, name, after)
    return f"is removed; `{'`, `'.join(found)}` has its place" if found else "is removed"


def _of_compile_cache(change: Planned, engine: Engine) -> str:
    """Return whether what the engine compiled before is used again."""
    keys = {one.key.removeprefix("--") for one in change.differences}
    if change.lost_volumes:
        return "compile cache: lost, since its volume has another name"
    if "image" in keys:
        return "compile cache: lost, since another image compiles anew"
    if flags := sorted(keys & {*engine.compiled_for, "arguments"}):
        return f"compile cache: lost, since it was compiled for other {', '.join(flags)}"
    return "compile cache: kept"
