"""Follow a command that starts a script, or a service of a Compose file, into that file."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.foreign.compose.files import beside_name
from modelgen.foreign.compose.project import read_project
from modelgen.foreign.services import Unread
from modelgen.foreign.shell.script import Text, read_command
from modelgen.foreign.shell.words import ALL_ARGUMENTS, commands
from modelgen.foreign.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelgen.foreign.compose.files import Files
    from modelgen.foreign.services import Service
    from modelgen.foreign.shell.words import Command
    from modelgen.source import Source

_COMPOSE = (("docker", "compose"), ("podman", "compose"), ("docker-compose",), ("podman-compose",))
_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_VALUED = ("--project-name", "-p", "--project-directory", "--env-file", "--profile", "--ansi", "--progress")
_STARTS = ("up", "run", "start")
_SHELLS = ("sh", "bash", "dash", "zsh")
_SCRIPTS = (".sh", ".bash")
# What a script runs around its server.
_AROUND = frozenset({"cd", "wait", "trap", "echo", "sleep", "exit", "kill", "set", "fi", "done", "esac", "}", "source"})
_DEEPEST = 5


class Follower:
    """Follows commands into the files that lie beside.

    Args:
        name: The name that a service gets.
        variables: The variables that are set for its command.
        files: The files; gets what could not be read.
    """

    def __init__(self, name: Value, variables: Mapping[str, Value], files: Files) -> None:
        self._name = name
        self._variables = {key: value.text for key, value in variables.items() if value.is_known}
        self._all = variables
        self._files = files

    def follow(self, words: Sequence[Value], folder: str = "", depth: int = 0) -> Service | None:
        """Return the service that a command starts by another file; None for a command that is all there is.

        Args:
            words: The command.
            folder: The working directory, relative to the folder of the first file.
            depth: How many scripts lead here.
        """
        if depth > _DEEPEST or not words:
            return None
        names = [word.text for word in words]
        first = names[0].rpartition("/")[2]
        for program in _COMPOSE:
            if (first, *names[1:2])[: len(program)] == program:
                return self._of_compose(words[len(program) :], folder)
        if first in _SHELLS and names[1:2] in (["-c"], ["-lc"]) and names[2:]:
            return self._last(commands(words[2], self._variables), folder, depth)
        is_argument = first in _SHELLS and len(words) > 1
        script, rest = (words[1], words[2:]) if is_argument else (words[0], words[1:])
        source = self._source(script, folder) if script.text.endswith(_SCRIPTS) else None
        if source is None:
            return None
        found = commands(Value(source.text, Text(source)), self._variables)
        filled = [command._replace(words=_filled(command.words, rest)) for command in found]
        return self._last(filled, folder, depth) or self._own(filled)

    def _last(self, found: Sequence[Command], folder: str, depth: int) -> Service | None:
        """Follow the last command of a script."""
        for command in found:
            program, *rest = command.words or (None,)
            if program is not None and program.text == "cd" and rest and rest[0].is_known:
                folder = beside_name(folder, rest[0].text)
        last = _server(found)
        return self.follow(last.words, folder, depth + 1) if last else None

    def _own(self, found: Sequence[Command]) -> Service | None:
        last = _server(found)
        return read_command(self._name, last.words, {**self._all, **last.variables}) if last else None

    def _source(self, script: Value, folder: str) -> Source | None:
        """Return the text of a script; report one that is not there."""
        key = beside_name(folder, script.text)
        data = self._files.data(key) if script.is_known else None
        if data is not None:
            try:
                return self._files.source(key, data)
            except UnicodeDecodeError:
                pass
        self._unread(script, f"the script `{posixpath.basename(script.text)}` is not read: it is not there")
        return None

    def _unread(self, at: Value, reason: str) -> None:
        self._files.unread.append(Unread(at.span, reason))

    def _of_compose(self, words: Sequence[Value], folder: str) -> Service | None:
        """Return the service that `docker compose … up SERVICE` starts."""
        options, rest = _options(words)
        if not rest or rest[0].text not in _STARTS:
            return None
        files = self._files
        for directory in options.get("--project-directory", ())[-1:]:
            folder = beside_name(folder, directory.text)
        keys = [beside_name(folder, one.text) for one in options.get("--file", ())] or self._default(folder)
        texts = [(files.path(key), data) for key in keys if (data := files.data(key)) is not None]
        if not texts or len(texts) < len(keys):
            self._unread(words[0], "the Compose file that it starts is not read: it is not there")
            return None
        project = posixpath.dirname(keys[0])
        found = read_project(texts, {**files.dotenv(project), **self._variables}, files, project).services
        named = [word.text for word in rest[1:] if word.text in found] or ([*found] if len(found) == 1 else [])
        if named:
            return replace(found[named[0]], name=self._name)
        self._unread(rest[0], "the service that it starts is not in that Compose file")
        return None

    def _default(self, folder: str) -> list[str]:
        """Return the name of the Compose file that a folder has."""
        names = [beside_name(folder, name) for name in _COMPOSE_FILES]
        return [name for name in names if self._files.data(name) is not None][:1]


def _filled(words: Iterable[Value], rest: Sequence[Value]) -> tuple[Value, ...]:
    """Return words with `"$@"` replaced."""
    return tuple(item for word in words for item in (rest if word.text == ALL_ARGUMENTS else (word,)))


def _server(found: Sequence[Command]) -> Command | None:
    """Return the last command of a script that can be a server."""
    return next((one for one in reversed(found) if one.words and one.words[0].text not in _AROUND), None)


def _options(words: Sequence[Value]) -> tuple[dict[str, list[Value]], list[Value]]:
    """Return the values of the options that stand before the verb, and the rest."""
    found: dict[str, list[Value]] = {}
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        key, sign, _ = words[at].text.partition("=")
        name = {"-f": "--file"}.get(key, key)
        if sign:
            found.setdefault(name, []).append(words[at].part(len(key) + 1))
        elif (name == "--file" or name in _VALUED) and at + 1 < len(words):
            at += 1
            found.setdefault(name, []).append(words[at])
        at += 1
    return found, list(words[at:])
