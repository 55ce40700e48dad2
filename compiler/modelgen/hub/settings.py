"""Check the environment variables that affect the way to the hub, before any request. Values are masked."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from modelgen.files import ModelgenError

_QUERY = re.compile(r"(https?://[^\s'\"?]+)\?[^\s'\"]+")
_ACCOUNT = re.compile(r"(?<=://)[^\s/@]+@")
_TOKEN = re.compile(r"\bhf_\w{8,}|(?<=Bearer )\S+")


def check_settings() -> None:
    """Refuse settings with which every request would fail, for the client says so late and badly.

    Raises:
        ModelgenError: An address that is none, or certificates that are not there.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if endpoint and not is_address:
        raise ModelgenError(
            f"HF_ENDPOINT is `{without_secrets(endpoint)[:100]}`, which is no address; write one such as "
            "https://hub.example, or unset it"
        )
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if path and not Path(path).exists():
            raise ModelgenError(
                f"{name} is {path}, and nothing is there; set it to the certificates of your CA, or unset it"
            )


def check_token(token: str | None) -> str | None:
    """Return the token, which has to fit into a header.

    Raises:
        ModelgenError: It does not; the message does not show it.
    """
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise ModelgenError("the token holds a character that no token has; set HF_TOKEN to the token alone")
    return token


def without_secrets(text: str) -> str:
    """Return a text without tokens, without the queries of addresses, which may be signed, and accounts in them."""
    return _TOKEN.sub("…", _ACCOUNT.sub("", _QUERY.sub(r"\1?…", text)))
