"""Parse rendered YAML, to compare it with its source."""

from __future__ import annotations

import json
from typing import Any

try:
    import ryml
except ImportError:  # no wheel for this platform (Alpine, PyPy): PyYAML does the same, five times slower
    ryml = None


class RenderingError(Exception):
    """What was rendered does not say what it was rendered from: a bug of ours, whatever the user wrote."""


def parse_yaml(text: bytes) -> Any:  # noqa: ANN401 - any document
    """Return the document as plain values; quoted scalars are strings.

    rapidyaml parses and writes JSON in C++ and json reads it in C, which makes no Python object that is not needed.

    Raises:
        RenderingError: It is not YAML.
    """
    if ryml is None:
        return _parse_with_pyyaml(text)
    try:
        return json.loads(ryml.emit_json(ryml.parse_in_arena(text)), strict=False)
    except Exception as error:
        raise RenderingError(f"our own output is not YAML: {error}") from error


def _parse_with_pyyaml(text: bytes) -> Any:  # noqa: ANN401
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise RenderingError(f"our own output is not YAML: {error}") from error


def find_difference(expected: Any, found: Any, path: str = "") -> str | None:  # noqa: ANN401
    """Return the first place at which two documents differ, in words, or None."""
    if expected == found and type(expected) is type(found):
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*expected, *found]):
            if name not in expected or name not in found:
                return f"{path}.{name} is {'missing' if name in expected else 'too much'}"
            if different := find_difference(expected[name], found[name], f"{path}.{name}"):
                return different
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            if different := find_difference(one, other, f"{path}[{number}]"):
                return different
    return f"{path} is {found!r}, not {expected!r}"
