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
    """One entry of `args` of a model whose engine gets its flags as they are written, under their long names.

    Args:
        model: The model's id.
        engine: The model's engine.
        path: Where the entry is written.
        key: The flag as written.
        name: The long name that the command line has, or a name with its own dash (`is_as_written`).
        value: The value as loaded.
        catalogue: The engine's flags by release; None if they are not known.
        release: The flags of the model's release; None where its version is not known, or older than the data.
        flag: The flag as the release has it, or as all have it where the release is not known; else None.
        is_known: Whether the release has the flag, or any release where it is not known.
        is_fork: Whether the image is a fork, so that it may have further flags.
        is_as_written: Whether it is a fork's flag with one dash, whose name without the dash the engine does not have.
        may_be_known: Whether the image may have flags and values that the data lacks.
        version: The engine and its version, for messages.
    """

    model: str
    engine: Engine
    path: Path
    key: str
    name: str
    value: Any
    catalogue: Catalogue | None
    release: Release | None
    flag: Flag | None
    is_known: bool
    is_fork: bool
    is_as_written: bool
    may_be_known: bool
    version: str


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
    found = (
        _argument(
            engine, catalogue, model, release, document.origin(model, "args", key), key, value, title, is_fork=is_fork
        )
        for key, value in args.items()
    )
    return tuple(one for one in found if not _is_constant(engine, one.name, one.value))


def _is_constant(engine: Engine, name: str, value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Return whether modelgen writes the same itself; some parsers take a flag only once."""
    return name in engine.constant_args and engine.constant_args[name] is value


def read_plain_arguments(  # noqa: PLR0913, PLR0917 - all that an argument depends on
    document: Document,
    model: str,
    args: Mapping[str, Any],
    engine: Engine | None,
    version: Version | None,
    release: Release | None,
    *,
    is_fork: bool,
) -> tuple[PlainArgument, ...]:
    """Return the `args` of a model in their order; none for an engine that has a catalogue or takes no flags."""
    if engine is None or engine.short_flags is None:
        return ()
    flags = engine.plain_flags() if engine.plain_flags else None
    title = f"{engine.title} {version.text}" if version else engine.title
    found = []
    for key, value in args.items():
        name = long_name(key, engine.short_flags)
        if _is_constant(engine, name, value):
            continue
        flag, is_known = _plain_flag(flags, release, name)
        found.append(
            PlainArgument(
                model=model,
                engine=engine,
                path=document.origin(model, "args", key),
                key=key,
                name=name,
                value=value,
                catalogue=flags,
                release=release,
                flag=flag,
                is_known=is_known,
                is_fork=is_fork,
                is_as_written=is_fork and _has_own_dash(engine, flags, key),
                may_be_known=is_fork or release is None or release.is_newer,
                version=title,
            )
        )
    return tuple(found)


def _has_own_dash(engine: Engine, flags: Catalogue | None, key: str) -> bool:
    bare = key.removeprefix("-")
    is_of_engine = bare in (engine.short_flags or {}) or (
        flags is not None and bool(flags.lives(flags.canonical(bare)))
    )
    return bare != key and not bare.startswith("-") and not is_of_engine


def plain_release(engine: Engine | None, version: Version | None) -> Release | None:
    """Return the release that represents a version, of an engine whose flags are taken as they are written.

    None where the engine's flags or its version are not known, and for a version below the data.

    A version without a patch, as in TEI's tag `cuda-1.9`, is the newest patch: the tag moves.
    """
    if engine is None or engine.short_flags is None or engine.plain_flags is None or version is None:
        return None
    flags = engine.plain_flags()
    if version.release < flags.releases[0][: len(version.release)]:
        return None
    patches = [one for one in flags.releases if one[: len(version.release)] == version.release]
    return flags.release(version._replace(release=patches[-1]) if patches else version)


def _plain_flag(flags: Catalogue | None, release: Release | None, name: str) -> tuple[Flag | None, bool]:
    """Return a flag, and whether it is known; a spelling that only other releases have is not."""
    if flags is None:
        return None, True
    canonical = flags.canonical(name)
    if release is None:
        return flags.constant(canonical), bool(flags.lives(canonical))
    flag = release.get(canonical)
    is_known = flag is not None and name in (flag.name, *flag.aliases)
    return (flag if is_known else None), is_known


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
