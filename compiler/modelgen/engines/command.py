"""`command`: any program that serves the OpenAI API on a port of its container."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "command"
PORT = 8000
HEALTH = "/health"
HUB_PLACEHOLDER = "{hub}"
_PLACEHOLDER = re.compile(r"\{(?:port|model|hub)\}")


def launch(command: Iterable[str], *, port: int, model: str, hub: str) -> Launch:
    """Return the program with `{port}`, `{model}` and `{hub}` filled in; other braces stay (JSON has many)."""
    values = {"{port}": str(port), "{model}": model, HUB_PLACEHOLDER: hub}
    filled = [_PLACEHOLDER.sub(lambda found: values[found[0]], item) for item in command]
    return Launch(tuple(filled[:1]), tuple(filled[1:]))
