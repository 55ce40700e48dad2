"""Find services that are no known engine, but serve one model over the OpenAI API: models of engine `command`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.config.familiar_names import PROGRAM_ENGINE
from modelgen.engines import ENGINES
from modelgen.engines.images.versions import parse_image
from modelgen.importing.secrets import HIDDEN, is_secret
from modelgen.lift.arguments import read_words
from modelgen.lift.document import Lifted
from modelgen.lift.recognition import Server
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.foreign import Service
    from modelgen.importing.tables import Table
    from modelgen.lift.arguments import CommandLine

_PORTS = ("port", "server-port", "http-port")
_NAMES = ("served-model-name", "model-name", "alias")
_MODELS = ("model", "model-id", "model-path", "model-dir")
_NAME_VARIABLES = ("SERVED_MODEL_NAME", "MODEL_NAME")
_MODEL_VARIABLES = ("MODEL", "MODEL_ID", "MODEL_PATH")
_OPENAI = re.compile(r"(?:^|[._])openai[._]|(?:^|[._])api[_-]server$|^--served-model-name")
_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9_.-]+|\[::1\])(?::(?P<port>\d{1,5}))?(?P<path>/[^\s\"'?,)]*)?")
_ITSELF = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")  # noqa: S104 - in a health check
_OFFLINE = ("1", "true", "yes", "on")


class Call(NamedTuple):
    """A URL by which one service calls another, with that service's name."""

    caller: str
    service: str
    url: str
    port: str
    path: str


class Program(NamedTuple):
    """A program as a model of engine `command`.

    Args:
        lifted: The service, with its command read as flags.
        port: The port in the container.
        health: The path of its health check; empty if the file names none.
        name: The name of its model; empty if clients use the model's id.
    """

    lifted: Lifted
    port: int
    health: str
    name: str


def calls(services: Mapping[str, Service]) -> list[Call]:
    """Return the URLs by which services of a file call each other."""
    names = {str(one.written("container_name") or name): name for name, one in services.items()}
    names |= {name: name for name in services}
    return [
        Call(name, names[found["host"]], found[0], found["port"] or "80", found["path"] or "")
        for name, service in services.items()
        for text in _texts(service)
        for found in _URL.finditer(text)
        if names.get(found["host"], name) != name
    ]


def find_program(name: str, service: Service, called: list[Call], kind: str) -> Program | str | None:
    """Return the model that a service serves; a reason if the file does not say enough of it; None if it serves none.

    Args:
        name: Its name in the file.
        service: A service that is no known engine.
        called: The calls from and to it.
        kind: The kind of file: all models of llama-swap serve the OpenAI API.
    """
    own = [found for text in _health_texts(service) for found in _URL.finditer(text) if found["host"] in _ITSELF]
    theirs = [call for call in called if call.caller != name]
    line = read_words(ENGINES[PROGRAM_ENGINE], None, (*(service.entrypoint or ()), *(service.command or ())))
    is_swapped = kind == "llama-swap"
    paths = [*(found["path"] or "" for found in own), *(call.path for call in theirs)]
    speaks = any(path.startswith("/v1") for path in paths) or any(map(_OPENAI.search, _words(service)))
    if not (is_swapped or speaks) or len(theirs) < len(called):
        return None  # what calls other services is a proxy in front of them
    model, title = _model(service, line)
    ports = [line.text(*_PORTS), service.variable("PORT"), *(found["port"] for found in own)]
    texts = [port if isinstance(port, str) or port is None else port.text for port in ports]
    targets = [port.target.text for port in service.ports if port.target is not None]
    texts += [*(targets if len(targets) == 1 else ()), *(call.port for call in theirs)]
    port = next((int(text) for text in texts if text and text.isdecimal() and 0 < int(text) < 1 << 16), None)
    missing = "image" if service.image is None or not service.image.is_known else "" if port else "port"
    missing = missing or ("" if model or is_swapped else "model") or ("" if line.is_whole else "whole command")
    if missing or port is None or service.image is None:
        return f"the file does not tell its {missing}"
    settings = service.settings
    endpoint, used = str(settings.get("checkEndpoint") or ""), settings.get("useModelName")
    health = next((path for path in (*(found["path"] for found in own), endpoint) if path and path[0] == "/"), "")
    title = (str(used) if used else "") if is_swapped else title
    server = Server(
        service=service,
        engine=ENGINES[PROGRAM_ENGINE],
        image=parse_image(service.image.text.strip()),
        version=None,
        is_release=False,
        program=None,
        words=service.command or (),
        is_direct=True,
    )
    return Program(Lifted(server, line, None, is_positional=False), port, health, title)


def set_program(table: Table, program: Program) -> None:
    """Set the keys of a model of engine `command`."""
    service = program.lifted.server.service
    table.put("engine", PROGRAM_ENGINE)
    if service.entrypoint:
        table.put("entrypoint", _kept(table, [word.text for word in service.entrypoint]))
    elif service.entrypoint is None and service.command:
        table.put("entrypoint", [], "the image's own")
    if service.command:
        table.put("command", _kept(table, [word.text for word in service.command]))
    table.put("port", program.port)
    if program.health:
        table.put("health", program.health)
    if program.name and program.name != table.id:
        table.put("upstream_name", program.name)
    if not is_offline(service):
        table.put("offline", value=False, comment="it may download, as in the file")


def is_offline(service: Service) -> bool:
    """Return whether a service says that it downloads nothing."""
    written = service.variable("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return written is not None and written.text.lower() in _OFFLINE


def _kept(table: Table, words: list[str]) -> list[str]:
    """Return the words without secrets and the flags that have them as values."""
    kept: list[str] = []
    flag = ""  # the secret whose values follow
    for word, following in zip(words, [*words[1:], "-"], strict=True):
        key, sign, _ = word.partition("=")
        is_flag, has_value = word.startswith("-"), not sign and not following.startswith("-")
        flag = flag if flag and not is_flag else ""
        if is_flag and (is_secret(key, word) or (has_value and is_secret("", following))):
            table.left_out[key] = HIDDEN
            flag = key if has_value else ""
        elif not is_flag and is_secret("", word):
            table.left_out["a word of its command"] = HIDDEN
        elif not flag:
            kept.append(word)
    return kept


def _model(service: Service, line: CommandLine) -> tuple[str, str]:
    """Return the model of a service, and the name that its clients use; empty where they are not written."""
    written = line.text(*_NAMES), *(one.text for name in _NAME_VARIABLES if (one := service.variable(name)))
    name = next(filter(None, written), "")
    model = line.text(*_MODELS) or next((one.text for n in _MODEL_VARIABLES if (one := service.variable(n))), "")
    repos = [word.text for word in line.positionals if "/" in word.text and is_repo_id(word.text)]
    model = model or next(iter(repos), "")
    return model or name, name or model


def _words(service: Service) -> list[str]:
    return [word.text for word in (*(service.entrypoint or ()), *(service.command or ()))]


def _health_texts(service: Service) -> list[str]:
    return [word.text for word in service.health.test] if service.health is not None else []


def _texts(service: Service) -> Iterator[str]:
    """Yield where a service can write the URL of another."""
    yield from _words(service)
    for variable in service.variables.values():
        if variable.value is not None and variable.value.is_known:
            yield variable.value.text
