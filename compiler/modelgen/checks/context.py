"""Define the context: everything that a check may read, and where values are written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from modelgen.engines.environment import OWNED, owned_variables
from modelgen.engines.images import places

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from modelgen.config import Gpu, Model
    from modelgen.config.compose import ComposeKeys
    from modelgen.config.compose_types import Volume
    from modelgen.fit import Fitted
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
        fitted: The document, resolved, with estimates of the memory of its models.
        targets: Names of the output formats that will be rendered.
    """

    fitted: Fitted
    targets: Collection[str]

    @property
    def resolved(self) -> Resolved:
        """The document, resolved."""
        return self.fitted.resolved

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
        return {self.gpus[name].kind or "nvidia" for name in model.gpus or () if name in self.gpus}

    def refused_memory(self, name: str) -> bool:
        """Return whether a value that says a GPU's memory was refused, which is an error of its own."""
        return any(self.document.is_refused("gpus", name, key) for key in ("card", "memory"))

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
        """The entries of `args` of the models whose engine gets its flags as they are written."""
        return [arg for run in self.runs.values() for arg in run.plain_arguments]

    @cached_property
    def locked(self) -> dict[str, Snapshot]:
        """The lock's entry for each model's own repository, by the model's id."""
        return {name: pins.entry for name, pins in self.pins.items() if pins.entry is not None}

    @cached_property
    def configs(self) -> dict[str, Mapping[str, Any]]:
        """The config.json of each locked model, by the model's id."""
        return {name: self.pins[name].config for name in self.locked}

    def entries(self, key: Literal["env", "loras"]) -> Iterator[tuple[Path, str, str]]:
        """Yield path, name and value of every entry that is written in a table `env` or `loras`."""
        config = self.document.config
        tables: list[tuple[Path, Any]] = []
        if key == "env":
            tables += [(("engines", name), engine) for name, engine in (config.engines or {}).items()]
        tables.append((("defaults",), config.defaults))
        tables += [(("models", name), model) for name, model in (config.models or {}).items()]
        for path, table in tables:
            for name, value in (getattr(table, key, None) or {}).items():
                yield (*path, key, name), name, value

    def env_paths(self, model: str) -> dict[str, Path]:
        """Return the variables of a model and of its engine's table, each with the path that wins."""
        run = self.runs[model]
        table = (self.document.config.engines or {}).get(run.engine_name)
        of_engine: dict[str, Path] = {
            key: ("engines", run.engine_name, "env", key) for key in (table and table.env) or {}
        }
        return of_engine | {key: self.document.origin(model, "env", key) for key in run.model.env or {}}

    def owned_variables(self, path: Path) -> Mapping[str, str]:
        """Return the variables that the `env` table with the entry at `path` must not have."""
        return self._owned_by_table.get(path[:-2], OWNED)

    @cached_property
    def _owned_by_table(self) -> dict[Path, dict[str, str]]:
        """The owned variables of every model that gets the `env` of a table, by the table's path."""
        found: dict[Path, dict[str, str]] = {}
        for run in self.runs.values():
            is_offline = run.model.offline is not False
            owned = OWNED if run.engine is None else owned_variables(run.engine, is_offline=is_offline)
            tables: tuple[Path, ...] = (("models", run.name), ("engines", run.engine_name), ("defaults",))
            for table in tables:
                found[table] = found.get(table, {}) | owned
        return found

    def at_origin(self, model: str, *keys: str) -> Span:
        """Return the place of a model's value, in its own table or in `[defaults]`."""
        return self.document.at_value(*self.document.origin(model, *keys))

    def compose_of(self, model: str) -> tuple[Path, ComposeKeys | None]:
        """Return the path of the `compose` table that a model uses, and its keys."""
        path = self.document.origin(model, "compose")
        return path, self.document.compose.get(path)

    def volume_targets(self, model: str) -> list[str]:
        """Return the paths in the container at which a model's `compose.volumes` are mounted."""
        keys = self.compose_of(model)[1] if model else None
        return [target_of(mount) for mount in (keys.volumes or ())] if keys else []

    def is_known(self, table: str, name: str) -> bool:
        """Return whether `[table.name]` is written, even if it was refused."""
        written = getattr(self.document.config, table) or {}
        return name in written or self.document.is_refused(table, name)

    def known_names(self, table: str) -> list[str]:
        """Return the names of the tables below `[table]`."""
        return [*(getattr(self.document.config, table) or {})]

    def place_of(self, name: str, want: Want) -> Span:
        """Return the place of the value that makes the model `name` need the repository."""
        if want.role == "code":
            return self.at_origin(name, "trust_remote_code")
        if want.role == "lora":
            for lora, repo in (self.models[name].loras or {}).items():
                if repo == want.repo:
                    return self.at_origin(name, "loras", lora)
        draft = self.models[name].draft
        if want.role == "draft" and draft is not None and draft.repo == want.repo:
            return self.document.at_value("models", name, "draft", "repo")
        for arg in self.args_of(name):
            named = arg.engine.repos({arg.name + arg.inner: arg.value}) if arg.engine.repos else ()
            if any(repo == want.repo for _, repo, _ in named):
                return self.document.at_value(*arg.path)
        return self.at_origin(name, "repo")


def target_of(mount: str | Volume) -> str:
    """Return the path of a volume in the container, without `..` and doubled slashes."""
    return places.target_of(mount) if isinstance(mount, str) else places.normal_target(mount.target)
