"""Decide what becomes of a flag or variable when an engine moves from one release to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import is_unlisted, mismatch, table_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.catalogues import Flag, Release
    from modelgen.engines.engine import Engine
    from modelgen.engines.facts import Instead
    from modelgen.resolve import Argument
    from modelgen.resolve.arguments import PlainArgument


class Change(NamedTuple):
    """The change of a flag.

    Args:
        args: The flags that are written in its place; empty if it is removed.
        why: The reason, as a clause.
        is_decided: Whether these have the same effect, so that nothing is left to decide.
        is_kept: Whether it stays as it is, although the release refuses it: only the user can choose a value.
    """

    args: Mapping[str, Any]
    why: str
    is_decided: bool = True
    is_kept: bool = False


def change_of(argument: Argument, new: Release) -> Change | None:
    """Return what becomes of a flag in another release; None if it stays as it is, or is an error already."""
    if argument.release is None or argument.flag is None:
        return _change_of_negative(argument, new)
    name = new.canonical("O") if argument.key == "O" else argument.name
    flag = new.get(name)
    if flag is None:
        return _gone(argument.engine, argument.name, argument.inner, argument.value, new)
    if argument.inner or _is_refused(argument.engine, argument.release, argument.flag, argument.value):
        return None
    return _refitted(argument.engine, argument.key, argument.value, flag, new)


def change_of_plain(argument: PlainArgument, new: Release) -> Change | None:
    """Return the same of a flag that the engine gets as it is written."""
    if argument.flag is None or argument.catalogue is None:
        return None
    flag = new.get(argument.flag.name)
    if flag is None:
        return _gone(argument.engine, argument.flag.name, "", argument.value, new)
    if argument.name not in {flag.name, *flag.aliases}:
        value = argument.value
        again = _refitted(argument.engine, flag.name, value, flag, new)
        return again or Change({flag.name: value}, f"{_title(argument.engine, new)} calls it `{flag.name}`")
    return _refitted(argument.engine, argument.key, argument.value, flag, new)


def successors(engine: Engine, name: str, new: Release) -> tuple[str, ...]:
    """Return the flags that have the place of a flag in a release without it; empty if none is known."""
    instead = engine.instead.get(name)
    flags = instead.flags if instead is not None and instead.becomes is not None else ()
    return flags if flags and all(map(new.get, flags)) else tuple(_names_before(engine, name, new))[:1]


def _change_of_negative(argument: Argument, new: Release) -> Change | None:
    """Return the change of `no-x`, which argparse has beside `x`."""
    release = argument.release
    if release is None or not argument.name.startswith("no-") or release.get(argument.positive) is None:
        return None
    flag = new.get(argument.positive)
    if flag is None:
        return _gone(argument.engine, argument.positive, "", value=argument.value is not True, new=new)
    if flag.kind is Kind.BOOL:
        return None
    return Change({}, f"{_title(argument.engine, new)} has no `{argument.key}`, and `{flag.name}` is off by default")


def _gone(engine: Engine, name: str, inner: str, value: Any, new: Release) -> Change:  # noqa: ANN401 - any TOML value
    """Return what replaces a flag that the release does not have."""
    instead, reason = engine.instead.get(name), _life(new, name)
    if instead is not None and not inner:
        written = written_instead(instead, value, new)
        if written is not None:
            why = "" if written else f"; {instead.help_for(value).removeprefix('remove it: ')}"
            return Change(written, reason + why)
        return Change({}, f"{reason}; {instead.help_for(value)}", is_decided=False)
    for old in _names_before(engine, name, new):
        return Change({old: value}, f"{_title(engine, new)} calls it `{old}`")
    # A flag that is off by default and was switched off changes nothing.
    is_off = value is False
    return Change({}, reason if is_off else f"{reason}, and no replacement is known", is_decided=is_off)


def written_instead(instead: Instead, value: Any, new: Release) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the flags that replace a flag or variable; None if that is not known, or the release lacks one of them."""
    if instead.becomes is None:
        return None
    table = table_in(value)
    # TOML has no null. A flag of another name takes the same text; as a part of a table, the text would be text.
    is_table = table is not None and not _has_null(table)
    written = dict(instead.becomes(table if is_table else value))
    if table is not None and not is_table and [*written.values()] != [value]:
        return None
    return written if all(new.get(name) for name in written) else None


def _has_null(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict | list):
        return any(map(_has_null, value.values() if isinstance(value, dict) else value))
    return value is None


def _names_before(engine: Engine, name: str, new: Release) -> Iterator[str]:
    """Yield the names that a flag had in an older release."""
    probe = object()
    for old, instead in engine.instead.items():
        if instead.flags == (name,) and instead.becomes and instead.becomes(probe) == {name: probe} and new.get(old):
            yield old


def _refitted(engine: Engine, key: str, value: Any, flag: Flag, new: Release) -> Change | None:  # noqa: ANN401
    """Return the change of a value that the release does not accept in this form; None if it accepts it."""
    is_pair = isinstance(value, bool)
    if flag.kind is Kind.FLAG and not is_pair and str(value).lower() in {"on", "off", "1", "0", "true", "false"}:
        is_on = str(value).lower() in {"on", "1", "true"}
        return Change({key: True} if is_on else {}, f"`{flag.name}` takes no value in {_title(engine, new)}")
    is_bare = value is True and flag.optional
    if (
        is_pair
        and not is_bare
        and flag.kind not in _SWITCHES
        and (word := next((word for word in _WORDS[value] if word in flag.choices), None))
    ):
        return Change({key: word}, f"`{flag.name}` takes a value in {_title(engine, new)}")
    if is_bare or (engine.takes is not None and engine.takes(new, flag.name, value)):
        return None
    wanted = mismatch(flag, value)
    if wanted is None and is_unlisted(flag, value):
        wanted = f"one of {', '.join(f'`{known}`' for known in flag.known)}"
    if wanted is None:
        return None
    why = f"in {_title(engine, new)} it must be {wanted}"
    if engine.rewritten and (args := engine.rewritten(flag.name, value)):
        return Change(args, why)
    return Change({}, why, is_decided=False, is_kept=True)


def _is_refused(engine: Engine, release: Release, flag: Flag, value: Any) -> bool:  # noqa: ANN401 - any TOML value
    """Return whether the release that runs now refuses a value: it is an error already."""
    is_taken = engine.takes is not None and engine.takes(release, flag.name, value)
    return not is_taken and mismatch(flag, value) is not None


_SWITCHES = (Kind.BOOL, Kind.FLAG, Kind.TRUTHY)
_WORDS = {True: ("on", "true", "enabled"), False: ("off", "false", "disabled")}


def _life(new: Release, name: str) -> str:
    """Return since when, or until when, releases have no such flag."""
    catalogue, lives = new.catalogue, new.catalogue.lives(name)
    if not lives or catalogue.position(lives[0].since) > new.at:
        return f"it appeared in {catalogue.label(lives[0].since)}" if lives else "it does not exist"
    gone = next((life.gone for life in reversed(lives) if life.gone and catalogue.position(life.gone) <= new.at), None)
    return f"it was removed in {catalogue.label(gone)}" if gone else "it does not exist"


def _title(engine: Engine, new: Release) -> str:
    return f"{engine.title} {new.name}"
