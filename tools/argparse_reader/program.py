"""A package as the static interpreter sees it: what attributes, items and calls of its values give."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from argparse_reader.expressions import UncertainError
from argparse_reader.names import MISSING_NAME, Names
from argparse_reader.natives import BUILTINS, enum_members, instantiate
from argparse_reader.values import (
    ClassValue,
    EnumMember,
    External,
    FieldValue,
    FunctionValue,
    InstanceValue,
    ModuleValue,
    Native,
    Scope,
    StandIn,
    SuperValue,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argparse_reader.source_tree import Place

_PLAIN = (str, bytes, int, float, list, dict, set, frozenset, tuple)
_CALL_BACK = (map, filter, sorted, min, max)
_ITERATE = (list, tuple, set, frozenset, len, any, all, enumerate, zip, iter, dict, *_CALL_BACK)


class StaticProgram(Names):
    """Follows attributes and calls; `value`, `attribute`, `call` and `run_function` are what extractors use."""

    def attribute(self, of: Value, name: str, place: Place) -> Value:
        """Return an attribute of a value."""
        match of:
            case Unknown():
                return of
            case External():
                return self.outside(f"{of.name}.{name}")
            case ModuleValue():
                full = f"{of.source.name}.{name}"
                found = self.value(of.source.name, name)
                return self.whole(full) if isinstance(found, Unknown) and self.module(full) else found
            case ClassValue():
                return self._class_attribute(of, name, place)
            case InstanceValue():
                return self._instance_attribute(of, name, place)
            case EnumMember():
                return self._member_attribute(of, name, place)
            case SuperValue():
                return self._above(of, name, place)
            case FieldValue():
                return getattr(of, name)
            case FunctionValue(name=own) if name == "__name__":
                return own
            case _ if self.is_watched(of):
                return Native(name, getattr(of, name))
            case _:
                pass
        if isinstance(of, _PLAIN) or not isinstance(of, StandIn):
            return getattr(of, name)
        return getattr(of, name, Unknown(f"{type(of).__name__} has no {name}", place))

    def _class_attribute(self, of: ClassValue, name: str, place: Place) -> Value:
        if name in {"__name__", "__qualname__"}:
            return of.name
        if name == "__doc__":
            return ast.get_docstring(of.node) or ""
        if name in {"__module__", "__annotations__"}:
            return getattr(of, name, Unknown("annotations", place))
        members = enum_members(self, of)
        if name == "__members__":
            return members
        if name in members:
            return members[name]
        return self._inherited(of.ancestors(), of, name, place)

    def _inherited(self, classes: list[Any], of: ClassValue, name: str, place: Place) -> Value:
        """Return an attribute from the first class that has it; a class method is bound to the class it is asked of."""
        for base in classes:
            found = self.own(base.scope, name) if isinstance(base, ClassValue) else MISSING_NAME
            if isinstance(found, FunctionValue):
                bound = of if _decorated(found, "classmethod") else None
                return FunctionValue(found.name, found.node, found.scope, bound, base)
            if found is not MISSING_NAME:
                return found
        return Unknown(f"{of.name} has no {name}", place)

    def _above(self, of: SuperValue, name: str, place: Place) -> Value:
        cls = of.bound.cls if isinstance(of.bound, InstanceValue) else of.bound
        if not isinstance(cls, ClassValue):
            return Unknown("super() without a class", place)
        ancestors = cls.ancestors()
        found = self._inherited(ancestors[ancestors.index(of.owner) + 1 :], cls, name, place)
        if isinstance(found, FunctionValue) and found.bound is None:
            return replace(found, bound=of.bound)
        return found

    def _instance_attribute(self, of: InstanceValue, name: str, place: Place) -> Value:
        fields = {one.name: one for one in self.call(BUILTINS["__fields__"], [of.cls], {}, place)}
        if name in of.kwargs:
            return of.kwargs[name]
        if name in fields:
            at = list(fields).index(name)
            if at < len(of.args):
                return of.args[at]
            return instantiate(self, fields[name], place)
        found = self._class_attribute(of.cls, name, place)
        if isinstance(found, FunctionValue) and not _decorated(found, "staticmethod"):
            bound = replace(found, bound=found.bound or of)
            return self.call(bound, [], {}, place) if _decorated(found, "property") else bound
        return found

    def _member_attribute(self, of: EnumMember, name: str, place: Place) -> Value:
        if name in {"name", "_name_"}:
            return of.name
        if name in {"value", "_value_"}:
            return of.value
        if isinstance(of.value, str) and of.cls.derives_from("str", "StrEnum") and hasattr(str, name):
            return getattr(of.value, name)
        found = self._class_attribute(of.cls, name, place)
        return replace(found, bound=of) if isinstance(found, FunctionValue) else found

    def item(self, of: ClassValue, key: Value) -> Value:
        """Return what a class gives for an item."""
        members = enum_members(self, of)
        return members[key] if members else of

    def iterate(self, value: Value) -> Iterator[Value]:
        """Return what a loop over a value meets."""
        if isinstance(value, ClassValue) and (members := enum_members(self, value)):
            return iter(members.values())
        if isinstance(value, StandIn):
            raise UncertainError(f"depends on {value}")
        return iter(value)

    def call(self, of: Value, args: list[Value], kwargs: dict[str, Value], place: Place) -> Value:
        """Return what a call returns; a function from outside, or a value that is not known, gives `Unknown`."""
        match of:
            case Native():
                return of.call(self, place, *args, **kwargs)
            case FunctionValue():
                full = f"{of.scope.source.name}.{of.name}"
                if full in self.world.assumed:
                    return self.world.assumed[full]
                return self.run_function(of, [*([] if of.bound is None else [of.bound]), *args], kwargs)
            case ClassValue():
                if members := enum_members(self, of):
                    return next(one for one in members.values() if args[0] in (one, one.value))
                return InstanceValue(of, args, kwargs)
            case Unknown():
                return of
            case External():
                return Unknown(f"{of.name}() is not of this package", place)
            case StandIn():
                return Unknown(f"a {type(of).__name__} is called", place)
            case _:
                return self._call_python(of, args, kwargs, place)

    def _call_python(self, of: Value, args: list[Any], kwargs: dict[str, Any], place: Place) -> Value:
        """Call a function of Python's own."""
        if of is type and len(args) == 1 and isinstance(args[0], StandIn):
            return getattr(args[0], "cls", Unknown("the type of something unknown", place))
        for value in (*args, *kwargs.values()):
            if isinstance(value, Unknown) and not isinstance(getattr(of, "__self__", None), list | dict | set):
                return value
        plain = [self._plain(of, one) for one in args]
        return of(*plain, **{name: self._plain(of, one) for name, one in kwargs.items()})

    def _plain(self, of: Value, value: Value) -> Value:
        """Return an argument as one of Python's own functions takes it."""
        name = getattr(of, "__name__", "")
        iterates = of in _ITERATE or name in {"extend", "update", "join"}
        if isinstance(value, ClassValue) and iterates and (members := enum_members(self, value)):
            return list(members.values())
        calls_back = of in _CALL_BACK or name == "sort"
        if isinstance(value, FunctionValue) and calls_back:
            place = value.scope.source.place(value.node)
            return lambda *args, **kwargs: self.call(value, list(args), kwargs, place)
        return value

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value."""
        match target:
            case ast.Name(id=name):
                scope.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = [value] * len(targets) if isinstance(value, Unknown) else list(self.iterate(value))
                for one, held in zip(targets, values, strict=True):
                    self.assign(one, held, scope)
            case ast.Subscript(value=of, slice=key):
                held = self.evaluate(of, scope)
                if isinstance(held, dict | list):
                    held[self.evaluate(key, scope)] = value
            case ast.Attribute():
                pass  # objects of the package keep what their class says
            case _:
                raise UncertainError(f"an assignment to {ast.unparse(target)}")


def _decorated(function: FunctionValue, name: str) -> bool:
    decorators = getattr(function.node, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == name for one in decorators)
