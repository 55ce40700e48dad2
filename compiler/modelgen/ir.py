"""The IR: a fleet as it will run, from which every target renders.

It depends on no target and not on models.toml: defaults are filled in, references are resolved, and units are plain
numbers (bytes, seconds).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERNAL_NETWORK = "models"
EDGE_NETWORK = "edge"
SOCKET_PROXY_NETWORK = "socket-proxy"


class Gpu(NamedTuple):
    """One card.

    Args:
        name: As models.toml calls it.
        memory: Bytes on the card.
        budget: Bytes that resident models may reserve together.
    """

    name: str
    memory: int
    budget: int


class Reservation(NamedTuple):
    """GPU memory that a model reserves from start to stop, in bytes."""

    gpu: str
    memory: int


class Address(NamedTuple):
    """A host address, to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Launch(NamedTuple):
    """How an engine's process is started, in the container; no entry point is the image's own.

    Args:
        entrypoint: The program.
        command: Its arguments.
        note: Why it is started in this form, as a comment for readers of the output; empty for no comment.
    """

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    note: str = ""


class Readiness(NamedTuple):
    """How to tell that an engine serves.

    Args:
        path: Answers 200 when the engine is up.
        probe: A program inside the image that exits 0 then; None where the image promises no such program.
        lists: A path whose JSON must list the served name too, or None.
        start_timeout: Seconds that a start may take.
    """

    path: str
    probe: tuple[str, ...] | None
    lists: str | None
    start_timeout: int


class Mount(NamedTuple):
    """A file or directory of the host inside the container, read-only.

    Args:
        source: Path on the host; a relative one is relative to the folder of models.toml, and begins with a dot.
        target: Path in the container.
    """

    source: str
    target: str


class Devices(NamedTuple):
    """The cards that a service reserves.

    Args:
        kind: How a container gets them: `nvidia`, `cdi` or `amd`.
        ids: In the order that the engine sees.
        groups: Numeric ids of the groups that may open them, for device files.
    """

    kind: str
    ids: tuple[str, ...]
    groups: tuple[int, ...] = ()


class Security(NamedTuple):
    """What a container may do.

    Args:
        dropped: Capabilities that it gives up, `ALL` for all.
        no_new_privileges: Whether no program in it can gain privileges, as by a setuid bit.
        read_only: Whether its own file system is read-only.
        unlabelled: Whether SELinux leaves it alone, so that it may read what is mounted.
    """

    dropped: tuple[str, ...]
    no_new_privileges: bool
    read_only: bool
    unlabelled: bool


class Limit(NamedTuple):
    """A resource limit of a container's processes, soft and hard, such as `nofile`; -1 is unlimited."""

    name: str
    value: int


class Scratch(NamedTuple):
    """A writable directory in memory, gone when the container stops; kernels that are loaded from it can run."""

    target: str
    uid: int
    gid: int
    mode: str


class Volume(NamedTuple):
    """A named volume that belongs to one service.

    Args:
        name: Its name on the host.
        target: Where it is mounted.
    """

    name: str
    target: str


