"""Find values that must not get into models.toml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics.masking import CREDENTIALS, mask
from modelgen.foreign import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(
    r"(?:^|[-_])(?:api[-_]?keys?|token|secrets?|credentials?|authorization|access[-_]?key(?:[-_]id)?|pass|pwd|passwd|"
    r"passphrase|(?:auth|master|private|signing|encryption)[-_]?key)$|passwords?$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[\s=:,\"'\[\]{}]+")
HIDDEN = "a secret, which is not copied"


def is_secret(name: str, value: Any) -> bool:  # noqa: ANN401 - any value
    """Return whether a value is a secret, by its name or by its form."""
    return bool(_NAME.search(name)) or any(
        CREDENTIALS.search(text) or any(mask(word) != word for word in _WORDS.split(text)) for text in _texts(value)
    )


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def shown(value: Any) -> str:  # noqa: ANN401
    """Return a value for a comment: on one line, without what is not known, and without secrets."""
    if value is None:
        return ""
    if is_secret("", value):
        return "…"
    text = value if isinstance(value, str) else "" if value is True else str(value)
    return " ".join(text.replace(UNKNOWN, "…").split())
