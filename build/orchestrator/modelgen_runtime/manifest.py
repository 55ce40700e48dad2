"""The contents of `manifest.json`: models, GPUs, profiles and settings.

The compiler writes these classes, the orchestrator reads them. Nothing else passes between the two.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from modelgen_runtime.manifest_reader import ManifestError, Range, read_object, read_value

FORMAT = 2
LOADING_MESSAGES = ("comments", "reasoning", "off")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_ADDRESS = re.compile(r"[^\s]+:(\d{1,5})", re.ASCII)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


# The upper bounds are beyond what the compiler writes, and within what clocks, sockets and C take without overflow.
Seconds = Annotated[float, Range(0, 10**12)]
Timeout = Annotated[float, Range(0, 10**12, is_open=True)]
Bytes = Annotated[int, Range(0, 2**63 - 1)]
Count = Annotated[int, Range(0, 2**63 - 1)]
PositiveCount = Annotated[int, Range(1, 2**63 - 1)]
Port = Annotated[int, Range(1, 65535)]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, and the bytes that models may reserve on it together."""

    name: str
    memory: Bytes
    limit: Bytes


@dataclass(frozen=True, slots=True)
class Readiness:
    """When an engine counts as ready.

    Args:
        path: Path that answers 200 when the engine is up.
        lists: Path whose JSON must also list the served name, or None.
        timeout: Limit of a start, in seconds.
        warmup: Path of the warmup request that precedes `ready`, or None.
    """

    path: str
    timeout: Timeout
    lists: str | None = None
    warmup: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A local child process. `{port}` in its arguments and variables stands for the port that the driver chose."""

    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container that Compose created, with its host name and port on the network of the models."""

    name: str
    host: str
    port: Port


@dataclass(frozen=True, slots=True)
class Expected:
    """The estimated KV cache of a model: a verdict, tokens with their error, and requests of the longest length."""

    verdict: str
    least: Count
    tokens: Count
    most: Count
    requests: Annotated[float, Range(0, 10**12)]


@dataclass(frozen=True, slots=True)
class Variant:
    """A further name of a model, with edits of the body of each request for it.

    Args:
        name: Its whole name, such as `qwen:fast`.
        defaults: Keys of the top level that a request lacks, with their values as JSON text.
        set_params: Keys that are set in each request, with their values as JSON text.
        strip_params: Keys that are removed.
    """

    name: str
    defaults: dict[str, str] = field(default_factory=dict)
    set_params: dict[str, str] = field(default_factory=dict)
    strip_params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Args:
        id: Its id in models.toml.
        names: All names that clients may use, starting with the id.
        engine: Name of its engine, such as `vllm`.
        repo: Repository id on the hub, where there is one.
        upstream_name: The name that replaces the client's, for an engine with a single name; else None.
        routes: Paths that are forwarded to the engine.
        reservations: Bytes of each GPU that it reserves from start to stop.
        readiness: When it counts as ready.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        idle_timeout: Idle seconds after which it is stopped; None for never.
        keep_loaded: Whether other models never evict it.
        concurrency: Most requests at once; None for no limit.
        process: How it runs as a child process.
        container: How it runs in a container.
        title: Its name for people, or None.
        description: What it is good for, or None.
        context_length: Most tokens of a request and its answer together; None if that is not known.
        capabilities: What it can do, such as `chat`, `vision` or `tools`; empty if that is not known.
        variants: Further names that edit requests. Others make no other model, so its engine keeps running.
        asks_usage: Whether streams are asked for their tokens, and the event with them is removed.
        expected: Its estimated KV cache, or None. Another estimate makes no other model.
        sources: Where models.toml says what it is made of: its keys, such as `args.max-model-len` or `image`, to dotted
            paths, such as `models.qwen.args.max-model-len` or `engines.vllm.image`. Only keys that were written, and no
            values. Another place makes no other model, so it does not count when two are compared.
    """

    id: str
    names: tuple[str, ...]
    engine: str
    readiness: Readiness
    routes: tuple[str, ...]
    repo: str | None = None
    upstream_name: str | None = None
    reservations: dict[str, Bytes] = field(default_factory=dict)
    stop_grace: Seconds = 30.0
    idle_timeout: Timeout | None = None
    keep_loaded: bool = False
    concurrency: PositiveCount | None = None
    process: Process | None = None
    container: Container | None = None
    title: str | None = field(default=None, compare=False)
    description: str | None = field(default=None, compare=False)
    context_length: Count | None = field(default=None, compare=False)
    capabilities: tuple[str, ...] = field(default=(), compare=False)
    variants: tuple[Variant, ...] = field(default=(), compare=False)
    asks_usage: bool = field(default=False, compare=False)
    expected: Expected | None = field(default=None, compare=False)
    sources: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """Models that are loaded together."""

    name: str
    models: tuple[str, ...]
    default: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the orchestrator, in seconds; None for no limit.

    Args:
        listen: Address in models.toml. The safety checks apply to it, whatever the socket is bound to.
        keys_file: File with the hashes of the API keys; None admits requests without a key.
        allowed_hosts: Names that a Host header may contain, without ports.
        allowed_origins: Origins of pages that may use the data routes from a browser.
        insecure: Whether a `listen` beyond loopback needs no keys.
        drain_timeout: How long requests in flight may delay an eviction.
        shutdown_timeout: How long requests in flight may delay a shutdown of the orchestrator.
        queue_limit: Maximum number of queued requests.
        buffer_limit: Maximum size of the bodies of all queued requests together, in bytes.
        min_loaded_time: How long a model with requests is protected from eviction after it became ready.
        prioritize_after: How long a request waits before `min_loaded_time` no longer protects other models from it.
        loading_messages: What streaming clients get while they wait for a model: comments, reasoning or off.
        gpu_stats: The GPUs that are measured by NVML: index or UUID by name. Empty for none.
        capture: Requests and answers that are kept in memory.
    """

    listen: str = "127.0.0.1:8080"
    keys_file: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    insecure: bool = False
    drain_timeout: Seconds = 120.0
    shutdown_timeout: Seconds = 10.0
    queue_limit: Count = 100
    buffer_limit: PositiveCount = 512 * 2**20
    min_loaded_time: Seconds | None = None
    prioritize_after: Seconds | None = None
    loading_messages: str = "comments"
    gpu_stats: dict[str, str] = field(default_factory=dict)
    capture: Annotated[int, Range(0, 1000)] = 0


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