class Service(NamedTuple):
    """One model as a service of its own.

    Args:
        model: The model's id.
        name: The service's name: its host name on the internal network.
        container: The container's name.
        engine: Its name, such as `vllm`.
        image: Container image.
        launch: Entry point and arguments.
        directory: Where it runs, as a process of the host; None in a container.
        environment: Variables, sorted by name.
        port: On which the engine listens inside the container; on a host of its own, the driver chooses one.
        routes: Paths that clients may call.
        served_names: All names that clients may use, the id first.
        upstream_name: The one that the engine knows, for engines with one name only; else None.
        repo: Repository id on the hub, where there is one.
        loras: Adapters that it serves beside the model, name and repository id.
        hub: The hub's mount, or None for a program that needs no weights.
        files: What its arguments name: chat templates, parser plugins.
        cache: The volume for compile caches.
        scratch: Directories in memory.
        devices: The reserved cards, or None.
        security: What it may do.
        limits: Its resource limits.
        reservations: GPU memory that it reserves, one item per GPU.
        profiles: Profiles that switch the service on, its own id first.
        depends_on: Services that must serve before this one starts.
        publish: Host address of the engine itself.
        networks: Names of the fleet's networks.
        readiness: See there.
        shm: Size of /dev/shm in bytes.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        idle_timeout: Seconds without a request after which it is stopped, or None.
        concurrency: Most requests at once, or None.
        warmup: Route on which one question is asked before the first `ready` of a start, or None.
        additions: What the user adds to the service of one target, by target: `{"compose": {...}}`; paths as written.
        sources: For messages: the keys that were written, such as `args.max-model-len`, each with the path of its value
            in the user's file.
    """

    model: str
    name: str
    container: str
    engine: str
    image: str
    launch: Launch
    directory: str | None
    environment: tuple[tuple[str, str], ...]
    port: int
    routes: tuple[str, ...]
    served_names: tuple[str, ...]
    upstream_name: str | None
    repo: str | None
    loras: tuple[tuple[str, str], ...]
    hub: Mount | None
    files: tuple[Mount, ...]
    cache: Volume | None
    scratch: tuple[Scratch, ...]
    devices: Devices | None
    security: Security
    limits: tuple[Limit, ...]
    reservations: tuple[Reservation, ...]
    profiles: tuple[str, ...]
    depends_on: tuple[str, ...]
    publish: Address | None
    networks: tuple[str, ...]
    readiness: Readiness
    shm: int
    stop_grace: int
    idle_timeout: int | None
    concurrency: int | None
    warmup: str | None
    additions: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    sources: tuple[tuple[str, tuple[str | int, ...]], ...] = ()


class Profile(NamedTuple):
    """Models that are resident together."""

    name: str
    models: tuple[str, ...]
    default: bool


class Network(NamedTuple):
    """A network of the deployment.

    Args:
        key: What services call it.
        name: Its name on the host.
        internal: Whether nothing on it reaches the outside and no port on it is published.
    """

    key: str
    name: str
    internal: bool


class Orchestrator(NamedTuple):
    """How models are switched; seconds and counts, None for no limit.

    Args:
        enabled: Whether anything switches them.
        listen: Host address of its API.
        socket: Docker's, on the host.
        keys_file: File with the hashes of API keys; a relative path is relative to the folder of models.toml.
        allowed_hosts: Further names that a Host header may hold.
        allowed_origins: Origins of pages that may use the API from a browser.
        insecure: Whether a `listen` beyond loopback needs no keys.
        drain_timeout: How long running requests may hold up an eviction.
        shutdown_timeout: How long running requests may hold up the orchestrator's own end.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        queue_limit: Most waiting requests.
        buffer_limit: Most bytes of the bodies of all waiting requests together.
        min_loaded_time: How long a model with requests is protected after it became ready.
        prioritize_after: How long a request may wait before its model comes first.
        loading_messages: Whether streaming clients get comments once they have waited some seconds for a model.
        base_image: What its image is built on.
        socket_proxy_image: Image of the socket proxy.
        security: What its container may do.
        limits: Its container's resource limits.
        socket_proxy_security: What the container of the socket proxy may do.
        relabelled: Whether mounts get a label that lets their container read them, as SELinux demands.
        additions: What the user adds to its service, as for a model's.
    """

    enabled: bool
    listen: Address
    socket: str
    keys_file: str | None
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    insecure: bool
    drain_timeout: int
    shutdown_timeout: int
    stop_grace: int
    queue_limit: int
    buffer_limit: int
    min_loaded_time: int | None
    prioritize_after: int | None
    loading_messages: bool
    base_image: str
    socket_proxy_image: str
    security: Security
    limits: tuple[Limit, ...]
    socket_proxy_security: Security
    relabelled: bool
    additions: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class Fleet(NamedTuple):
    """Everything that runs on one host."""

    project: str
    gpus: tuple[Gpu, ...]
    services: tuple[Service, ...]
    profiles: tuple[Profile, ...]
    networks: tuple[Network, ...]
    orchestrator: Orchestrator
