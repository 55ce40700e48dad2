"""Define the IR: a fleet as it will run, the input of every target.

It depends on no target and not on models.toml: defaults are filled in, references are resolved, and quantities are
plain numbers (bytes, seconds).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERNAL_NETWORK = "models"
EDGE_NETWORK = "edge"
OUTSIDE_NETWORK = "outside"
SOCKET_PROXY_NETWORK = "socket-proxy"


class Gpu(NamedTuple):
    """One GPU.

    Args:
        name: The name in models.toml.
        memory: Memory of the GPU in bytes.
        budget: Bytes that resident models may reserve together.
    """

    name: str
    memory: int
    budget: int


class Reservation(NamedTuple):
    """GPU memory that a model reserves from start to stop, in bytes."""

    gpu: str
    memory: int


class Expected(NamedTuple):
    """The estimated KV cache of a model.

    Args:
        verdict: Whether its longest request fits: `fits`, `tight` or `does not fit`.
        least: The fewest tokens that the cache may hold, as the engine prints them.
        tokens: The tokens that it probably holds.
        most: The most tokens that it may hold.
        requests: The requests of the longest length that probably fit at the same time.
    """

    verdict: str
    least: int
    tokens: int
    most: int
    requests: float


class Address(NamedTuple):
    """A host address, to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Launch(NamedTuple):
    """The command line of an engine. An empty entry point is the image's own; with an empty command, so is the command.

    Args:
        entrypoint: The program.
        command: Its arguments.
        note: The reason for this form, as a comment in the output; empty for no comment.
    """

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    note: str = ""


class Readiness(NamedTuple):
    """The checks of whether an engine serves.

    Args:
        path: A path that answers 200 when the engine is up.
        probe: A program in the image that exits with 0 when the engine is up; None if the image may not have one.
        lists: A path whose JSON must list the served name too, or None.
        start_timeout: The longest start, in seconds.
    """

    path: str
    probe: tuple[str, ...] | None
    lists: str | None
    start_timeout: int


class Mount(NamedTuple):
    """A file or directory of the host, read-only in the container.

    Args:
        source: Path on the host; a relative one is relative to the folder of models.toml, and begins with a dot.
        target: Path in the container.
    """

    source: str
    target: str


class Devices(NamedTuple):
    """The GPUs that a service reserves.

    Args:
        kind: The way in which a container gets them: `nvidia` (a reservation), `runtime` (NVIDIA's runtime, for a
            Jetson), `cdi` or `amd`.
        ids: Their ids, in the order of the engine.
        groups: Numeric ids of the groups that may open the device files.
    """

    kind: str
    ids: tuple[str, ...]
    groups: tuple[int, ...] = ()


