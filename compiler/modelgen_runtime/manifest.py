"""What the orchestrator is told: models, cards, profiles and settings, as `manifest.json` holds them.

The compiler writes these classes out, the orchestrator reads them in; nothing else passes between the two.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class ManifestError(Exception):
    """The manifest cannot be used; the message is one sentence that names the field."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card, and the bytes that models may claim of it together."""

    name: str
    memory: int
    limit: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """How to tell that an engine serves.

    Args:
        path: Answers 200 when the engine is up.
        lists: A path whose JSON must list the served name too, or None.
        timeout: Seconds that a start may take.
        canary: Path to which one token is asked of, before the first `ready` of a start; or None.
    """

    path: str
    timeout: float
    lists: str | None = None
    canary: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A local child process. `{port}` in its arguments and variables stands for the port that the driver chose."""

    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container that somebody else created, and its host name and port on the network of the models."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Args:
        id: As models.toml calls it.
        names: All names that clients may use, the id first.
        engine: Name of its engine, such as `vllm`.
        repo: Repository id on the hub, where there is one.
        upstream_name: What clients' names are replaced by, for an engine with one name only; else None.
        routes: Paths that are forwarded to it.
        claims: Bytes of each card, from start to stop.
        readiness: See there.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        idle_timeout: Seconds without a request after which it is stopped; None for never.
        concurrency: Most requests at once; None for no limit.
        process: How it runs as a child process.
        container: How it runs in a container.
    """

    id: str
    names: tuple[str, ...]
    engine: str
    readiness: Readiness
    routes: tuple[str, ...]
    repo: str | None = None
    upstream_name: str | None = None
    claims: dict[str, int] = field(default_factory=dict)
    stop_grace: float = 30.0
    idle_timeout: float | None = None
    concurrency: int | None = None
    process: Process | None = None
    container: Container | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Models that are resident together."""

    name: str
    models: tuple[str, ...]
    default: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How the orchestrator behaves; seconds, None for no limit.

    Args:
        listen: Address as models.toml has it: what is judged for safety, whatever the socket is bound to.
        keys_file: File with the hashes of the API keys; None lets everybody in.
        allowed_hosts: Names that a Host header may hold, without ports.
        allowed_origins: Origins of pages that may use the data routes from a browser.
        insecure: Whether a `listen` beyond loopback needs no keys.
        drain_timeout: How long running requests may hold up an eviction.
        shutdown_timeout: How long running requests may hold up the orchestrator's own end.
        queue_limit: Most requests that wait.
        buffer_limit: Most bytes of the bodies of all waiting requests together.
        min_active: How long a model with requests is kept after it became ready.
        max_wait: How long a request may wait before `min_active` protects nobody from it.
        heartbeat: Whether streaming clients get comments once they have waited some seconds for a model.
    """

    listen: str = "127.0.0.1:8080"
    keys_file: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    insecure: bool = False
    drain_timeout: float = 120.0
    shutdown_timeout: float = 10.0
    queue_limit: int = 100
    buffer_limit: int = 512 * 2**20
    min_active: float | None = None
    max_wait: float | None = None
    heartbeat: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest.json."""

    project: str
    driver: str
    models: tuple[Model, ...]
    gpus: tuple[Gpu, ...] = ()
    profiles: tuple[Profile, ...] = ()
    settings: Settings = Settings()
    format: int = FORMAT


def write_manifest(manifest: Manifest) -> bytes:
    """Return the text of a manifest, the same for the same manifest."""
    return (json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes) -> Manifest:
    """Read the text of a manifest.

    Raises:
        ManifestError: It is not one of this format.
    """
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is not JSON: {error}") from error
    if isinstance(tree, dict) and isinstance(found := tree.get("format"), int) and found != FORMAT:
        raise ManifestError(f"`format`: the manifest has format {found}, this orchestrator reads {FORMAT}")
    manifest: Manifest = _read(Manifest, tree, "")
    _check(manifest)
    return manifest


def _read(kind: Any, value: Any, place: str) -> Any:  # noqa: ANN401 - whatever the class says
    """Return a value as its annotation wants it, or say where it is not."""
    if dataclasses.is_dataclass(kind):
        return _read_table(kind, value, place)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # only `… | None`
        return None if value is None else _read(arguments[0], value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise ManifestError(f"`{place}` must be a list")
        return tuple(_read(arguments[0], item, f"{place}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ManifestError(f"`{place}` must be a table")
        return {key: _read(arguments[1], item, f"{place}.{key}") for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ManifestError(f"`{place}` must be {_KINDS[kind]}")
    return value


_KINDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def _read_table(kind: Any, value: Any, place: str) -> Any:  # noqa: ANN401 - a dataclass
    if not isinstance(value, dict):
        raise ManifestError(f"`{place}` must be a table" if place else "the manifest must be a table")
    hints, fields = typing.get_type_hints(kind), {item.name: item for item in dataclasses.fields(kind)}
    prefix = f"{place}." if place else ""
    for key in value:
        if key not in fields:
            raise ManifestError(f"`{prefix}{key}` is no field that this orchestrator knows")
    for key, item in fields.items():
        is_required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if is_required and key not in value:
            raise ManifestError(f"`{prefix}{key}` is missing")
    return kind(**{key: _read(hints[key], item, f"{prefix}{key}") for key, item in value.items()})


def _check(manifest: Manifest) -> None:
    """Check what one field says of another."""
    ids = {model.id for model in manifest.models}
    if len(ids) != len(manifest.models):
        raise ManifestError("`models` has a model twice")
    gpus, names = {gpu.name for gpu in manifest.gpus}, set[str]()
    for index, model in enumerate(manifest.models):
        if not _ID.fullmatch(model.id):  # it names files and paths
            raise ManifestError(f"`models[{index}].id` is no id of a model")
        if model.id not in model.names:
            raise ManifestError(f"`models[{index}].names` lacks the id")
        if unknown := sorted(model.claims.keys() - gpus):
            raise ManifestError(f"`models[{index}].claims` names {unknown[0]}, which is no card of `gpus`")
        if taken := sorted(names.intersection(model.names)):
            raise ManifestError(f"`models[{index}].names` has {taken[0]}, which another model has")
        names.update(model.names)
        if manifest.driver == "process" and model.process is None:
            raise ManifestError(f"`models[{index}].process` is missing, and `driver` is process")
        if manifest.driver == "docker" and model.container is None:
            raise ManifestError(f"`models[{index}].container` is missing, and `driver` is docker")
    for index, profile in enumerate(manifest.profiles):
        if unknown := sorted(set(profile.models) - ids):
            raise ManifestError(f"`profiles[{index}].models` names {unknown[0]}, which is no model")
