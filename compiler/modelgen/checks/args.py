"""The entries of `args`, each with what its engine's release knows of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES, vllm
from modelgen.engines.plain_flags import long_name
from modelgen.engines.resolve import release_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.catalogue import Catalogue, Flag, Release
    from modelgen.engines.engine import Engine
    from modelgen.load.locator import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_.-]+)?\+?")


class Arg(NamedTuple):
    """One entry of `args` as one model gets it.

    Args:
        model: The model's id; empty for a default that reaches no model.
        engine: The model's.
        catalogue: The engine's flags.
        release: The flags of the model's release; None where its version is not known.
        path: Where the entry is written.
        key: As written.
        name: The flag, canonical and without a path in JSON.
        inner: The path in JSON behind it, with its dot, or nothing.
        value: As loaded.
        version: The engine and its version, as a message says it.
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

    @property
    def flag(self) -> Flag | None:
        """The flag as the model's release has it."""
        return self.release.get(self.name) if self.release else None

    @property
    def is_known(self) -> bool:
        """Whether the release has the flag, or any release where the version is not known."""
        return self.flag is not None if self.release else bool(self.catalogue.lives(self.name))

    @property
    def is_newer(self) -> bool:
        """Whether the model's version is newer than the data."""
        return self.release is not None and self.release.is_newer

    @property
    def is_negative(self) -> bool:
        """Whether it is written with a `no-` before it."""
        return self.key[:3] in ("no-", "no_")

    @property
    def abbreviates_owned(self) -> str:
        """The owned flag that it is the beginning of, or nothing.

        argparse takes any unique prefix of a flag for the whole, so a prefix of an owned flag must not slip by.
        """
        if self.is_known or not self.positive:
            return ""
        names = self.release.flag_names() if self.release else self.catalogue.all_names()
        whole = [flag for flag in {*names, *self.engine.owned_args} if flag.startswith(self.positive)]
        return whole[0] if len(whole) == 1 and whole[0] in self.engine.owned_args else ""

    @property
    def positive(self) -> str:
        """The flag that is meant, whatever dashes and `no-` are before it."""
        return self.name if self.is_known else self.catalogue.canonical(self.name.lstrip("-").removeprefix("no-"))


class PlainArg(NamedTuple):
    """One entry of `args` of a model whose engine's flags are not known: where it is written, and its long name."""

    model: str
    engine: Engine
    path: Path
    key: str
    name: str
    value: Any


def is_flag_name(key: str) -> bool:
    """Return whether a key can be a flag, perhaps with a path in JSON behind it."""
    return _NAME.fullmatch(key) is not None


def read_args(context: Context) -> list[Arg]:
    """Return every entry of `args` of every model, `[defaults]` merged in."""
    found = [arg for name in context.models for arg in _of_model(context, name)]
    defaults = context.document.config.defaults
    if defaults and defaults.args and not context.models:
        found += [
            _arg(vllm.ENGINE, "", None, ("defaults", "args", key), value, "vLLM")
            for key, value in defaults.args.items()
        ]
    return found


def read_plain_args(context: Context) -> list[PlainArg]:
    """Return every entry of `args` of every model whose engine's flags are not known."""
    found = []
    for name, resolved in context.resolved.items():
        engine, args = ENGINES.get(resolved.engine), context.models[name].args or {}
        if engine is not None and engine.short_flags is not None:
            paths = {key: context.document.origin(name, "args", key) for key in args}
            found += [PlainArg(name, engine, paths[key], key, long_name(engine, key), args[key]) for key in args]
    return found


def _of_model(context: Context, name: str) -> Iterator[Arg]:
    engine = ENGINES.get(context.resolved[name].engine)
    if engine is None or engine.catalogue is None:
        return
    resolved = context.resolved[name]
    release, version = release_of(resolved), resolved.version
    title = f"{engine.title} {version.text}" if version else engine.title
    for key, value in (context.models[name].args or {}).items():
        yield _arg(engine, name, release, context.document.origin(name, "args", key), value, title)


def _arg(engine: Engine, model: str, release: Release | None, path: Path, value: Any, version: str) -> Arg:  # noqa: ANN401, PLR0913, PLR0917
    assert engine.catalogue is not None, "only engines with flags have args"  # noqa: S101 - an invariant
    catalogue, key = engine.catalogue(), str(path[-1])
    name, dot, inner = (release.canonical(key) if release else catalogue.canonical(key)).partition(".")
    return Arg(model, engine, catalogue, release, path, key, name, dot + inner, value, version)
