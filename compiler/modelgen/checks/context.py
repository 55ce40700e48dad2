"""Define the context: everything that a check may read, and where values are written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelgen.engines import places

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from modelgen.config import Gpu, Model
    from modelgen.config.compose_types import Volume
    from modelgen.load import Document
    from modelgen.load.locator import Path
    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.lockfile.wants import Want
    from modelgen.resolve import Argument, Card, ModelPins, ModelRun, Resolved
    from modelgen.resolve.arguments import PlainArgument
    from modelgen.source import Span


@dataclass(frozen=True)
class Context:
    """A view of the result of `resolve`, with the values that several checks read.

    Args:
        resolved: The document, resolved.
        targets: Names of the output formats that will be rendered.
    """

    resolved: Resolved
    targets: Collection[str]

    @property
    def document(self) -> Document:
        """The user's file: the written values and their places."""
        return self.resolved.document

    @property
    def lock(self) -> Lock | None:
        """The models.lock beside it; None if it is missing or invalid."""
        return self.resolved.lock

    @property
    def runs(self) -> Mapping[str, ModelRun]:
        """The engine, image, version and arguments of each model."""
        return self.resolved.runs

    @property
    def pins(self) -> Mapping[str, ModelPins]:
        """The entries of the lock that each model needs."""
        return self.resolved.pins

    @cached_property
    def models(self) -> dict[str, Model]:
        """The models by id, with the defaults merged in."""
        return {name: run.model for name, run in self.runs.items()}

    @cached_property
    def gpus(self) -> dict[str, Gpu]:
        """The GPUs by name."""
        return self.document.config.gpus or {}

    def taking(self, key: str) -> Iterator[tuple[str, Model]]:
        """Yield the models whose engine takes a key of models.toml that not every engine takes."""
        for name, run in self.runs.items():
            if run.engine is not None and key in run.engine.keys:
                yield name, run.model

    def cards(self, model: Model) -> dict[str, Card]:
        """Return the model's GPUs by name, each once, without those that `[gpus]` does not have."""
        known = self.resolved.cards
        return {name: known[name] for name in model.gpus or () if name in known}

    def kinds(self, model: Model) -> set[str]:
        """Return the kinds of a model's GPUs."""
        return {self.gpus[name].kind or "nvidia" for name in self.cards(model)}

    @cached_property
    def args(self) -> list[Argument]:
        """Every entry of `args` of every model whose engine's flags are known."""
        return [*(arg for run in self.runs.values() for arg in run.arguments), *self.resolved.unused_arguments]

    def args_of(self, model: str) -> tuple[Argument, ...]:
        """Return the entries of one model's `args`, in their order; none for an unknown model."""
        run = self.runs.get(model)
        return run.arguments if run else ()

    @cached_property
    def plain_args(self) -> list[PlainArgument]:
        """The entries of `args` of the models whose engine's flags are not known."""
        return [arg for run in self.runs.values() for arg in run.plain_arguments]

    @cached_property
    def locked(self) -> dict[str, Snapshot]:
        """The lock's entry for each model's own repository, by the model's id."""
        return {name: pins.entry for name, pins in self.pins.items() if pins.entry is not None}

    @cached_property
    def configs(self) -> dict[str, Mapping[str, Any]]:
        """The config.json of each locked model, by the model's id."""
        return {name: self.pins[name].config for name in self.locked}

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
        """Return the paths in the container at which a model's `compose.volumes` are mounted."""
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
        """Return whether `[table.name]` is written, even if it was refused."""
        written = getattr(self.document.config, table) or {}
        return name in written or self.document.is_refused(table, name)

    def known_names(self, table: str) -> list[str]:
        """Return the names of the tables below `[table]`."""
        return [*(getattr(self.document.config, table) or {})]

    def place_of(self, name: str, want: Want) -> Span:
        """Return the place of the value that makes the model `name` need the repository."""
        document = self.document
        if want.role == "code":
            return document.at_value(*document.origin(name, "trust_remote_code"))
        if want.role == "lora":
            for lora, repo in (self.models[name].loras or {}).items():
                if repo == want.repo:
                    return document.at_value(*document.origin(name, "loras", lora))
        for arg in self.args_of(name):
            named = arg.engine.repos({arg.name + arg.inner: arg.value}) if arg.engine.repos else ()
            if any(repo == want.repo for _, repo, _ in named):
                return document.at_value(*arg.path)
        return document.at_value(*document.origin(name, "repo"))


def target_of(mount: str | Volume) -> str:
    """Return the path of a volume in the container, without `..` and doubled slashes."""
    return places.target_of(mount) if isinstance(mount, str) else places.normal_target(mount.target)
