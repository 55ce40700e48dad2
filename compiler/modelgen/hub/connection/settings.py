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
    """Refuse settings with which every request would fail, since the client's error comes late and is unclear.

    Raises:
        ModelgenError: An address is invalid, or a certificate file is missing.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if endpoint and not is_address:
        raise ModelgenError(
            f"HF_ENDPOINT is `{without_secrets(endpoint)[:100]}`, which is not an address; set one such as "
            "https://hub.example, or unset it"
        )
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if path and not Path(path).exists():
            raise ModelgenError(
                f"{name} is {path}, which does not exist; set it to the certificates of your CA, or unset it"
            )


def check_token(token: str | None) -> str | None:
    """Return the token, after checking that it is valid in a header.

    Raises:
        ModelgenError: It is not valid; the message does not contain it.
    """
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise ModelgenError("the token contains an invalid character; set HF_TOKEN to only the token")
    return token


def without_secrets(text: str) -> str:
    """Return a text without tokens, and without the queries and accounts of addresses."""
    return _TOKEN.sub("…", _ACCOUNT.sub("", _QUERY.sub(r"\1?…", text)))
