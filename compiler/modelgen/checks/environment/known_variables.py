"""List the environment variables of models, each with the version that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.environment import OWNED
from modelgen.engines.images.properties import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.catalogues.variables import Variables
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.load.locator import Path


class Variable(NamedTuple):
    """A variable of one model, and the place where it is written."""

    model: str
    path: Path
    name: str
    value: str
    engine: Engine
    known: Variables
    version: Version | None
    is_release: bool

    @property
    def is_owned(self) -> bool:
        """Return whether `owned-env` refuses it."""
        return self.name in OWNED

    @property
    def is_unknown(self) -> bool:
        """Return whether it has the engine's prefix, and no release reads it."""
        return not self.is_owned and self.known.is_unknown(self.name)


def known_variables(context: Context) -> Iterator[Variable]:
    """Yield the variables of each model, and of its engine's table, if the engine's variables are known."""
    for name, run in context.runs.items():
        engine, known = run.engine, run.engine.known_variables if run.engine else None
        paths = context.env_paths(name)
        if engine is None or known is None or not paths:
            continue
        is_newer = run.version is not None and known.is_newer(run.version)
        is_published = run.image is not None and is_release(run.image) and not (is_newer or run.is_fork)
        for key, path in paths.items():
            yield Variable(name, path, key, run.env[key], engine, known, run.version, is_published)
