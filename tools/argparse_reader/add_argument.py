"""Records what is added to an argparse parser, and says what it means for a catalogue."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any

from argparse_reader.catalogue_format import Flag
from argparse_reader.source_tree import NotUnderstoodError
from argparse_reader.values import ClassValue, EnumMember, External, FunctionValue, StandIn, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from argparse_reader.program import StaticProgram
    from argparse_reader.source_tree import Place

_PLAIN_KINDS: dict[Any, str] = {None: "text", str: "text", int: "int", float: "number", bool: "truthy"}
_DEPRECATED = re.compile(
    r"^\W*(?:(?:this )?[\w-]+ (?:\(--[\w-]+\) )?is )?deprecated\b|^\s*deprecated: ", re.IGNORECASE | re.MULTILINE
)
# Actions that store a value as they get it, and keep what it is for argparse to say.
_STORING = {None, "store", "append", "extend"}
_SUPPRESSED = External("argparse.SUPPRESS")


class Parser:
    """Stands for an argparse parser and all of its groups; its methods are called as natives are."""

    def __init__(self) -> None:
        self.added: list[Added] = []

    def add_argument(self, _program: StaticProgram, place: Place, *names: Value, **options: Value) -> None:
        """Record one argument."""
        if not names or not all(isinstance(name, str) for name in names):
            raise NotUnderstoodError(f"{place}: an argument whose name is not known: {[str(name) for name in names]}")
        self.added.append(Added(names, options, place))

    def add_argument_group(self, *_args: Value, **_options: Value) -> Parser:
        """Return the parser itself: groups only matter to a help text."""
        return self

    add_mutually_exclusive_group = add_argument_group


@dataclass(frozen=True)
class Added:
    """One call of `add_argument`."""

    names: tuple[str, ...]
    options: dict[str, Any]
    place: Place


@dataclass(frozen=True)
class Reading:
    """How an engine's own types, actions and lambdas are to be read; `flag` applies it.

    Args:
        kinds: The kind of a value, by the name of the function that is given as its type, or by the body of a lambda.
        wrappers: Functions that return a function for a type that they are given: their inner function's name, and
            whether the word None is then a value.
        known: What a release itself brings for an open flag.
        open: Flags whose choices plugins can add to before they are checked; they are told as what is known.
        by_machine: Flags whose choices depend on the machine, with those of the machines that there are.
    """

    kinds: Mapping[str, str]
    wrappers: Mapping[str, bool] = field(default_factory=dict)
    known: Callable[[Added], list[Any] | None] = lambda _added: None
    open: frozenset[str] = frozenset()
    by_machine: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def flag(self, program: StaticProgram, added: Added) -> Flag:
        """Return what an argument means."""
        name, aliases = _names(added)
        shape = _shape(program, added)
        kind, nullable = (shape.kind, False) if shape.kind else self._kind(added, added.options.get("type"), name)
        choices = self._choices(program, added, name)
        if choices and "None" in choices and nullable:
            choices.remove("None")
        extras = {
            "choices": choices,
            "known": None if choices else self.by_machine.get(name, self.known(added)),
            "nargs": shape.nargs,
            "repeated": added.options.get("action") == "append",
            "aliases": aliases,
            "nullable": nullable,
            "deprecated": shape.deprecated or _says_deprecated(added),
            "default": None if (default := _default(added)) is False and kind == "flag" else default,
        }
        return Flag(name, kind, {key: value for key, value in extras.items() if _says(key, value)})

    def _kind(self, added: Added, type_: Value, name: str) -> tuple[str, bool]:
        if type_ is None or isinstance(type_, type):
            if type_ in _PLAIN_KINDS:
                return _PLAIN_KINDS[type_], False
        elif isinstance(type_, External | ClassValue):
            if type_.name in self.kinds:
                return self.kinds[type_.name], False
        elif isinstance(type_, FunctionValue):
            if type_.name in self.wrappers:
                inner = next(iter(type_.scope.names.values()))
                kind, nullable = self._kind(added, inner, name)
                return kind, nullable or self.wrappers[type_.name]
            named = ast.unparse(type_.node.body) if isinstance(type_.node, ast.Lambda) else type_.name
            if named in self.kinds:
                return self.kinds[named], named.startswith("nullable_")
        raise NotUnderstoodError(
            f"{added.place}: --{name} has a type that is not in the tool's tables: {_shown(type_)}"
        )

    def _choices(self, program: StaticProgram, added: Added, name: str) -> list[Value] | None:
        choices = added.options.get("choices")
        if choices is None or name in self.by_machine or name in self.open:
            return None
        try:
            values = [_json_value(one) for one in program.iterate(choices)]
        except Exception as error:
            raise NotUnderstoodError(f"{added.place}: --{name} has choices that are not known: {choices}") from error
        values = [one for one in values if one is not None]  # SGLang's Literal[None, …]: nobody can type it
        if any(one is MISSING for one in values):
            raise NotUnderstoodError(f"{added.place}: --{name} has a choice that is not known: {choices}")
        if not values:
            raise NotUnderstoodError(f"{added.place}: --{name} has an empty list of choices: {choices}")
        is_unordered = isinstance(choices, set | frozenset)
        return sorted(values) if is_unordered else list(dict.fromkeys(values))


@dataclass(frozen=True)
class _Shape:
    """What an action says about a flag: the kind where it takes no value of its own."""

    kind: str | None
    nargs: Any
    deprecated: bool = False


def _shape(program: StaticProgram, added: Added) -> _Shape:
    action, nargs = added.options.get("action"), added.options.get("nargs")
    if action in ("store_true", "store_false", "store_const"):
        return _Shape("flag", None)
    if action == External("argparse.BooleanOptionalAction"):
        return _Shape("bool", None)
    if isinstance(action, str | None) and action in _STORING:
        return _Shape(None, nargs)
    if isinstance(action, ClassValue) and action.derives_from("Action", "BooleanOptionalAction", "_StoreTrueAction"):
        deprecated = "deprecat" in action.name.lower()
        if action.derives_from("BooleanOptionalAction"):
            return _Shape("bool", None, deprecated)
        if action.derives_from("_StoreTrueAction"):
            return _Shape("flag", None, deprecated)
        nargs = _action_nargs(program, action, added)
        return _Shape("flag" if nargs == 0 else None, nargs or None, deprecated)
    raise NotUnderstoodError(f"{added.place}: {added.names[0]} has an action that is not known: {_shown(action)}")


def _action_nargs(program: StaticProgram, action: ClassValue, added: Added) -> Value:
    """Return the nargs that an action of the package's own passes on to argparse: its caller's, or its own default."""
    if "nargs" in added.options:
        return added.options["nargs"]
    init = program.attribute(action, "__init__", added.place)
    if not isinstance(init, FunctionValue):
        return None
    spec = init.node.args
    own = dict(zip([one.arg for one in [*spec.posonlyargs, *spec.args]][::-1], spec.defaults[::-1], strict=False))
    own |= {one.arg: value for one, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value is not None}
    if "nargs" in own:
        return program.evaluate(own["nargs"], init.scope)
    if fixed := re.search(r"\bnargs=([^,)]+)", ast.unparse(init.node)):
        if fixed[1] == "nargs":
            return None
        if fixed[1] == "0":
            return 0
        raise NotUnderstoodError(f"{added.place}: {action.name} sets nargs={fixed[1]}")
    return None


def _names(added: Added) -> tuple[str, list[str]]:
    """Return the first long spelling without dashes, and all others."""
    names = [name.lstrip("-") for name in added.names]
    longs = [name.lstrip("-") for name in added.names if name.startswith("--")]
    first = longs[0] if longs else names[0]
    return first, [name for name in names if name != first]


def _says_deprecated(added: Added) -> bool:
    text = added.options.get("help")
    return added.options.get("deprecated") is True or (isinstance(text, str) and bool(_DEPRECATED.search(text)))


def _default(added: Added) -> Value:
    value = added.options.get("default")
    return None if value == _SUPPRESSED or isinstance(value, Unknown) else _json_value(value)


def _json_value(value: Value) -> Value:
    """Return a value as JSON has it; `MISSING` for one that JSON has not."""
    if isinstance(value, EnumMember):
        value = value.value
    if isinstance(value, set | frozenset | tuple):
        value = sorted(value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, StandIn):
        return MISSING
    try:
        json.dumps(value)
    except TypeError:
        return MISSING
    return value


def _says(key: str, value: Value) -> bool:
    return value is not MISSING and value is not None and (value not in ([], {}) if key == "default" else bool(value))


def _shown(value: Value) -> str:
    if isinstance(value, FunctionValue) and isinstance(value.node, ast.Lambda):
        return ast.unparse(value.node)
    return getattr(value, "name", None) or str(value)
