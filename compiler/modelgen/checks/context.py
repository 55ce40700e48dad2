"""What a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelgen.engines.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.config import Gpu, Model
    from modelgen.engines.resolve import Resolved
    from modelgen.load import Document
    from modelgen.load.locator import Path


@dataclass(frozen=True)
class Context:
    """A loaded document, and what every other check would work out again.

    Args:
        document: The user's file.
        targets: Names of the output formats that will be rendered.
    """

    document: Document
    targets: Collection[str]

    @property
    def models(self) -> dict[str, Model]:
        """The models by id, defaults merged in."""
        return self.document.models

    @cached_property
    def gpus(self) -> dict[str, Gpu]:
        """The cards by name."""
        return self.document.config.gpus or {}

    @cached_property
    def resolved(self) -> dict[str, Resolved]:
        """What each model runs on."""
        return {name: resolve(self.document, name) for name in self.models}

    def of_engine(self, engine: str) -> Iterator[tuple[str, Model]]:
        """Yield the models that run on `engine`."""
        for name, model in self.models.items():
            if self.resolved[name].engine == engine:
                yield name, model

    def cards(self, model: Model) -> dict[str, Gpu]:
        """Return the model's cards by name, each once, without those that `[gpus]` does not have."""
        return {name: self.gpus[name] for name in model.gpus or () if name in self.gpus}

    def env_tables(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Yield every `env` table as written, with its path."""
        config = self.document.config
        for name, engine in (config.engines or {}).items():
            if engine.env:
                yield ("engines", name, "env"), engine.env
        if config.defaults and config.defaults.env:
            yield ("defaults", "env"), config.defaults.env
        for name, model in (config.models or {}).items():
            if model.env:
                yield ("models", name, "env"), model.env

    def is_known(self, table: str, name: str) -> bool:
        """Tell whether `[table.name]` is written, also where it was refused."""
        written = getattr(self.document.config, table) or {}
        return name in written or self.document.is_refused(table, name)

    def known_names(self, table: str) -> list[str]:
        """Return the names of the tables below `[table]`."""
        return [*(getattr(self.document.config, table) or {})]