class Security(NamedTuple):
    """The rights of a container.

    Args:
        dropped: Dropped capabilities, `ALL` for all.
        no_new_privileges: Whether programs in it cannot gain privileges, for example by a setuid bit.
        read_only: Whether its root file system is read-only.
        unlabelled: Whether SELinux separation is off, so that it can read its mounts.
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
    """A writable directory in memory, lost when the container stops. Files in it can be executed."""

    target: str
    uid: int
    gid: int
    mode: str


class Volume(NamedTuple):
    """A named volume that belongs to one service.

    Args:
        name: The name on the host.
        target: The mount target.
    """

    name: str
    target: str


class Build(NamedTuple):
    """The build of an image.

    Args:
        context: Folder of the host, as in `Mount`, or the address of a git repository.
        dockerfile: Path in the context, or None for `Dockerfile`.
        target: The stage to build, or None for the last one.
        args: Build arguments.
    """

    context: str
    dockerfile: str | None
    target: str | None
    args: tuple[tuple[str, str], ...]


class Variant(NamedTuple):
    """A further name of a model, with edits of the requests for it; values are JSON text."""

    name: str
    defaults: tuple[tuple[str, str], ...]
    set_params: tuple[tuple[str, str], ...]
    strip_params: tuple[str, ...]


class Service(NamedTuple):
    """One model as a service.

    Args:
        model: The model's id.
        name: The service's name: its host name on the internal network.
        container: The container's name.
        engine: The engine's name, such as `vllm`.
        image: Container image.
        launch: Entry point and arguments.
        offline: Whether it must not download anything.
        directory: The working directory of a process on the host; None in a container.
        environment: Variables, sorted by name.
        port: The port in the container. On the host, the driver selects one.
        routes: Paths that clients may call.
        served_names: All names that clients may use, the id first.
        upstream_name: The name in the engine, if it has only one; else None.
        variants: Further names that edit requests.
        asks_usage: Whether streams are asked for their tokens, and the event with them is removed.
        title: Its name for people, or None.
        description: What it is good for, or None.
        context_length: Most tokens of a request and its answer together, or None if that is not known.
        capabilities: What it can do, such as `chat` or `vision`; empty if that is not known.
        repo: Repository id on the hub, or None.
        loras: Adapters of the model: name and repository id.
        hub: The hub's mount, or None for a program that needs no weights.
        files: Files that its arguments name: chat templates, parser plugins.
        caches: The volumes for compile caches, or for what a program keeps.
        scratch: Directories in memory.
        devices: The reserved GPUs, or None.
        security: The rights of its container.
        limits: Its resource limits.
        reservations: GPU memory that it reserves, one item per GPU.
        expected: Its estimated KV cache, or None without an estimate.
        chosen: What modelgen chose for it by the estimate of its memory, and why, as comments in the output.
        profiles: Profiles that start the service, its own id first.
        depends_on: Services that must serve before this one starts.
        publish: Host address of the engine, or None.
        networks: Names of the fleet's networks.
        readiness: The checks of whether it serves.
        cpus: The most processors that its container may use, or None.
        host_memory: The most bytes of the host's memory that it may use, or None.
        build: How its image is built, or None for one that is pulled.
        shm: Size of /dev/shm in bytes.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        idle_timeout: Seconds without a request after which it is stopped, or None.
        keep_loaded: Whether other models never evict it.
        concurrency: The most concurrent requests, or None.
        warmup: Route of one request before the model is ready, or None.
        additions: The user's own keys of a target's service, by target: `{"compose": {...}}`; paths as written.
        sources: The written keys, such as `args.max-model-len`, each with the path of its value in models.toml; for
            messages.
    """

    model: str
    name: str
    container: str
    engine: str
    image: str
    launch: Launch
    offline: bool
    directory: str | None
    environment: tuple[tuple[str, str], ...]
    port: int
    routes: tuple[str, ...]
    served_names: tuple[str, ...]
    upstream_name: str | None
    variants: tuple[Variant, ...]
    asks_usage: bool
    title: str | None
    description: str | None
    context_length: int | None
    capabilities: tuple[str, ...]
    repo: str | None
    loras: tuple[tuple[str, str], ...]
    hub: Mount | None
    files: tuple[Mount, ...]
    caches: tuple[Volume, ...]
    scratch: tuple[Scratch, ...]
    devices: Devices | None
    security: Security
    limits: tuple[Limit, ...]
    reservations: tuple[Reservation, ...]
    expected: Expected | None
    chosen: tuple[str, ...]
    profiles: tuple[str, ...]
    depends_on: tuple[str, ...]
    publish: Address | None
    networks: tuple[str, ...]
    readiness: Readiness
    cpus: float | None
    host_memory: int | None
    build: Build | None
    shm: int
    stop_grace: int
    idle_timeout: int | None
    keep_loaded: bool
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
        key: The key in services.
        name: The name on the host.
        internal: Whether it has no route to the outside and no published ports.
        reaches_outside: Whether its containers can open connections to other hosts.
    """

    key: str
    name: str
    internal: bool
    reaches_outside: bool


class Orchestrator(NamedTuple):
    """The settings of the orchestrator: seconds and counts, None for no limit.

    Args:
        enabled: Whether there is an orchestrator.
        listen: Host address of its API.
        socket: Path of Docker's socket on the host.
        keys_file: File with the hashes of API keys; a relative path is relative to the folder of models.toml.
        network_aliases: Further host names on its networks, save that of the socket proxy.
        allowed_hosts: Further names that a Host header may have.
        allowed_origins: Origins of pages that may use the API from a browser.
        insecure: Whether a `listen` beyond loopback needs no keys.
        drain_timeout: The longest that requests in flight delay an eviction.
        shutdown_timeout: The longest that requests in flight delay the orchestrator's shutdown.
        stop_grace: Seconds from SIGTERM to SIGKILL.
        queue_limit: The most requests in the queue.
        buffer_limit: The most bytes of all buffered request bodies.
        min_loaded_time: Time after a model became ready during which it is not evicted while it has requests.
        prioritize_after: Waiting time of a request after which its model takes precedence.
        loading_messages: What streaming clients get while they wait for a model: comments, reasoning or off.
        gpu_stats: The GPUs that it measures: index or UUID by name. Empty for none.
        capture: The requests and answers that it keeps in memory.
        base_image: The base of its image.
        socket_proxy_image: Image of the socket proxy.
        security: The rights of its container.
        limits: The resource limits of its container.
        memory: The most bytes of the host's memory that its container may use.
        socket_proxy_memory: The same, of the socket proxy's container.
        socket_proxy_security: The rights of the socket proxy's container.
        relabelled: Whether mounts are relabelled for SELinux, so that their container can read them.
        additions: The user's own keys, as in `Service`.
    """

    enabled: bool
    listen: Address
    socket: str
    keys_file: str | None
    network_aliases: tuple[str, ...]
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
    loading_messages: str
    gpu_stats: Mapping[str, str]
    capture: int
    base_image: str
    socket_proxy_image: str
    security: Security
    limits: tuple[Limit, ...]
    memory: int
    socket_proxy_memory: int
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
