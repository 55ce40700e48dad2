"""Read JSON from the hub or a mirror, bounded and checked. Only the hub's own host gets the token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.hub.connection.addresses import is_same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.hub.connection.client import Connection

PATIENCE = 20.0
"""Seconds without data after which a connection counts as dead."""
_MOST = 64 * 2**20
_MOST_OF_ERROR = 64 * 2**10
_OF_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class WrongAnswerError(Exception):
    """An answer that does not have the hub's form: a login page, a mirror's own page, or other JSON.

    Args:
        url: The address of the answer, after all redirects.
        what: The answer, as the end of "HOST answers with …".
    """

    def __init__(self, url: str, what: str) -> None:
        super().__init__(f"{url} answers with {what}")
        self.url = url
        self.what = what


class DamagedAnswerError(WrongAnswerError):
    """An answer that is neither JSON nor a web page: it may have been damaged in transit."""


def get_json(connection: Connection, url: str, params: Mapping[str, str] | None = None) -> tuple[Any, str | None]:
    """Return the JSON at an address, and the address of the next page."""
    return _request(connection, "GET", url, params=params)


def post_form(connection: Connection, url: str, form: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return the answer to a form."""
    return _request(connection, "POST", url, data=form)[0]


def _request(connection: Connection, method: str, url: str, **options: Any) -> tuple[Any, str | None]:  # noqa: ANN401
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    token = connection.token if is_same_origin(url, connection.endpoint) else False
    headers = build_hf_headers(token=token, library_name="modelgen")
    with get_session().stream(method, url, headers=headers, timeout=PATIENCE, **options) as response:
        raise_for_status(response)
        body = _read(response, _MOST)
        address, following = str(response.url), response.links.get("next", {}).get("url")
        kind = response.headers.get("Content-Type", "")
    if len(body) > _MOST:
        raise WrongAnswerError(address, f"more than {_MOST:,} bytes")
    try:
        return json.loads(body), following
    except (ValueError, RecursionError):
        if "html" in kind or body.lstrip()[:1] == b"<":
            raise WrongAnswerError(address, f"a web page{title_of(body)}") from None
        raise DamagedAnswerError(address, "no JSON") from None


def raise_for_status(response: Any) -> None:  # noqa: ANN401 - of httpx or httpx2
    """Raise the client's error for a streamed refusal; only the beginning of its body is read."""
    from huggingface_hub.utils import hf_raise_for_status, httpx  # type: ignore[attr-defined]

    if response.is_success:
        return
    kept = {name: text for name, text in response.headers.items() if name.lower() not in _OF_BODY}
    body = _read(response, _MOST_OF_ERROR)
    hf_raise_for_status(httpx.Response(response.status_code, headers=kept, content=body, request=response.request))
    # The client accepts these.
    raise WrongAnswerError(str(response.url), f"status {response.status_code} without a valid target")


def refuse_page(response: Any) -> None:  # noqa: ANN401 - of httpx or httpx2
    """Refuse a web page in place of a file.

    Raises:
        WrongAnswerError: It is a web page.
    """
    if "html" in response.headers.get("Content-Type", ""):
        page = next(response.iter_bytes(_MOST_OF_ERROR), b"")
        raise WrongAnswerError(str(response.url), f"a web page{title_of(page)}")


def _read(response: Any, most: int) -> bytes:  # noqa: ANN401 - of httpx or httpx2
    body = bytearray()
    for block in response.iter_bytes(2**16):
        body += block
        if len(body) > most:
            break
    return bytes(body[: most + 1])


def title_of(page: bytes) -> str:
    """Return the title of a page in quotes after a space; empty without one."""
    import html
    import re

    found = re.search(rb"<title[^>]{0,100}>([^<]{1,300})", page[:_MOST_OF_ERROR], re.IGNORECASE)
    text = " ".join(html.unescape(found[1].decode(errors="replace")).split()) if found else ""
    return f' "{text[:100]}"' if text.isprintable() and text else ""
