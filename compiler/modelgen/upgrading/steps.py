"""Decide how a file changes when its engines move to other releases."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.images.properties import is_unpublished, published
from modelgen.engines.images.versions import parse_image
from modelgen.load.document import FILES
from modelgen.resolve.arguments import plain_release
from modelgen.upgrading.defaults import changed_defaults
from modelgen.upgrading.edits import Add, Replace, toml
from modelgen.upgrading.flags import Change, change_of, change_of_plain, written_instead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from modelgen.engines.facts import MemoryFacts
    from modelgen.engines.images.versions import Version
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun, Resolved
    from modelgen.resolve.arguments import Argument, PlainArgument


class Step(NamedTuple):
    """One change of the file, or one thing that only the user can decide.

    Args:
        path: Where it is written.
        text: The sentence about it.
        edits: The edits; empty where nothing is changed.
        is_decided: Whether nothing is left to decide.
        breaks: Whether the new release refuses or ignores what is written.
    """

    path: Path
    text: str
    edits: tuple[Replace | Add, ...] = ()
    is_decided: bool = True
    breaks: bool = False


def steps_of(resolved: Resolved, targets: Mapping[str, Version], models: Collection[str] | None) -> list[Step]:
    """Return the steps of an upgrade or a downgrade, each once.

    Args:
        resolved: The valid file.
        targets: The engines that move, with the version to move to.
        models: The models that move; None for all models of these engines.
    """
    chosen = {
        name: targets[run.engine_name]
        for name, run in resolved.runs.items()
        if run.engine_name in targets
        and (models is None or name in models)
        and run.version is not None
        and not _is_at(run.version, targets[run.engine_name])
    }
    images = {name: _image_step(resolved.runs, name, version, chosen) for name, version in chosen.items()}
    moving = {name: version for name, version in chosen.items() if images[name].is_decided}
    steps, users = [*images.values()], _users(resolved.runs)
    for name, version in moving.items():
        run = resolved.runs[name]
        steps += _flag_steps(run, version, users, moving)
        steps += _variable_steps(resolved, run, version, moving)
        steps += _default_steps(resolved, run, version)
        steps += _other_defaults(run, version)
    return [*{(step.path, step.text): step for step in steps}.values()]


def _is_at(version: Version, target: Version) -> bool:
    """Return whether a model has the release; TEI's tag `cuda-1.9` is the newest patch of 1.9."""
    numbers = version.release
    return version.text == target.text or (
        len(numbers) > 1 and numbers == target.release[: len(numbers)] != target.release
    )


def _image_step(runs: Mapping[str, ModelRun], name: str, new: Version, chosen: Collection[str]) -> Step:
    """Return how the image of a model changes."""
    run = runs[name]
    old = run.version
    assert old is not None, "chosen for its version"  # noqa: S101 - an invariant
    title = run.engine.title if run.engine else run.engine_name
    if run.reference is None and run.written_version is not None:
        path = run.written_version[0]
        return Step(path, f"`version` is {toml(new.text)}", (Replace(path, {"version": new.text}),))
    image = run.image
    tag = image and re.fullmatch(rf"((?:[a-z0-9.]+-)*v?){re.escape(old.text)}(-[\w.]+)?", image.tag or "")
    if image is None or not tag or run.build is not None:
        why = "contains" if image is None or run.build else "is an image of your own with"
        text = f"`{run.reference}` {why} {title} {old.text}: change `image`, and `version` to {toml(new.text)}"
        return Step(run.place, text, is_decided=False)
    reference = f"{image.name}:{tag[1]}{new.text}{tag[2] or ''}"
    parsed = parse_image(reference)
    if parsed is None or is_unpublished(parsed):
        return Step(run.place, f"`{reference}` was never published: choose an image", is_decided=False)
    others = [one for one, other in runs.items() if other.place == run.place and one not in chosen]
    if others:
        text = f"[models.{name}] gets `image` = {toml(reference)}; `{'`, `'.join(others)}` keep theirs"
        return Step(("models", name), text, (Add(("models", name), {"image": reference}),))
    note = "; its digest is dropped, since it is that of the old image" if image.digest else ""
    note += "; not every build has an image, so check that it exists" if published(parsed).skips_releases else ""
    return Step(run.place, f"`image` is {toml(reference)}{note}", (Replace(run.place, {"image": reference}),))


def _flag_steps(
    run: ModelRun, version: Version, users: Mapping[Path, list[str]], moving: Collection[str]
) -> Iterator[Step]:
    """Yield the steps for the flags that one model gets."""
    changes: list[tuple[Argument | PlainArgument, Change]] = [*_changes(run, version), *_plain_changes(run, version)]
    for argument, change in changes:
        if others := [name for name in users[argument.path] if name not in moving]:
            text = f"`{argument.key}`: {change.why}; `{'`, `'.join(others)}` still need it: write it in their tables"
            yield Step(argument.path, text, is_decided=False, breaks=True)
            continue
        yield _step(argument, change)


def _users(runs: Mapping[str, ModelRun]) -> dict[Path, list[str]]:
    """Return the models that get each written flag."""
    users: defaultdict[Path, list[str]] = defaultdict(list)
    for name, run in runs.items():
        for path in {*(one.path for one in run.arguments), *(one.path for one in run.plain_arguments)}:
            users[path].append(name)
    return users


