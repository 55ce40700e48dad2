"""Fill in `[host]` of a models.toml and leave the rest as it is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Comment, InlineTable, Null, Table, Whitespace

from modelgen.config.units import parse_size
from modelgen.diagnostics import Severity
from modelgen.load import load
from modelgen.lower import DEFAULT_SOCKET
from modelgen.operate.doctor.daemon import compare

if TYPE_CHECKING:
    from modelgen.operate.doctor.description import Description, Value

_BOM = "\ufeff"
_TOLERANCE = 0.03
_BY_HAND = "fill in `[host]` by hand"


@dataclass(frozen=True)
class Filled:
    """A models.toml with the facts of a host in `[host]`.

    Args:
        data: The new bytes, or None if nothing has to be written.
        changes: The changed lines.
        problem: Why nothing can be written, if something should be.
    """

    data: bytes | None
    changes: tuple[str, ...] = ()
    problem: str = ""


def fill_host(data: bytes, found: Description, path: str) -> Filled:
    """Return the file with `[host]` filled; unknown facts stay as written.

    Args:
        data: The file.
        found: The facts of the host.
        path: The file's name, for findings.
    """
    document, source, before = load(data, path)
    if document is None:
        return Filled(None, problem=f"{path} cannot be read; run `modelgen validate`")
    is_marked = data.decode("utf-8").startswith(_BOM)
    written = tomllib.loads(source.text).get("host", {})
    news = _news(written if isinstance(written, dict) else {}, found)
    if not news:
        return Filled(None)
    try:
        text = _with_host(source.text, news)
        is_right = tomllib.loads(text) == _expected(source.text, news)
    except (TOMLKitError, tomllib.TOMLDecodeError, RecursionError, ValueError, TypeError, AttributeError) as error:
        return Filled(None, problem=f"`[host]` of {path} cannot be filled: {error}; {_BY_HAND}")
    if not is_right:
        return Filled(None, problem=f"`[host]` of {path} is written in a way that is not understood; {_BY_HAND}")
    new = ((_BOM if is_marked else "") + text).encode()
    if errors := _new_errors(new, path, {(item.code, item.message) for item in before}):
        return Filled(None, problem=f"{path} would have new errors: {'; '.join(errors)}; {_BY_HAND}")
    changes = tuple(
        f"{key} = {_toml(value)}" + (f" (was {_toml(written[key])})" if key in written else "")
        for key, value in news.items()
    )
    return Filled(new, changes)


def _news(written: dict[str, Any], found: Description) -> dict[str, Value]:
    """Return the facts that are not written yet, or differently."""
    return {
        key: value
        for key, value in found.items()
        if value is not None
        and not _is_said(key, written.get(key), value)
        and not (key == "docker_socket" and key not in written and value == DEFAULT_SOCKET)
    }


def _is_said(key: str, written: Any, found: Value) -> bool:  # noqa: ANN401 - whatever TOML holds
    if written == found and type(written) is type(found):
        return True
    if not isinstance(written, str) or not isinstance(found, str):
        return False
    try:
        if key in ("docker", "driver"):
            return compare(found, written) == 0
        if key == "memory":  # a host of 64 GiB reports a little less
            return abs(parse_size(written) / parse_size(found) - 1) <= _TOLERANCE
    except ValueError:  # the written value is refused anyway
        return False
    return False


def _with_host(text: str, news: dict[str, Value]) -> str:
    document = tomlkit.parse(text if text.endswith("\n") or not text else text + ("\r\n" if _is_crlf(text) else "\n"))
    if "host" not in document:
        table = tomlkit.table()
        table.update(news)
        if document.body:
            document.add(tomlkit.nl())
        document.add("host", table)
    else:
        host = document["host"]
        if not isinstance(host, Table | InlineTable):
            raise TypeError("it is not a table of its own")
        for key, value in news.items():
            if key in host or isinstance(host, InlineTable):
                host[key] = value
            else:
                insert(host, key, value)
    return with_line_ends_of(text, document.as_string())


def with_line_ends_of(text: str, new: str) -> str:
    """Return a changed text with the line ends of Windows if the whole text had them."""
    return re.sub(r"(?<!\r)\n", "\r\n", new) if _is_crlf(text) else new


def _is_crlf(text: str) -> bool:
    return "\r\n" in text and not re.search(r"(?<!\r)\n", text)


def insert(host: Table, key: str, value: Value) -> None:
    """Insert a key after the last one of its table: a comment below that belongs to the next table."""
    body = host.value.body
    last = max(
        (place for place, (_, item) in enumerate(body) if not isinstance(item, Whitespace | Comment | Null)), default=-1
    )
    body.insert(last + 1, (tomlkit.key(key), tomlkit.item(value)))
    body[last + 1][1].trivia.trail = "\n"


def _expected(text: str, news: dict[str, Value]) -> dict[str, Any]:
    tables = tomllib.loads(text)
    return {**tables, "host": {**tables.get("host", {}), **news}}


def _new_errors(data: bytes, path: str, known: set[tuple[str, str]]) -> list[str]:
    _, _, found = load(data, path)
    return [
        item.message for item in found if item.severity is Severity.ERROR and (item.code, item.message) not in known
    ]


def _toml(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    return str(tomlkit.item(value).as_string())
