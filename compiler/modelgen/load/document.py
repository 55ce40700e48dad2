"""Define the Document: what was written, the models merged with `[defaults]`, and the place of each value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from modelgen.load.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.config import Config, Defaults, EngineTable, Gpu, Host, Model
    from modelgen.config.compose import ComposeKeys
    from modelgen.load.locator import Path
    from modelgen.source import Source, Span

DEFAULT_ENGINE = "vllm"
FILES = "files"
"""The first part of the path of an entry in a file of flags."""


class Places(Protocol):
    """Where each value is written, by its path; for a path that is not written, the nearest place around it."""

    def key(self, path: Path) -> Span:
        """Return where the key itself is written."""

    def value(self, path: Path) -> Span:
        """Return where the value is written."""

    def header(self, path: Path) -> Span:
        """Return the header of the table around."""


class Fault(NamedTuple):
    """A fault in a file of flags: where, what is wrong, and what to write instead."""

    span: Span
    message: str
    help: str = ""


class FlagsFile(NamedTuple):
    """A YAML file of flags that `args` of a model names, as `--config` of vLLM does.

    Args:
        flag: The flag that names it. Engines do not get it: the entries are written on the command line.
        args: The entries that models.toml does not replace.
        places: Where the entries are written, each at `(key,)`; None for a file that was not read.
        source: The text, for excerpts; None for a file that was not read.
        faults: What is wrong with the file, or with entries that `args` cannot have.
        replaced: The keys of the entries that models.toml replaces with another value.
    """

    flag: str
    args: Mapping[str, Any]
    places: Places | None = None
    source: Source | None = None
    faults: tuple[Fault, ...] = ()
    replaced: tuple[str, ...] = ()


class Machine(NamedTuple):
    """The host and the GPUs that a file is compiled for, in place of those that it has."""

    host: Host
    gpus: Mapping[str, Gpu]


@dataclass(frozen=True)
class Document:
    """The user's file as later steps see it.

    Args:
        source: The text.
        config: The tables as written, without the values in `dropped`.
        compose: The `compose` tables, by path.
        dropped: Paths whose values were refused. They are written, so no rule may report them as missing.
        places: The locator, if a finding needed it already; of a foreign file, its places.
        files: The file of flags of each model that has one; entries of models.toml replace those of the file.
    """

    source: Source
    config: Config
    compose: dict[Path, ComposeKeys] = field(default_factory=dict)
    dropped: frozenset[Path] = frozenset()
    places: Places | None = None
    files: Mapping[str, FlagsFile] = field(default_factory=dict)

    def on(self, machine: Machine) -> Document:
        """Return the file for another host; the places of values stay."""
        return replace(self, config=self.config.model_copy(update=machine._asdict()))

    @cached_property
    def models(self) -> dict[str, Model]:
        """The models by id, with `[defaults]`, `[engines]` and files of flags merged in."""
        written, defaults, engines = self.config.models or {}, self.config.defaults, self.config.engines or {}
        if defaults is None and not self.files and not any(table.args for table in engines.values()):
            return written
        from modelgen.config import Defaults  # pydantic is imported only where it is needed

        merged = {name: _merge(engines, defaults or Defaults(), model) for name, model in written.items()}
        return merged | {name: _with_flags(file, merged[name]) for name, file in self.files.items()}

    @cached_property
    def _locator(self) -> Places:
        return self.places or Locator(self.source)

    def at_key(self, *path: str | int) -> Span:
        """Return where the key at `path` is written."""
        places, path = self._at(path)
        return places.key(path)

    def at_value(self, *path: str | int) -> Span:
        """Return where the value at `path` is written."""
        places, path = self._at(path)
        return places.value(path)

    def at_header(self, *path: str | int) -> Span:
        """Return the header of the table at `path`, where findings about missing keys point."""
        places, path = self._at(path)
        return places.header(path)

    def _at(self, path: Path) -> tuple[Places, Path]:
        """Return what knows the place of a path, and the path by its name there."""
        file = self.files.get(str(path[1])) if path[:1] == (FILES,) else None
        return (file.places, path[2:]) if file and file.places else (self._locator, path)

    def origin(self, model: str, *keys: str | int) -> Path:
        """Return the path at which a model's key was written: in its own table, in `[defaults]`, or in `[engines]`.

        For an entry of a file of flags, it is the path `(FILES, model, key)`. For a key that is written nowhere, it is
        the path in `[defaults]`.
        """
        own: Path = ("models", model, *keys)
        table = (self.config.models or {}).get(model)
        if table is None or own in self.dropped or _has(table, keys):
            return own
        if keys[0] == "args" and model in self.files and keys[1:] and keys[1] in self.files[model].args:
            return (FILES, model, *keys[1:])
        if keys[0] == "args" and not (self.config.defaults and _has(self.config.defaults, keys)):
            engine = self.models[model].engine or DEFAULT_ENGINE
            if engine in (engines := self.config.engines or {}) and _has(engines[engine], keys):
                return ("engines", engine, *keys)
        return ("defaults", *keys)

    def is_refused(self, *path: str | int) -> bool:
        """Return whether a value at `path` or around it was refused and has its own finding."""
        return any(path[:length] in self.dropped for length in range(1, len(path) + 1))

    def lacks(self, model: str, key: str) -> bool:
        """Return whether a model does not set `key`, not even to a refused value."""
        return (
            getattr(self.models[model], key) is None
            and not self.is_refused("models", model, key)
            and not self.is_refused("defaults", key)
        )


def _has(table: Defaults | EngineTable, keys: Path) -> bool:
    first, *rest = keys
    value = getattr(table, str(first)) if str(first) in table.model_fields_set else None
    if not rest or not isinstance(value, dict):
        return value is not None
    return rest[0] in value


def _with_flags(file: FlagsFile, model: Model) -> Model:
    """Return a model with the entries of a file before its own `args`, in place of the flag that names the file."""
    fields = {key: getattr(model, key) for key in model.model_fields_set}
    from modelgen.config import Model

    own = {key: value for key, value in (model.args or {}).items() if key != file.flag}
    fields["args"] = {**file.args, **own}
    return Model.model_construct({*fields}, **fields)


def _merge(engines: Mapping[str, EngineTable], defaults: Defaults, model: Model) -> Model:
    """Merge `args` and `env` key by key and replace all other keys.

    The `args` of `[defaults]` are for the models of its engine, since engines have different flags.
    """
    from modelgen.config import Model

    engine = model.engine or defaults.engine or DEFAULT_ENGINE
    merged = {key: getattr(defaults, key) for key in defaults.model_fields_set}
    if engine != (defaults.engine or DEFAULT_ENGINE):
        merged.pop("args", None)
    if engine in engines and (args := engines[engine].args):
        merged["args"] = {**args, **(merged.get("args") or {})}
    for key in model.model_fields_set:
        value = getattr(model, key)
        merged[key] = {**(merged.get(key) or {}), **value} if key in ("args", "env") and value is not None else value
    return Model.model_construct(set(merged), **merged)
