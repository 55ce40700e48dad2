"""What a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelgen.checks.args import Arg, PlainArg, read_args, read_plain_args
from modelgen.checks.mounts import target_of
from modelgen.engines import vllm
from modelgen.engines.assets import config_of, own_want
from modelgen.engines.model_config import served_length
from modelgen.engines.resolve import named_args, resolve
from modelgen.fit import cards
from modelgen.lockfile.repos import is_commit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.config import Gpu, Model
    from modelgen.engines.resolve import Resolved
    from modelgen.fit import Card
    from modelgen.load import Document
    from modelgen.load.locator import Path
    from modelgen.lockfile.entries import Lock, Snapshot


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

    @cached_property
    def plain_args(self) -> list[PlainArg]:
        """The entries of `args` of the models whose engine's flags are not known."""
        return read_plain_args(self)

    def named_args(self, model: str) -> dict[str, Any]:
        """Return one model's `args` by the names that its engine has for them."""
        return named_args(self.document, model, self.resolved[model])

    @cached_property
    def locked(self) -> dict[str, Snapshot]:
        """What the lock has of each model's own repository, by the model's id."""
        if self.lock is None:
            return {}
        wants = {name: own_want(name, model) for name, model in self.models.items()}
        return {name: entry for name, want in wants.items() if want and (entry := self.lock.find(want)) is not None}

    @cached_property
    def configs(self) -> dict[str, dict[str, Any]]:
        """The config.json of each model that the lock has, by the model's id."""
        return {name: config_of(entry.want, self.lock) for name, entry in self.locked.items()}

    def has_commit(self, model: str) -> bool:
        """Return whether it is known which commit of its repository a model is served from."""
        return model in self.locked or is_commit(self.models[model].revision or "")

    def served_length(self, model: str) -> int | None:
        """Return how long a context vllm gives to a model that does not say it; None where that is not known."""
        if model not in self.locked or self.resolved[model].engine != vllm.NAME:
            return None
        files = self.locked[model].by_path
        return served_length(vllm.ENGINE, self.named_args(model), self.configs[model], files)

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

    def env_of(self, model: str) -> dict[str, str]:
        """Return the variables that the user gives to one model."""
        table = (self.document.config.engines or {}).get(self.resolved[model].engine)
        return {**((table and table.env) or {}), **(self.models[model].env or {})}

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
        """Return whether `[table.name]` is written, also where it was refused."""
        written = getattr(self.document.config, table) or {}
        return name in written or self.document.is_refused(table, name)

    def known_names(self, table: str) -> list[str]:
        """Return the names of the tables below `[table]`."""
        return [*(getattr(self.document.config, table) or {})]
