"""Find what-ifs of `modelgen fit` that an engine refuses, whatever the memory, as rules do for a written flag.

They are MG509 (length), MG510 (attention heads), MG335 (type of the KV cache) and values that a release does not take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.gpus.attention import unsupported
from modelgen.checks.lock.lock_configs import too_long
from modelgen.checks.lock.lock_splitting import uneven_heads
from modelgen.engines.images.versions import parse_capability
from modelgen.engines.weights.model_config import attention_heads, counts, length_limit
from modelgen.fit.gguf import GgufStart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.cli.configuration.fit_changes import Changes
    from modelgen.fit.estimate import AnyStart, Start
    from modelgen.fit.pools import PoolStart
    from modelgen.resolve import ModelRun, Resolved

_CACHE = "kv-cache-dtype"
_LATENT = "kv_lora_rank"
_TRUE = ("1", "true", "yes")


class Refused(str):
    """A sentence that says why an engine refuses a model with the changes."""

    __slots__ = ()


def refusal(resolved: Resolved, name: str, start: AnyStart, changes: Changes) -> Refused | None:
    """Return why the engine refuses a model; None if no rule says so.

    Args:
        resolved: The file.
        name: The model.
        start: Its start with the changes.
        changes: The changes.
    """
    run, reasons = resolved.runs[name], list[str]()
    if any(changes):
        reasons += _of_value(run, changes)
        if not isinstance(start, GgufStart):
            reasons += [*_of_length(run, start, changes), *_of_heads(start, changes)]
            reasons += _of_cache(resolved, run, start, changes)
    return Refused(reasons[0]) if reasons else None


def _of_value(run: ModelRun, changes: Changes) -> Iterator[str]:
    """Yield that the release has no such type of the KV cache."""
    engine, value = run.engine, changes.args.get(_CACHE)
    if engine is None or run.version is None or run.is_fork or value is None:
        return
    catalogue = engine.catalogue() if engine.catalogue else engine.plain_flags() if engine.plain_flags else None
    for name in engine.cache_flags or (_CACHE,):
        flag = catalogue.release(run.version).get(catalogue.canonical(name)) if catalogue else None
        if flag is not None and flag.choices and value not in flag.choices:
            taken, title = ", ".join(flag.choices), f"{engine.title} {run.version.text}"
            yield f"`{name}` of {title} takes {taken}, and not {str(value)[:40]}"


def _of_length(run: ModelRun, start: Start | PoolStart, changes: Changes) -> Iterator[str]:
    engine = run.engine
    if engine is None or changes.length is None or not counts(engine, start.args):
        return
    most = length_limit(engine, start.config)
    is_allowed = any(run.env.get(variable, "").lower() in _TRUE for variable in engine.long_lengths)
    if most is not None and changes.length > most and not is_allowed:
        yield too_long(engine.length, changes.length, run.model.repo, most)


def _of_heads(start: Start | PoolStart, changes: Changes) -> Iterator[str]:
    size, heads = changes.args.get("tensor-parallel-size"), attention_heads(start.config)
    is_divided = start.args.get("enable-dp-attention") is True
    if isinstance(size, int) and heads is not None and heads % size and not is_divided:
        yield uneven_heads("tensor-parallel-size", size, heads)


def _of_cache(resolved: Resolved, run: ModelRun, start: Start | PoolStart, changes: Changes) -> Iterator[str]:
    """Yield that a GPU does not support the type of the KV cache; backends of MLA are not known."""
    facts = run.engine.attention if run.engine else None
    if facts is None or run.engine is None or run.version is None or run.is_fork or _LATENT in start.config:
        return
    value = start.args.get(facts.cache_flag)
    chosen = start.args.get(facts.backend_flag) or run.env.get(facts.backend_variable) or "auto"
    backend = "" if chosen == "auto" else str(chosen)
    least = facts.least_for_cache(run.version, value, backend) if isinstance(value, str) else None
    known = [changes.card] if changes.card else [resolved.cards[gpu].known for gpu in run.model.gpus or ()]
    for card in known:
        if least is None or card is None or not card.capability or card.capability.startswith("gfx"):
            continue
        major, minor = parse_capability(card.capability)
        if major * 10 + minor < least:
            shown = f"`{value}` with {backend}" if backend else f"`{value}`"
            needed = f"{least // 10}.{least % 10}"
            yield unsupported(f"{card.name} ({card.capability})", shown, run.engine.title, run.version, needed)
