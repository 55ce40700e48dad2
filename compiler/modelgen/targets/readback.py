"""Parse rendered YAML, to compare it with its source."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

# The C parser of libyaml where PyYAML was built with it: ten times faster.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {"true": True, "false": False, "null": None, "": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"0o[0-7]+")
_TAGS = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


class RenderingError(Exception):
    """The rendered file does not say what it was rendered from: a bug of modelgen, whatever the user wrote."""


def parse_yaml(text: bytes) -> Any:  # noqa: ANN401 - any document
    """Return the document as plain values; quoted scalars are strings.

    The events of the parser are read directly. PyYAML's own constructor takes three times as long, a twelfth of the
    build of 30 models, and reads plain scalars as YAML 1.1 only.

    Raises:
        RenderingError: It is not one YAML document, or uses what modelgen never writes: tags, anchors, aliases,
            duplicate keys, or plain scalars that YAML 1.1 and 1.2 read differently.
    """
    loader = _Loader(text)
    try:
        loader.get_event()  # the start of the stream
        loader.get_event()  # the start of the document
        value = _read(loader, loader.get_event())
        loader.get_event()  # the end of the document
        if not isinstance(loader.get_event(), yaml.StreamEndEvent):
            raise RenderingError("the rendered file has several YAML documents")
    except yaml.YAMLError as error:
        raise RenderingError(f"the rendered file is not YAML: {error}") from error
    finally:
        loader.dispose()
    return value


def _read(loader: Any, event: Any) -> Any:  # noqa: ANN401 - PyYAML's classes have no common type; any value
    """Return the value that begins with an event."""
    kind = type(event)
    if kind is yaml.AliasEvent or getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
        raise RenderingError(f"the rendered file has a tag, an anchor or an alias: {event}")
    if kind is yaml.ScalarEvent:
        return _resolve(event.value) if event.implicit[0] else event.value
    if kind is yaml.SequenceStartEvent:
        items = []
        while type(following := loader.get_event()) is not yaml.SequenceEndEvent:
            items.append(_read(loader, following))
        return items
    if kind is not yaml.MappingStartEvent:
        raise RenderingError(f"the rendered file is empty, or ends too early: {event}")
    table: dict[Any, Any] = {}
    while type(following := loader.get_event()) is not yaml.MappingEndEvent:
        key = _read(loader, following)
        if not isinstance(key, str) or key in table:
            raise RenderingError(f"the rendered file has a duplicate key, or one that is not a string: {key!r}")
        table[key] = _read(loader, loader.get_event())
    return table


@cache
def _resolve(text: str) -> bool | float | str | None:
    """Return a plain scalar as YAML 1.2 reads it, which Docker Compose does too.

    Raises:
        RenderingError: YAML 1.1 reads it as another type: `no`, `1_000`, `22:22`. Floats are an exception: `1e+16` is
            a string in YAML 1.1, and Python writes them in this form.
    """
    value: bool | float | str | None = text
    if text in _WORDS:
        value = _WORDS[text]
    elif _INTEGER.fullmatch(text):
        value = int(text)
    elif _FLOAT.fullmatch(text):
        value = float(text)
    older = next((tag for tag, form in _resolvers(text) if form.match(text)), "tag:yaml.org,2002:str")
    is_same = older == f"tag:yaml.org,2002:{_TAGS[type(value)]}" and not _OCTAL.fullmatch(text)
    if not is_same and not isinstance(value, float):
        raise RenderingError(f"the rendered file has a plain scalar that YAML 1.1 reads differently: {text!r}")
    return value


def _resolvers(text: str) -> list[tuple[str, re.Pattern[str]]]:
    """Return the types that YAML 1.1 gives to plain scalars with this first character, with their forms."""
    found: list[tuple[str, re.Pattern[str]]] = yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], [])
    return found


def find_difference(expected: Any, found: Any, path: str = "") -> str | None:  # noqa: ANN401
    """Return a description of the first place at which two documents differ, or None."""
    if expected == found and type(expected) is type(found):
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*expected, *found]):
            if name not in expected or name not in found:
                return f"{path}.{name} is {'missing' if name in expected else 'not expected'}"
            if different := find_difference(expected[name], found[name], f"{path}.{name}"):
                return different
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            if different := find_difference(one, other, f"{path}[{number}]"):
                return different
    return f"{path} is {found!r}, not {expected!r}"
