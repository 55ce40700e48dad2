"""Lift the servers of a foreign file into a Document, so that the rules about models.toml read them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from modelgen.engines.images.properties import is_fork
from modelgen.lift.arguments import CommandLine, read_words
from modelgen.lift.tables import Table
from modelgen.load.document import Document
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.config import Config, Model
    from modelgen.foreign.services import Foreign
    from modelgen.foreign.values import Value
    from modelgen.lift.machine import Machine
    from modelgen.lift.recognition import Server
    from modelgen.load.locator import Path
    from modelgen.source import Span

_OF_MACHINE = ("host", "gpus")


class Lifted(NamedTuple):
    """A server with its command line.

    Args:
        server: The server.
        line: Its command line.
        model: The word that names its model; None where there is none, or where it is not known.
        is_positional: Whether the model is an argument without a flag.
    """

    server: Server
    line: CommandLine
    model: Value | None
    is_positional: bool

    @property
    def name(self) -> str:
        """The name of the service."""
        return self.server.service.name.text


class Places:
    """The places of the values that a Document has from a foreign file, and from the file that describes its host."""

    def __init__(self, start: Span, machine: Document | None) -> None:
        self._start = start
        self._machine = machine
        self._keys: dict[Path, Value] = {}
        self._values: dict[Path, Value] = {}

    def put(self, path: Path, key: Value, value: Value) -> None:
        """Record where a key and its value are written."""
        self._keys[path] = key
        self._values[path] = value

    def key(self, path: Path) -> Span:
        """Return where the key itself is written."""
        if self._machine is not None and path[0] in _OF_MACHINE:
            return self._machine.at_key(*path)
        found = self._keys.get(path)
        return found.span if found else self.header(path)

    def value(self, path: Path) -> Span:
        """Return where the value is written."""
        if self._machine is not None and path[0] in _OF_MACHINE:
            return self._machine.at_value(*path)
        found = self._values.get(path)
        return found.span if found else self.header(path)

    def header(self, path: Path) -> Span:
        """Return the place of what is written at the nearest path around."""
        if self._machine is not None and path[0] in _OF_MACHINE:
            return self._machine.at_header(*path)
        for length in range(len(path) - 1, 0, -1):
            if found := self._keys.get(path[:length]):
                return found.span
        return self._start


def lift_lines(servers: Iterable[Server]) -> list[Lifted]:
    """Read the command lines of servers."""
    return [_lifted(server) for server in servers]


def lift_document(foreign: Foreign, lifted: Iterable[Lifted], machine: Machine | None) -> Document:
    """Return the servers as a Document: engine, image, flags, variables, and what is known of the host.

    Args:
        foreign: The file.
        lifted: Its servers.
        machine: The host; None if it is not known.
    """
    described = machine.document if machine else None
    places = Places(foreign.sources[0].start, described)
    models = {one.name: _model(one, places, machine) for one in lifted}
    tables: dict[str, Any] = {"models": models}
    if machine is not None:
        tables |= {"gpus": machine.gpus} | ({"host": described.config.host} if described else {})
    return Document(foreign.sources[0], cast("Config", Table(**tables)), places=places)


def _lifted(server: Server) -> Lifted:
    line = read_words(server.engine, server.version, server.words)
    names = server.engine.line.model if server.engine.line else ()
    entry = next((line.entries[name] for name in names if name in line.entries), None)
    reads_positional = server.program is None or server.program.reads_positional is not False
    first = server.words[0] if server.words and server.words[0] in line.positionals else None
    if first is not None and (entry is None or (server.program is not None and server.program.reads_positional)):
        is_model = reads_positional and server.engine.line is not None
        return Lifted(server, line, first if is_model and first.is_known else None, is_positional=True)
    return Lifted(server, line, entry.at_value if entry and entry.text is not None else None, is_positional=False)


def _model(lifted: Lifted, places: Places, machine: Machine | None) -> Model:
    server, service = lifted.server, lifted.server.service
    path: Path = ("models", lifted.name)
    places.put(path, service.name, service.name)
    keys: dict[str, Any] = {"engine": server.engine.name}
    if service.image is not None and server.image is not None:
        keys["image"] = service.image.text.strip() if service.image.is_known else server.image.name
        places.put((*path, "image"), service.image, service.image)
    if server.version is not None:
        keys["version"] = server.version.text
    keys["fork"] = not server.is_release or (server.image is not None and is_fork(server.image))
    if lifted.model is not None and is_repo_id(lifted.model.text):
        keys["repo"] = lifted.model.text
        places.put((*path, "repo"), lifted.model, lifted.model)
    args = {}
    for entry in lifted.line.entries.values():
        if entry.value is not None:
            args[entry.key] = entry.value
            places.put((*path, "args", entry.key), entry.at_key, entry.at_value)
    env = {}
    # A script may read any variable, and so may the entry point of another image.
    for name, variable in service.variables.items() if server.is_release and server.is_direct else ():
        if variable.value is not None and variable.value.is_known:
            env[name] = variable.value.text
            places.put((*path, "env", name), variable.name, variable.value)
    keys |= {"args": args, "env": env}
    if machine is not None and (gpus := machine.used_by(service)):
        keys["gpus"] = gpus
        places.put((*path, "gpus"), service.name, service.name)
    return cast("Model", Table(**keys))
