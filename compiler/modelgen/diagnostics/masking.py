"""Keep secrets out of everything that is printed."""

from __future__ import annotations

import re

_HUB_TOKEN = re.compile(r"(?<=hf_)[A-Za-z0-9]{20,}")
_SECRET_KEY = r"""["']?[\w.-]*(?:api[-_]?key|token|secret|password)["']?"""  # noqa: S105 - a pattern
# A quoted value that follows a key with a secret's name. The lengths are kept, so that carets still point at the value.
_KEYED_VALUE = re.compile(rf"""((?<![\w.-]){_SECRET_KEY}\s*[=:]\s*)("[^"]*"?|'[^']*'?)""", re.IGNORECASE)


def mask(text: str) -> str:
    """Replace hub tokens and the values of secret-looking keys by asterisks of the same length."""
    text = _HUB_TOKEN.sub(lambda found: "*" * len(found[0]), text)
    return _KEYED_VALUE.sub(lambda found: found[1] + "*" * len(found[2]), text)
