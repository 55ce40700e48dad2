"""Say what the changes of a plan mean for a model: its KV cache, its engine's release, and its compile cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.images.properties import version_of
from modelgen.engines.images.versions import parse_image

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class CacheChange(NamedTuple):
    """The estimated KV cache of a model before and after: tokens and verdict, None without an estimate."""

    model: str
    tokens_before: int | None
    tokens: int | None
    verdict_before: str | None
    verdict: str | None


def cache_changes(before: bytes | None, after: bytes | None) -> list[CacheChange]:
    """Compare the estimates in two manifests, of models that are in both; a damaged old one has none."""
    old, new = _expected(before), _expected(after)
    found = []
    for name in new.keys() & old.keys():
        was, now = old[name] or {}, new[name] or {}
        if (was.get("tokens"), was.get("verdict")) != (now.get("tokens"), now.get("verdict")):
            found.append(
                CacheChange(name, was.get("tokens"), now.get("tokens"), was.get("verdict"), now.get("verdict"))
            )
    return sorted(found)


def _expected(manifest: bytes | None) -> dict[str, dict[str, Any] | None]:
    try:
        models = json.loads(manifest or b"{}").get("models", [])
        return {model["id"]: model.get("expected") for model in models if isinstance(model["id"], str)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def notes_of(change: Planned, fitted: Fitted) -> list[str]:
    """Return what a change of a model's container means, a sentence each."""
    run = fitted.resolved.runs.get(change.model)
    if change.kind != "recreate" or run is None or run.engine is None:
        return []
    images = next(((one.before, one.after) for one in change.differences if one.key == "image"), None)
    notes: list[str] = []
    if images is not None and None not in images:
        was, now = (parse_image(image or "") for image in images)
        old = version_of(was) if was else None
        if old is not None and run.version is not None and now is not None and old != run.version:
            notes += _of_release(run.engine, old, run.version, _flags(change, fitted), _memory(fitted, change.model))
    if run.engine.caches is not None:
        notes.append(_of_compile_cache(change, run.engine))
    return notes


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
            if (meaning := _of_flag(catalogue, before, after, name)) is not None:
                yield f"`{name}` {meaning}"
    if engine.memory is not None and card[0]:
        facts = [engine.memory(version, *card)._asdict() for version in (old, new)]
        for key, meaning in _COUNTED.items():
            was, now = (table.get(key) for table in facts)
            if was != now:
                yield f"{meaning}: {_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:  # noqa: ANN401 - a number or a bool
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:,}"


def _of_flag(catalogue: Catalogue, before: Release, after: Release, name: str) -> str | None:
    """Return how a flag changed between two releases; None if it did not."""
    was, now = before.get(catalogue.canonical(name)), after.get(catalogue.canonical(name))
    if was is None or now is None:
        return None if was == now else "is removed" if now is None else "is new"
    if now.deprecated and not was.deprecated:
        return "is deprecated"
    if was.kind != now.kind:
        return f"takes another value: {was.kind} → {now.kind}"
    if gone := sorted({*was.choices} - {*now.choices}) if now.choices else []:
        return f"no longer takes {', '.join(gone)}"
    return None


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