def _step(argument: Argument | PlainArgument, change: Change) -> Step:
    written = f"`{argument.key} = {toml(argument.value)}`"
    if change.is_kept:
        return Step(argument.path, f"{written}: {change.why}", is_decided=False, breaks=True)
    becomes = ", ".join(f"`{name} = {toml(value)}`" for name, value in change.args.items())
    text = f"{written} becomes {becomes}" if becomes else f"{written} is removed"
    if argument.path[0] == FILES:
        text = f"{text}: {change.why}; it is written in a file of flags, which you edit yourself"
        return Step(argument.path, text, is_decided=False, breaks=True)
    text = f"{text}: {change.why}"
    edit = Replace(argument.path, change.args, "" if change.is_decided else _question(text))
    return Step(argument.path, text, (edit,), is_decided=change.is_decided, breaks=True)


def _question(text: str) -> str:
    """Return the comment in place of something that is removed, where only the user can decide what replaces it."""
    return f"modelgen upgrade: {text}"


def _changes(run: ModelRun, version: Version) -> Iterator[tuple[Argument, Change]]:
    if run.engine is not None and run.engine.catalogue is not None:
        release = run.engine.catalogue().release(version)
        for argument in run.arguments:
            if change := change_of(argument, release):
                yield argument, change


def _plain_changes(run: ModelRun, version: Version) -> Iterator[tuple[PlainArgument, Change]]:
    if (release := plain_release(run.engine, version)) is not None:
        for argument in run.plain_arguments:
            if change := change_of_plain(argument, release):
                yield argument, change


def _variable_steps(resolved: Resolved, run: ModelRun, version: Version, moving: Collection[str]) -> Iterator[Step]:
    """Yield the steps for variables that the release does not read any more."""
    known = run.engine.known_variables if run.engine else None
    if known is None or run.engine is None or run.engine.catalogue is None or run.version is None:
        return
    release = run.engine.catalogue().release(version)
    for name, value in run.env.items():
        if known.is_read(name, version) or not known.is_read(name, run.version):
            continue
        path = _place_of_variable(resolved, run, name)
        reason = f"{run.engine.title} {version.text} does not read it"
        users = [one for one, other in resolved.runs.items() if _place_of_variable(resolved, other, name) == path]
        if others := [one for one in users if one not in moving]:
            text = f"`{name}`: {reason}; `{'`, `'.join(others)}` still need it: write it in their tables"
            yield Step(path, text, is_decided=False, breaks=True)
            continue
        instead = known.instead.get(name)
        args = written_instead(instead, value, release) if instead else None
        yield _variable_step(path, run.name, name, reason, args)


def _variable_step(path: Path, model: str, name: str, reason: str, args: Mapping[str, Any] | None) -> Step:
    if not args:
        is_decided, text = args is not None, f"`{name}` is removed: {reason}"
        edit = Replace(path, {}, "" if is_decided else _question(text))
        return Step(path, text, (edit,), is_decided=is_decided, breaks=True)
    becomes = ", ".join(f"`{flag} = {toml(value)}`" for flag, value in args.items())
    table: Path = ("models", model, "args") if path[0] == "models" else (*path[:-2], "args")
    text = f"`{name}` becomes {becomes} in `args`: {reason}"
    return Step(path, text, (Replace(path, {}), Add(table, args)), breaks=True)


def _place_of_variable(resolved: Resolved, run: ModelRun, name: str) -> Path:
    """Return where a variable of a model is written: in its own table, in `[defaults]`, or in its engine's."""
    own = resolved.document.origin(run.name, "env", name)
    if name in (run.model.env or {}):
        return own
    return ("engines", run.engine_name, "env", name)


def _default_steps(resolved: Resolved, run: ModelRun, version: Version) -> Iterator[Step]:
    """Yield the flags that keep what the old release did by default, where that sizes the memory of a start."""
    engine, cards = run.engine, [resolved.cards[name] for name in run.model.gpus or () if name in resolved.cards]
    if engine is None or engine.memory is None or run.version is None or not cards:
        return
    card = min(cards, key=lambda one: one.memory)
    name = card.known.name if card.known else ""
    old, new = (_sizes(engine.memory(one, card.memory, name)) for one in (run.version, version))
    for flag, value in old.items():
        if new[flag] == value or flag in run.args:
            continue
        text = f"`{flag} = {value}` is written, which {engine.title} {run.version.text} has by default on this GPU"
        text += f"; {version.text} has {new[flag]}, which needs another amount of memory"
        yield Step(("models", run.name), text, (Add(("models", run.name, "args"), {flag: value}),))


def _other_defaults(run: ModelRun, version: Version) -> Iterator[Step]:
    """Yield the defaults that change, and that only some models depend on: they are named, and not written."""
    engine = run.engine
    if engine is not None and engine.catalogue is not None and run.version is not None:
        old, new = engine.catalogue().release(run.version), engine.catalogue().release(version)
        written = {name.partition(".")[0] for name in run.args}
        yield from (Step(("models", run.name), text) for _, text in changed_defaults(old, new, written))


def _sizes(facts: MemoryFacts) -> dict[str, int]:
    return {"max-num-batched-tokens": facts.batch, "max-num-seqs": facts.sequences}
