"""Lift the servers of a foreign file into a Document, so that the rules about models.toml read them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.config import Config, Gpu, Model
from modelgen.engines.images.properties import is_fork
from modelgen.lift.arguments import CommandLine, read_words
from modelgen.load.document import Document
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.foreign.services import Foreign
    from modelgen.foreign.values import Value
    from modelgen.lift.recognition import Server
    from modelgen.load.locator import Path
    from modelgen.source import Span


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
    """The places of the values that a Document has from a foreign file."""

    def __init__(self, start: Span) -> None:
        self._start = start
        self._keys: dict[Path, Value] = {}
        self._values: dict[Path, Value] = {}

    def put(self, path: Path, key: Value, value: Value) -> None:
        """Record where a key and its value are written."""
        self._keys[path] = key
        self._values[path] = value

    def key(self, path: Path) -> Span:
        """Return where the key itself is written."""
        found = self._keys.get(path)
        return found.span if found else self.header(path)

    def value(self, path: Path) -> Span:
        """Return where the value is written."""
        found = self._values.get(path)
        return found.span if found else self.header(path)

    def header(self, path: Path) -> Span:
        """Return the place of what is written at the nearest path around."""
        for length in range(len(path) - 1, 0, -1):
            if found := self._keys.get(path[:length]):
                return found.span
        return self._start


def lift_lines(servers: Iterable[Server]) -> list[Lifted]:
    """Read the command lines of servers."""
    return [_lifted(server) for server in servers]


def lift_document(foreign: Foreign, lifted: Iterable[Lifted], card: str | None) -> Document:
    """Return the servers as a Document: engine, image, flags, variables, and GPUs if their product is known.

    Args:
        foreign: The file.
        lifted: Its servers.
        card: The product name of the GPUs; None if it is not known.
    """
    places = Places(foreign.sources[0].start)
    models = {one.name: _model(one, places, card) for one in lifted}
    names = [name for model in models.values() for name in model.gpus or ()]
    gpus = {name: Gpu(card=card, device="0") for name in names}
    tables: dict[str, Any] = {"models": models} | ({"gpus": gpus} if gpus else {})
    return Document(foreign.sources[0], Config.model_construct({*tables}, **tables), places=places)


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


def _model(lifted: Lifted, places: Places, card: str | None) -> Model:
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
    if card is not None and service.gpus:
        keys["gpus"] = ["gpu0"]
        places.put((*path, "gpus"), service.name, service.name)
    return Model.model_construct({*keys}, **keys)
