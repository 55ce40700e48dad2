"""Describe which server answered a request, with its status and words: bounded, printable, masked."""

from __future__ import annotations

import json
import re
import textwrap
import urllib.error
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelgen.hub.connection import error_kinds
from modelgen.hub.connection.answers import WrongAnswerError, title_of
from modelgen.hub.connection.settings import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 200
_MOST_OF_BODY = 2**16
_XML = re.compile(rb"<(Message|Code)>([^<]{1,300})</", re.IGNORECASE)


@dataclass(frozen=True)
class Answered:
    """A refused request.

    Args:
        status: The status of the answer.
        url: The address that answered, after all redirects.
        words: The reason in the answer; empty without one.
        code: The hub's name for the reason; empty without one.
        is_of_api: Whether it has the form of the hub's answers, unlike a proxy's page.
    """

    status: int
    url: str
    words: str
    code: str
    is_of_api: bool


def answered(error: BaseException) -> Answered | None:
    """Return the answer in an error; None if there was no answer."""
    status = error_kinds.status_of(error)
    if status is None:
        return None
    if isinstance(error, urllib.error.HTTPError):
        return _made(status, str(error.url), dict(error.headers or {}), _body(error))
    response: Any = getattr(error, "response", None)
    try:
        body = response.content
    except Exception:  # noqa: BLE001 - httpx has a class of its own for a body that was not read
        body = b""
    return _made(status, str(response.url), response.headers, body)


def url_of(error: BaseException) -> str | None:
    """Return the address in an error, if it has one."""
    for cause in error_kinds.causes(error):
        if isinstance(cause, WrongAnswerError):
            return cause.url
        if isinstance(cause, urllib.error.HTTPError):
            return str(cause.url)
        try:
            return str(cause.request.url)  # type: ignore[attr-defined]
        except (AttributeError, RuntimeError):  # httpx raises the latter if there is no request
            continue
    return None


def plain(text: str) -> str:
    """Return a text as one short line, without secrets and unprintable characters."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:5000]).split())
    return textwrap.shorten(without_secrets(line), _LONGEST, placeholder=" …")


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read(_MOST_OF_BODY)
    except (OSError, ValueError):
        return b""


def _made(status: int, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
    words, code = headers.get("X-Error-Message", ""), headers.get("X-Error-Code", "")
    reason = _json_reason(body)
    is_of_api = bool(words or code or reason)
    return Answered(status, url, plain(words or reason or _page_reason(body)).rstrip("."), code, is_of_api)


def _json_reason(body: bytes) -> str:
    """Return the reason in a JSON body."""
    try:
        found = json.loads(body[:_MOST_OF_BODY])
    except (ValueError, RecursionError):
        return ""
    reason = found.get("error") if isinstance(found, dict) else None
    return reason if isinstance(reason, str) else ""


def _page_reason(body: bytes) -> str:
    """Return the reason in a web page or in an object store's XML."""
    found = dict(_XML.findall(body[:_MOST_OF_BODY]))
    reason = found.get(b"Message") or found.get(b"Code")
    return reason.decode(errors="replace") if reason else title_of(body).strip(' "')
