"""Define what a foreign file says: services as written, each value with its place, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.foreign.values import Value
    from modelgen.source import Source, Span


def nothing(_key: str) -> Any:  # noqa: ANN401 - the default of `written`
    """Return the value of a key that is not kept."""
    return None


class Variable(NamedTuple):
    """An environment variable; its value is None where it is the caller's, or is not known."""

    name: Value
    value: Value | None


class Mount(NamedTuple):
    """A mount of a service.

    Args:
        kind: `bind`, `volume`, `tmpfs`, or another of Compose's types.
        source: The path of the host, or the name of a volume; None without one.
        target: The path in the container.
        place: Where the mount is written.
    """

    kind: str
    source: Value | None
    target: Value
    place: Span


class GpuRequest(NamedTuple):
    """GPUs that a service reserves.

    Args:
        number: How many; None without a number, and for all.
        is_all: Whether it asks for all GPUs.
        count_at: Where the number or `all` is written; None where it is not.
        ids: The GPUs by index or UUID.
        ids_at: Where they are written.
        place: Where the request is written.
        fault: Why Compose refuses it; empty if it does not.
    """

    number: int | None
    is_all: bool
    count_at: Span | None
    ids: tuple[Value, ...]
    ids_at: Span | None
    place: Span
    fault: str = ""


class Port(NamedTuple):
    """A published port: address and port of the host, and the port in the container; None where it is not written."""

    address: Value | None
    published: Value | None
    target: Value | None
    place: Span


class HealthCheck(NamedTuple):
    """A health check.

    Args:
        test: Its words: those after `CMD`, or the one string of `CMD-SHELL`.
        is_shell: Whether a shell runs it.
        is_disabled: Whether it is switched off.
        times: `interval`, `timeout`, `retries`, `start_period` and `start_interval`, as far as they are written.
        place: Where it is written.
    """

    test: tuple[Value, ...]
    is_shell: bool
    is_disabled: bool
    times: Mapping[str, Value]
    place: Span


class Dependency(NamedTuple):
    """A service that another one waits for: its name, the condition, and where both are written."""

    name: Value
    condition: Value | None

    @property
    def place(self) -> Span:
        """Where the condition is written, or the name."""
        return (self.condition or self.name).span


@dataclass(frozen=True)
class Service:
    """One service as written.

    Args:
        name: Its name.
        image: Its image; None without one.
        is_built: Whether Compose builds its image.
        entrypoint: The words that replace the image's entry point; None where it is the image's own.
        command: The words of its command; None where it is the image's own.
        variables: Its environment variables by name.
        has_all_variables: Whether no file with further variables was left out.
        mounts: Its mounts.
        gpus: The GPUs that it reserves.
        devices: The devices of the host that it gets.
        runtime: Its container runtime.
        network_mode: Its network mode.
        networks: The names of its networks.
        ports: Its published ports.
        health: Its health check; None where it is the image's own.
        restart: Its restart policy.
        shm_size: The size of its shared memory.
        ipc: Its IPC namespace.
        depends_on: The services that it waits for.
        replicas: How many containers it has, if that is written.
        is_privileged: Whether it gets every device of the host.
        user: The account that it runs as.
        profiles: Its profiles; a service without one always starts.
        labels: Its labels.
        on_host: Whether it runs on the host, without a container.
        engine: The name of its engine, if the kind of file names it; the command is then what follows the program.
        keys: All keys that are written, as Compose names them.
        written: A key → its value as plain data, read when it is asked for; None where it is null or not known.
        settings: What a tool says beside the command: the keys of a model of llama-swap.
        dropped: Where the text begins that Compose drops from a command that is one string.
        unread: What of it could not be read, each with its place and the reason.
    """

    name: Value
    image: Value | None = None
    is_built: bool = False
    entrypoint: tuple[Value, ...] | None = None
    command: tuple[Value, ...] | None = None
    variables: Mapping[str, Variable] = field(default_factory=lambda: MappingProxyType({}))
    has_all_variables: bool = True
    mounts: tuple[Mount, ...] = ()
    gpus: tuple[GpuRequest, ...] = ()
    devices: tuple[Value, ...] = ()
    runtime: Value | None = None
    network_mode: Value | None = None
    networks: tuple[Value, ...] = ()
    ports: tuple[Port, ...] = ()
    health: HealthCheck | None = None
    restart: Value | None = None
    shm_size: Value | None = None
    ipc: Value | None = None
    depends_on: tuple[Dependency, ...] = ()
    replicas: Value | None = None
    is_privileged: bool = False
    user: Value | None = None
    profiles: tuple[Value, ...] = ()
    labels: Mapping[str, Variable] = field(default_factory=lambda: MappingProxyType({}))
    on_host: bool = False
    engine: str = ""
    keys: frozenset[str] = frozenset()
    written: Callable[[str], Any] = nothing
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    dropped: tuple[Span, ...] = ()
    unread: tuple[Unread, ...] = ()

    def variable(self, *names: str) -> Value | None:
        """Return the value of the first of these variables that is set and known."""
        for name in names:
            found = self.variables.get(name)
            if found is not None and found.value is not None and found.value.is_known:
                return found.value
        return None


class Unread(NamedTuple):
    """Something that could not be read, or that Compose refuses or drops."""

    place: Span
    reason: str
    is_error: bool = False


@dataclass(frozen=True)
class Foreign:
    """A foreign file.

    Args:
        kind: The kind of file, such as `compose`.
        sources: The texts that it was read from.
        services: Its services by name.
        unread: What could not be read; one with `is_error` is why there are no services.
        missing: Variables without a value, each with a place where it is used.
        wanted: Files beside it that belong to it, as written, and that were not handed in.
        keys: The keys of the file itself.
        written: A key of the file → its value as plain data, as in a service.
    """

    kind: str
    sources: tuple[Source, ...]
    services: Mapping[str, Service] = field(default_factory=lambda: MappingProxyType({}))
    unread: tuple[Unread, ...] = ()
    missing: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    wanted: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    written: Callable[[str], Any] = nothing
