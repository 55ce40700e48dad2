"""Read shell scripts and systemd units: each command is a service, a `docker run` with what its options say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.foreign.services import Foreign, Service, Unread, Variable
from modelgen.foreign.shell.docker_run import is_docker_run, read_docker_run
from modelgen.foreign.shell.words import assignments, commands
from modelgen.foreign.values import Value
from modelgen.foreign.yaml_nodes import MOST_SERVICES
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXEC = re.compile(r"^ExecStart=[-@:+!]*(?P<line>.*)$", re.MULTILINE)
_ENVIRONMENT = re.compile(r"^Environment=(?P<line>.*)$", re.MULTILINE)
_KEY = re.compile(r"^(?P<key>[A-Z]\w+)=(?P<value>.*)$", re.MULTILINE | re.ASCII)
_READ = ("ExecStart", "Environment")
_UNIT = re.compile(r"^\[(?:Unit|Service)\]\s*$", re.MULTILINE)


class Text:
    """A text as it is, the origin of values."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` to `end` are written; of several lines, the first one."""
        line, column = self._source.place(start)
        line_end = self._source.text.find("\n", start, end)
        return Span(self._source.path, line, column, line, column + max(1, (end if line_end < 0 else line_end) - start))


def is_unit(text: str) -> bool:
    """Return whether a text is a systemd unit."""
    return _UNIT.search(text) is not None and _EXEC.search(text) is not None


def read_shell(source: Source) -> Foreign:
    """Read a script or a unit. Commands are services, named by their lines."""
    script = Value(source.text, Text(source))
    services: dict[str, Service] = {}
    unread: tuple[Unread, ...] = ()
    keys = _unit_keys(source.text) if is_unit(source.text) else {}
    for words, own in _commands(script):
        if len(services) >= MOST_SERVICES:
            unread = (Unread(words[0].span, f"only the first {MOST_SERVICES:,} commands are checked"),)
            break
        name = f"line {words[0].span.line}"
        place = Value(name, Fixed(words[0].span))
        if name in services:
            name = f"{name}, column {words[0].span.column}"
        service = read_command(place._replace(text=name), words, own)
        if keys:
            has_all = service.has_all_variables and "EnvironmentFile" not in keys
            service = replace(service, keys=frozenset(keys), written=keys.get, has_all_variables=has_all)
        services[name] = service
    if not services:
        reason = Unread(source.start, "it has no command", is_error=True)
        return Foreign("shell", (source,), unread=(reason,))
    return Foreign("shell", (source,), services, unread)


class Fixed:
    """The place of a value that is not written as it is."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def span(self, start: int, end: int) -> Span:  # noqa: ARG002 - of an Origin
        """Return the place, whatever the part."""
        return self._span


def read_command(name: Value, words: tuple[Value, ...], variables: Mapping[str, Value]) -> Service:
    """Return the service that a command starts: in a container for `docker run`, else on the host."""
    if is_docker_run(words):
        return read_docker_run(name, words)
    environment = {key: Variable(Value(key, value.origin, value.start), value) for key, value in variables.items()}
    return Service(name=name, command=words, variables=environment, on_host=True)


def _commands(script: Value) -> Iterator[tuple[tuple[Value, ...], dict[str, Value]]]:
    if not is_unit(script.text):
        for command in commands(script, {}):
            yield command.words, dict(command.variables)
        return
    environment: dict[str, Value] = {}
    for line in _lines(script, _ENVIRONMENT):
        environment |= assignments(line)
    for line in _lines(script, _EXEC):
        known = {name: value.text for name, value in environment.items()}
        for command in commands(line, known):
            yield command.words, environment


def _unit_keys(text: str) -> dict[str, str]:
    """Return the keys of a unit beside its commands and variables."""
    return {found["key"]: found["value"] for found in _KEY.finditer(text) if found["key"] not in _READ}


def _lines(script: Value, pattern: re.Pattern[str]) -> Iterator[Value]:
    """Yield what stands behind a key of a unit, with the lines that continue it."""
    for found in pattern.finditer(script.text):
        start, end = found.span("line")
        while end < len(script.text) and script.text[max(start, end - 2) : end].rstrip("\r").endswith("\\"):
            following = script.text.find("\n", end + 1)
            end = len(script.text) if following < 0 else following
        yield script.part(start, end)
