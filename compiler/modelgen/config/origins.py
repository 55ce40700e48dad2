"""Parse origins of web pages and apps, as browsers send them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_HOST = r"[A-Za-z0-9._~-]{1,253}"
_SCHEME = r"(?:https?|app|tauri|capacitor|ionic|vscode-webview|[a-z-]{1,30}-extension)"
_PATTERN = rf"({_SCHEME}://{_HOST}|https?://\[[0-9a-fA-F:.]{{2,45}}\])(:[0-9]{{1,5}})?"
_EXAMPLES = 'such as "http://localhost:5173" or "app://obsidian.md"'


def parse_origin(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return an origin: scheme, host and port."""
    if isinstance(value, str) and _is_origin(value):
        return value
    raise PydanticCustomError("bad-value", "{advice}", {"advice": _advice(value)})


def _is_origin(text: str) -> bool:
    import re

    match = re.fullmatch(_PATTERN, text, re.ASCII)
    return match is not None and (match[2] is None or 0 < int(match[2][1:]) < 2**16)


def _advice(value: Any) -> str:  # noqa: ANN401
    """Return what is wrong with a value and what to write, as the rest of a sentence that begins with its name."""
    if not isinstance(value, str):
        return f"is not an origin: write a string with scheme, host and port, {_EXAMPLES}"
    text = value.strip().lower()
    if text == "*":
        return f"would allow every web page: list each origin that may use the API, {_EXAMPLES}"
    if text == "null" or text.startswith("file:"):
        return (
            "would allow every local file and sandboxed page, which all send `null`: serve the page over HTTP and list "
            'its address, such as "http://localhost:5173"'
        )
    if "*" in text:
        return f"has a wildcard, which matches no origin: list each origin that may use the API, {_EXAMPLES}"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    # An origin has no user, and no path after the host.
    origin = f"{scheme}://{rest.split('/')[0].split('?')[0].split('#')[0].rpartition('@')[2]}"
    if _is_origin(origin):
        return f'is not an origin: write "{origin}", the scheme, host and port alone, as browsers send them'
    return f"is not an origin: write scheme, host and port without a path, {_EXAMPLES}"


Origin = Annotated[str, BeforeValidator(parse_origin), WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$"})]
