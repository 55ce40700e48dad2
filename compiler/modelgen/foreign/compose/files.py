"""Find the files that belong to a Compose file: those that it includes, and those whose services it extends."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.files import MAX_SOURCE_BYTES
from modelgen.foreign.compose.env_file import variables_of
from modelgen.foreign.services import Unread
from modelgen.foreign.yaml_nodes import BadYamlError, Reader, TooLargeError, compose_nodes
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yaml import Node

    from modelgen.foreign.values import Value

_REMOTE = re.compile(r"[a-z0-9+.-]+://|git@|oci:|.*\.git(?:#|$)")
_MOST_FILES = 100


class Opened(NamedTuple):
    """A file that is read: its reader, and its root node."""

    reader: Reader
    root: Node | None

    def services(self) -> Iterator[tuple[Value, Node]]:
        """Yield the name of each service and its node."""
        top = self.reader.entries(self.root)
        for entry in self.reader.entries(top["services"].value if "services" in top else None).values():
            yield self.reader.key(entry.key), entry.value


class Files:
    """The files of a project, each read once.

    Args:
        first: The path of the first file in messages; names are relative to its folder.
        beside: What lies there, by name: each name is one that `wanted` had.
    """

    def __init__(self, first: str, beside: Mapping[str, bytes]) -> None:
        self.sources: dict[str, Source] = {}
        self.unread: list[Unread] = []
        self.wanted: dict[str, None] = {}
        self._folder = posixpath.dirname(first)
        self._beside = beside
        self._opened: dict[str, Opened | None] = {}

    @property
    def readers(self) -> list[Reader]:
        """The readers of the files that were found."""
        return [opened.reader for opened in self._opened.values() if opened is not None]

    def data(self, name: str) -> bytes | None:
        """Return the contents of a file; of one that was not handed in, None, and it is wanted."""
        if name not in self._beside:
            self.wanted[name] = None
        return self._beside.get(name)

    def source(self, name: str, data: bytes) -> Source:
        """Return the text of a file, and keep it for the excerpts in messages.

        Raises:
            UnicodeDecodeError: It is no text.
        """
        return self.sources.setdefault(name, Source(self.path(name), decode(data)))

    def dotenv(self, folder: str) -> Mapping[str, str]:
        """Return the variables of the `.env` in a folder."""
        name = beside_name(folder, ".env")
        data = self.data(name)
        return {} if data is None else variables_of(self.path(name), data)

    def put(self, opened: Opened) -> Opened:
        """Keep a file of the project itself, which others may name."""
        source = opened.reader.source
        name = source.path.removeprefix(f"{self._folder}/" if self._folder else "")
        self.sources.setdefault(name, source)
        self._opened[name] = opened
        return opened

    def path(self, name: str) -> str:
        """Return the path of a file in messages."""
        return posixpath.join(self._folder, name)

    def find(self, reader: Reader, name: Value, variables: Mapping[str, str]) -> Opened | None:
        """Return another file that a file names, and report one that is not there or not YAML.

        Args:
            reader: The file that names it.
            name: Its name as written, relative to the folder of that file.
            variables: The values of variables in it.
        """
        key = beside_name(reader.folder, name.text)
        if not name.is_known or _REMOTE.match(name.text) or len(self._opened) > _MOST_FILES:
            self.unread.append(Unread(name.span, f"`{name.text}` is not read" if name.is_known else _UNKNOWN))
            return None
        if key not in self._opened:
            self._opened[key] = self._open(key, name, variables)
        return self._opened[key]

    def _open(self, key: str, name: Value, variables: Mapping[str, str]) -> Opened | None:
        data = self.data(key)
        if data is None:
            self.unread.append(Unread(name.span, f"`{name.text}` is not read: it is not there"))
            return None
        path = self.path(key)
        try:
            source = self.source(key, data)
            return Opened(Reader(source, variables, posixpath.dirname(key)), compose_nodes(source.text))
        except UnicodeDecodeError:
            self.unread.append(Unread(name.span, f"`{name.text}` is not text in UTF-8"))
        except TooLargeError:
            self.unread.append(Unread(name.span, f"`{name.text}` has far more values than a file of services"))
        except BadYamlError as error:
            place = Span(path, error.line, error.column, error.line, error.column + 1)
            self.unread.append(Unread(place, f"it is not YAML: {error}", is_error=True))
        return None

    def included(self, files: Iterable[Opened], variables: Mapping[str, str]) -> list[Opened]:
        """Return the files that files include, and those that these include."""
        found: list[Opened] = []
        pending = [*files]
        seen = {id(file.reader) for file in pending}
        while pending:
            including = pending.pop(0)
            for opened in self._includes(including, variables):
                if id(opened.reader) not in seen:
                    seen.add(id(opened.reader))
                    found.append(opened)
                    pending.append(opened)
        return found

    def _includes(self, including: Opened, variables: Mapping[str, str]) -> Iterator[Opened]:
        reader = including.reader
        top = reader.entries(including.root)
        for item in reader.items(top["include"].value if "include" in top else None):
            written = reader.entries(item)
            paths = written["path"].value if "path" in written else item
            names = [name for node in (paths, *reader.items(paths)) if (name := reader.value(node)) is not None]
            # Compose reads the `.env` of the included project, under what is set for the including one.
            folder = posixpath.dirname(beside_name(reader.folder, names[0].text)) if names else ""
            own = self.dotenv(folder) if folder and names[0].is_known else {}
            for name in names:
                if opened := self.find(reader, name, {**own, **variables}):
                    yield opened


_UNKNOWN = "a file whose name is not known is not read"


def beside_name(folder: str, written: str) -> str:
    """Return the name of a file relative to the folder of the first file.

    Args:
        folder: The folder of the file that names it, relative to the same.
        written: The name as written.
    """
    return posixpath.normpath(posixpath.join(folder, written.replace("\0", "")))


def decode(data: bytes) -> str:
    """Return the text of a file, with the lines that editors show."""
    if len(data) > MAX_SOURCE_BYTES:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "too large")
    # YAML ends lines at these, editors do not: with spaces instead, the lines are those that the user sees.
    text = re.sub("[\x85\u2028\u2029]", " ", data.decode("utf-8-sig"))
    return re.sub("\r(?!\n)", "\n", text)