def dotted(*keys: str | int) -> str:
    """Return the path of a value in models.toml, as TOML writes dotted keys: `models."qwen2.5".args`."""
    return ".".join(key if _BARE_KEY.fullmatch(key) else _quoted(key) for key in map(str, keys))


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f")


def is_address(text: str) -> bool:
    """Return whether a text is `host:port`, as `listen` has to be."""
    return (match := _ADDRESS.fullmatch(text)) is not None and 0 < int(match[1]) < 2**16


def write_manifest(manifest: Manifest) -> bytes:
    """Return the text of a manifest, the same for the same manifest."""
    return (json.dumps(manifest, indent=2, ensure_ascii=False, default=_fields) + "\n").encode()


def _fields(table: Any) -> dict[str, Any]:  # noqa: ANN401 - the dataclasses of this module
    """Return the fields of a table; `dataclasses.asdict` would copy every value too."""
    return {one.name: getattr(table, one.name) for one in dataclasses.fields(table)}


def read_manifest(data: bytes) -> Manifest:
    """Read the text of a manifest.

    Raises:
        ManifestError: It is not one of this format.
    """
    try:
        tree = json.loads(data, object_pairs_hook=read_object)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"the manifest is not JSON: {error}") from error
    if isinstance(tree, dict) and isinstance(found := tree.get("format"), int) and found != FORMAT:
        raise ManifestError(
            f"`format`: the manifest has format {found}, this orchestrator reads {FORMAT}; run `modelgen build`"
        )
    manifest: Manifest = read_value(Manifest, tree, "")
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    """Check what types cannot express: formats, and references between fields."""
    if not is_address(manifest.settings.listen):
        raise ManifestError("`settings.listen` must be an address such as 127.0.0.1:8080")
    if manifest.settings.loading_messages not in LOADING_MESSAGES:
        raise ManifestError(f"`settings.loading_messages` must be one of {', '.join(LOADING_MESSAGES)}")
    ids = {model.id for model in manifest.models}
    if len(ids) != len(manifest.models):
        raise ManifestError("`models` has a model twice")
    gpus, names = {gpu.name for gpu in manifest.gpus}, set[str]()
    for index, model in enumerate(manifest.models):
        if not _ID.fullmatch(model.id):  # it names files and paths
            raise ManifestError(f"`models[{index}].id` is not a valid id")
        if model.id not in model.names:
            raise ManifestError(f"`models[{index}].names` lacks the id")
        if unknown := sorted(model.reservations.keys() - gpus):
            raise ManifestError(f"`models[{index}].reservations` names {unknown[0]}, which is not in `gpus`")
        if taken := sorted(names.intersection(model.names)):
            raise ManifestError(f"`models[{index}].names` has {taken[0]}, which another model has")
        names.update(model.names)
        for number, variant in enumerate(model.variants):
            _check_variant(variant, f"models[{index}].variants[{number}]", names)
            names.add(variant.name)
        if manifest.driver == "process" and model.process is None:
            raise ManifestError(f"`models[{index}].process` is missing, and `driver` is process")
        if manifest.driver == "docker" and model.container is None:
            raise ManifestError(f"`models[{index}].container` is missing, and `driver` is docker")
    for index, profile in enumerate(manifest.profiles):
        if unknown := sorted(set(profile.models) - ids):
            raise ManifestError(f"`profiles[{index}].models` names {unknown[0]}, which is no model")


def _check_variant(variant: Variant, place: str, taken: set[str]) -> None:
    if variant.name in taken:
        raise ManifestError(f"`{place}.name` is {variant.name}, which another model or variant has")
    for table in ("defaults", "set_params"):
        for key, text in getattr(variant, table).items():
            try:
                json.loads(text)
            except (ValueError, RecursionError) as error:
                raise ManifestError(f"`{place}.{table}.{key}` is not JSON: {error}") from error
