"""Mask secrets in everything that is printed."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"(?<=hf_)[A-Za-z0-9]{20,}|(?<=sk-)[A-Za-z0-9_-]{20,}|(?<=AKIA)[A-Z0-9]{16}|(?<=gh[pousr]_)[A-Za-z0-9]{30,}"
)
# A secret-looking key and its value: strings of all four kinds, lists, tables, and bare values. The lengths are kept,
# so that carets still point at the value. Other pairs are not matched: their value can hold such a key, as in
# `env={API_KEY="…"}`. vLLM's `classifier_from_token`, which a help line recommends, is no secret.
_SENSITIVE = r"api[-_]?key|access[-_]?key|(?<!from[-_])token|secret|password"
_PAIR = re.compile(
    rf"""(?<![\w.-])(?P<key>["']?(?=[\w.-]*(?i:{_SENSITIVE})["']?[ \t]*[=:])[\w.-]++["']?)(?P<sign>[ \t]*[=:][ \t]*)"""
    r"""(?P<value>\"{3}.*?(?:\"{3}|$)|'{3}.*?(?:'{3}|$)|"(?:[^"\\]|\\.)*+"?|'[^']*+'?|\[[^\]]*+\]?|\{[^}]*+\}?|"""
    r"""[^\s,}\]#]++)"""
)
# The value of a flag for a secret, in the same item or in the next.
_FLAG = re.compile(
    r"""(?P<flag>--?(?:api-?key|auth-token|password|secret)(?:=|["'][ \t]*,[ \t]*["']))(?P<value>[^"']+)""",
    re.IGNORECASE,
)

# The password of a URL, and the value of an Authorization header.
CREDENTIALS = re.compile(
    r"(?<=://)[^\s/:@]*:(?P<password>[^\s/@]+)(?=@)|\b(?:[Bb]earer|[Bb]asic)[ \t]+(?P<token>[\w.~+/=-]{8,})"
)


@lru_cache(maxsize=16)  # many findings on one long line mask it only once
def mask(text: str) -> str:
    """Replace tokens and the values of secret-looking keys by asterisks of the same length."""
    text = _TOKEN.sub(lambda found: "*" * len(found[0]), text)
    text = CREDENTIALS.sub(_hide, text)
    text = _FLAG.sub(lambda found: found["flag"] + "*" * len(found["value"]), text)
    return _PAIR.sub(lambda found: found["key"] + found["sign"] + "*" * len(found["value"]), text)


def _hide(found: re.Match[str]) -> str:
    secret = found["password"] or found["token"]
    return found[0].replace(secret, "*" * len(secret))
