"""What a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelgen.checks.args import Arg, read_args
from modelgen.checks.mounts import target_of
from modelgen.engines.resolve import resolve
from modelgen.fit import cards

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.config import Gpu, Model
    from modelgen.engines.resolve import Resolved
    from modelgen.fit import Card
    from modelgen.load import Document
    from modelgen.load.locator import Path
    from modelgen.lockfile.entries import Lock


@dataclass(frozen=True)
class Context:
    """A loaded document, and what every other check would work out again.

    Args:
        document: The user's file.
        targets: Names of the output formats that will be rendered.
        lock: The models.lock beside it; None where there is none, or none that can be used.
    """

    document: Document
    targets: Collection[str]
    lock: Lock | None = None

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

    @cached_property
    def budgets(self) -> dict[str, Card]:
        """Memory and limit of each card by name."""
        return cards(self.document.config)

    def cards(self, model: Model) -> dict[str, Card]:
        """Return the model's cards by name, each once, without those that `[gpus]` does not have."""
        return {name: self.budgets[name] for name in model.gpus or () if name in self.budgets}

    def kinds(self, model: Model) -> set[str]:
        """Return the kinds of a model's cards."""
        return {self.gpus[name].kind or "nvidia" for name in self.cards(model)}

    @cached_property
    def args(self) -> list[Arg]:
        """Every entry of `args` of every model, `[defaults]` merged in."""
        return read_args(self)

    @cached_property
    def _args_by_model(self) -> dict[str, list[Arg]]:
        grouped: dict[str, list[Arg]] = {}
        for arg in self.args:
            grouped.setdefault(arg.model, []).append(arg)
        return grouped

    def args_of(self, model: str) -> list[Arg]:
        """Return the entries of one model's `args`, in their order."""
        return self._args_by_model.get(model, [])

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

    def volume_targets(self, model: str) -> list[str]:
        """Return where the user's own volumes of a model are mounted in the container."""
        keys = self.document.compose.get(self.document.origin(model, "compose")) if model else None
        return [target_of(mount) for mount in (keys.volumes or ())] if keys else []

    def lora_tables(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Yield every `loras` table as written, with its path."""
        config = self.document.config
        if config.defaults and config.defaults.loras:
            yield ("defaults", "loras"), config.defaults.loras
        for name, model in (config.models or {}).items():
            if model.loras:
                yield ("models", name, "loras"), model.loras

    def is_known(self, table: str, name: str) -> bool:
        """Tell whether `[table.name]` is written, also where it was refused."""
        written = getattr(self.document.config, table) or {}
        return name in written or self.document.is_refused(table, name)

    def known_names(self, table: str) -> list[str]:
        """Return the names of the tables below `[table]`."""
        return [*(getattr(self.document.config, table) or {})]
