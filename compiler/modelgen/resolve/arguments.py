"""Resolve the entries of `args`, each with the facts of its engine's release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES
from modelgen.engines.flags.plain import long_name
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.catalogues import Catalogue, Flag, Release
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.load import Document
    from modelgen.load.locator import Path


class Argument(NamedTuple):
    """One entry of `args` as one model gets it, of an engine whose flags are known.

    Args:
        model: The model's id; empty for a default that applies to no model.
        engine: The model's engine.
        catalogue: The engine's flags.
        release: The flags of the model's release; None where its version is not known.
        path: Where the entry is written.
        key: The flag as written.
        name: The flag, canonical, whole if it was abbreviated, and without a path in JSON.
        inner: The path in JSON behind it, with its dot, or nothing.
        value: The value as loaded.
        version: The engine and its version, for messages.
        flag: The flag as the release has it; None where the release or the flag is not known.
        is_known: Whether the release has the flag, or any release where the version is not known.
        is_newer: Whether the model's version is newer than the data.
        may_be_known: Whether the image may have flags and values that the data lacks: it is newer, or a fork.
        is_abbreviated: Whether the flag is written as a prefix of its name.
        positive: The flag that is meant, without leading dashes and `no-`.
    """

    model: str
    engine: Engine
    catalogue: Catalogue
    release: Release | None
    path: Path
    key: str
    name: str
    inner: str
    value: Any
    version: str
    flag: Flag | None
    is_known: bool
    is_newer: bool
    may_be_known: bool
    is_abbreviated: bool
    positive: str


class PlainArgument(NamedTuple):
    """One entry of `args` of a model whose engine's flags are not known: its place and its long name."""

    model: str
    engine: Engine
    path: Path
    key: str
    name: str
    value: Any


def read_arguments(  # noqa: PLR0913, PLR0917 - all that an argument depends on
    document: Document,
    model: str,
    args: Mapping[str, Any],
    engine: Engine | None,
    version: Version | None,
    release: Release | None,
    *,
    is_fork: bool,
) -> tuple[Argument, ...]:
    """Return the `args` of a model in their order; none for an engine whose flags are not known."""
    if engine is None or engine.catalogue is None:
        return ()
    catalogue, title = engine.catalogue(), f"{engine.title} {version.text}" if version else engine.title
    return tuple(
        _argument(
            engine, catalogue, model, release, document.origin(model, "args", key), key, value, title, is_fork=is_fork
        )
        for key, value in args.items()
    )


def read_plain_arguments(
    document: Document, model: str, args: Mapping[str, Any], engine: Engine | None
) -> tuple[PlainArgument, ...]:
    """Return the `args` of a model in their order; none for an engine that has a catalogue or takes no flags."""
    if engine is None or engine.short_flags is None:
        return ()
    short_flags = engine.short_flags
    return tuple(
        PlainArgument(model, engine, document.origin(model, "args", key), key, long_name(key, short_flags), value)
        for key, value in args.items()
    )


def unused_arguments(document: Document) -> tuple[Argument, ...]:
    """Return the `args` of `[defaults]` and `[engines]` that no model uses, of engines whose flags are known."""
    defaults, used = document.config.defaults, {model.engine or DEFAULT_ENGINE for model in document.models.values()}
    tables: list[tuple[str, Path, Mapping[str, Any]]] = [
        (name, ("engines", name), table.args or {}) for name, table in (document.config.engines or {}).items()
    ]
    if defaults is not None:
        tables.append((defaults.engine or DEFAULT_ENGINE, ("defaults",), defaults.args or {}))
    return tuple(
        _argument(engine, engine.catalogue(), "", None, (*path, "args", key), key, value, engine.title)
        for name, path, args in tables
        if name not in used and (engine := ENGINES.get(name)) is not None and engine.catalogue is not None
        for key, value in args.items()
    )


def _argument(  # noqa: PLR0913, PLR0917
    engine: Engine,
    catalogue: Catalogue,
    model: str,
    release: Release | None,
    path: Path,
    key: str,
    value: Any,  # noqa: ANN401 - whatever TOML holds
    title: str,
    *,
    is_fork: bool = False,
) -> Argument:
    name, dot, inner = (release.canonical(key) if release else catalogue.canonical(key)).partition(".")
    whole = "" if release is None or is_fork else _unabbreviated(engine, release, name)
    name = whole or name
    flag = release.get(name) if release else None
    is_known = flag is not None if release else bool(catalogue.lives(name))
    return Argument(
        model=model,
        engine=engine,
        catalogue=catalogue,
        release=release,
        path=path,
        key=key,
        name=name,
        inner=dot + inner,
        value=value,
        version=title,
        flag=flag,
        is_known=is_known,
        is_newer=release is not None and release.is_newer,
        may_be_known=is_fork or (release is not None and release.is_newer),
        is_abbreviated=bool(whole),
        positive=name if is_known else catalogue.canonical(name.lstrip("-").removeprefix("no-")),
    )


def _unabbreviated(engine: Engine, release: Release, name: str) -> str:
    """Return the flag that a name abbreviates, as argparse resolves it; empty if it abbreviates none.

    A name that is a whole flag in another release is no abbreviation: its meaning would change with the release.
    """
    if release.is_newer or release.get(name) is not None or release.catalogue.lives(name):
        return ""
    found = [flag for flag in {*release.flag_names(), *engine.owned_args} if flag.startswith(name)]
    return found[0] if len(found) == 1 and found[0] not in engine.owned_args else ""
