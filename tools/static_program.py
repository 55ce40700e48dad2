"""A package as the static interpreter sees it: names, attributes and calls, across all of its modules."""

from __future__ import annotations

import ast
import builtins
import typing
from typing import TYPE_CHECKING, Any

from bindings import Binding, bindings, star_imports
from static_expressions import UncertainError
from static_natives import BUILTINS, NATIVES, enum_members, instantiate
from static_statements import Statements
from static_values import (
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
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from source_tree import Place, Source, SourceTree

_PLAIN = (str, bytes, int, float, list, dict, set, frozenset, tuple)
_CALL_BACK = (map, filter, sorted, min, max)
_MISSING = object()


class StaticProgram(Statements):
    """Looks up names in modules, and follows calls.

    Args:
        tree: The package.
        assumed: Values of names of the package that are decided by the machine, by full name: `pkg.module.name`. An
            assumption about a function is what a call of it returns.
        natives: Functions that are done here instead of followed, by full name; `*.name` is one of any module.
        watched: The types of the values whose every use must be understood.
        harmless: Functions that may be given such a value and passed over, as they are written.
    """

    def __init__(
        self,
        tree: SourceTree,
        *,
        assumed: Mapping[str, Value],
        natives: Mapping[str, Value],
        watched: tuple[type, ...] = (),
        harmless: frozenset[str] = frozenset(),
    ) -> None:
        self.tree = tree
        self.assumed = assumed
        self.natives = {**NATIVES, **natives}
        self.watched = watched
        self.harmless = harmless
        self._modules: dict[str, Scope] = {}
        self._bindings: dict[int, dict[str, list[Binding]]] = {}
        self._bodies: dict[int, list[ast.stmt]] = {}
        self._owners: dict[int, str] = {}
        self._external = {name: Native(name, call) for name, call in self.natives.items() if callable(call)}

    def module(self, name: str) -> Scope | None:
        """Return the names of a module of the package, or None."""
        if name not in self._modules:
            source = self.tree.source(name)
            if source is None:
                return None
            self._modules[name] = self._open(source.tree.body, Scope(source), name)
        return self._modules[name]

    def value(self, module: str, name: str) -> Value:
        """Return what a module's name is; `Unknown` if it has no such name."""
        scope = self.module(module)
        found = _MISSING if scope is None else self._own(scope, name)
        return Unknown(f"{module} has no {name}") if found is _MISSING else found

    def _open(self, body: list[ast.stmt], scope: Scope, owner: str) -> Scope:
        self._bindings[id(scope)] = bindings(body)
        self._bodies[id(scope)] = body
        self._owners[id(scope)] = owner
        return scope

    # Names.

    def look_up(self, name: str, scope: Scope, place: Place) -> Value:
        """Return what a name means in a scope."""
        inner: Scope | None = scope
        while inner is not None:
            if (found := self._own(inner, name)) is not _MISSING:
                return found
            inner = inner.parent
        if name in BUILTINS:
            return BUILTINS[name]
        if name == "__name__":
            return scope.source.name
        return External(name) if hasattr(builtins, name) else Unknown(f"no name {name}", place)

    def _own(self, scope: Scope, name: str) -> Value:
        """Return what a scope itself binds to a name; statements of modules and classes are read when first asked."""
        if name in scope.names:
            return scope.names[name]
        if id(scope) not in self._owners:
            return _MISSING
        full = f"{self._owners[id(scope)]}.{name}"
        if native := self._external.get(full) or self._external.get(f"*.{name}"):
            return native
        scope.names[name] = Unknown(f"{full} is defined by itself")
        value = self._bound(scope, name)
        if value is _MISSING:
            value = self._from_stars(scope, name)
        if not isinstance(value, FunctionValue):
            value = self.assumed.get(full, value)
        if value is _MISSING:
            del scope.names[name]
            return _MISSING
        scope.names[name] = value
        return value

    def _bound(self, scope: Scope, name: str) -> Value:
        value: Any = _MISSING
        for binding in self._bindings[id(scope)].get(name, ()):
            doubt = self._doubt(binding, scope)
            if doubt is False:
                continue
            if binding.is_change:
                scope.names[name] = value
                self._simple(binding.node, scope)
                value = scope.names[name]
            elif isinstance(doubt, Unknown):
                value = doubt
            else:
                if value is not _MISSING:
                    scope.names[name] = value
                value = self._made(binding, scope, name)
        return value

    def _doubt(self, binding: Binding, scope: Scope) -> bool | Unknown:
        """Return whether a binding's statement runs."""
        for test, wanted in binding.guards:
            if "TYPE_CHECKING" in ast.unparse(test):
                # Annotations need what is only imported for them; at run time the other branch has an `Any`.
                if not wanted:
                    return False
                continue
            try:
                if self.truth(test, scope) is not wanted:
                    return False
            except UncertainError as error:
                return Unknown(str(error), scope.source.place(test))
        return True

    def _made(self, binding: Binding, scope: Scope, name: str) -> Value:
        match binding.node:
            case ast.ClassDef() as node:
                owner = f"{self._owners[id(scope)]}.{node.name}"
                inner = self._open(node.body, Scope(scope.source, parent=scope), owner)
                bases = [self.annotation(base, scope) for base in node.bases]
                return ClassValue(node.name, node, scope.source, inner, bases)
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                outer = scope.parent if isinstance(scope.parent, Scope) else scope
                return FunctionValue(node.name, node, outer)
            case ast.Import() | ast.ImportFrom() as node:
                return self.imported(node, binding.alias or node.names[0], scope)
            case ast.Assign(value=value, targets=targets):
                held = self.evaluate(value, scope)
                for target in targets:
                    self.assign(target, held, scope)
                return scope.names[name]
            case ast.AnnAssign(value=value) if value is not None:
                return self.evaluate(value, scope)
        return Unknown(f"{name} is made by a {type(binding.node).__name__}", scope.source.place(binding.node))

    def _from_stars(self, scope: Scope, name: str) -> Value:
        for node in star_imports(self._bodies[id(scope)]):
            module = self.module(self._target(node, scope.source))
            if module is not None and (found := self._own(module, name)) is not _MISSING:
                return found
        return _MISSING

    def imported(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, scope: Scope) -> Value:
        """Return what an import statement binds."""
        if isinstance(node, ast.Import):
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            return self._whole(name)
        target = self._target(node, scope.source)
        module = self.module(target)
        if module is None:
            return self._outside(f"{target}.{alias.name}")
        found = self._own(module, alias.name)
        if found is _MISSING:
            found = self._whole(f"{target}.{alias.name}")
        return found

    @staticmethod
    def _target(node: ast.ImportFrom, source: Source) -> str:
        if not node.level:
            return node.module or ""
        parts = source.name.split(".")
        above = parts[: len(parts) - node.level + source.is_package]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _whole(self, name: str) -> Value:
        module = self.module(name)
        return self._outside(name) if module is None else ModuleValue(module.source)

    def _outside(self, name: str) -> Value:
        if name.startswith(f"{self.tree.package}."):
            return Unknown(f"there is no {name} in these sources")
        home, _, last = name.rpartition(".")
        if (
            home in {"typing", "typing_extensions", "collections.abc"}
            and hasattr(typing, last)
            and name not in self.natives
        ):
            return getattr(typing, last)
        if name in self._external:
            return self._external[name]
        return self.natives.get(name, External(name))

    # Attributes, items, calls.

    def attribute(self, of: Value, name: str, place: Place) -> Value:
        """Return an attribute of a value."""
        match of:
            case Unknown():
                return of
            case External():
                return self._outside(f"{of.name}.{name}")
            case ModuleValue():
                full = f"{of.source.name}.{name}"
                found = self.value(of.source.name, name)
                return self._whole(full) if isinstance(found, Unknown) and self.module(full) else found
            case ClassValue():
                return self._class_attribute(of, name, place)
            case InstanceValue():
                return self._instance_attribute(of, name, place)
            case EnumMember():
                return self._member_attribute(of, name, place)
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
        for base in of.ancestors():
            found = self._own(base.scope, name) if isinstance(base, ClassValue) else _MISSING
            if found is not _MISSING:
                return self._as_method(found, of)
        return Unknown(f"{of.name} has no {name}", place)

    @staticmethod
    def _as_method(found: Value, owner: Value) -> Value:
        """Bind a class method to its class; other functions are given their first argument by the call."""
        if isinstance(found, FunctionValue) and _decorated(found, "classmethod"):
            return FunctionValue(found.name, found.node, found.scope, owner)
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
            bound = FunctionValue(found.name, found.node, found.scope, found.bound or of)
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
        return FunctionValue(found.name, found.node, found.scope, of) if isinstance(found, FunctionValue) else found

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
                if full in self.assumed:
                    return self.assumed[full]
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
        calls_back = of in _CALL_BACK or getattr(of, "__name__", "") == "sort"
        plain = [self._plain(one, calls_back=calls_back) for one in args]
        return of(*plain, **{name: self._plain(one, calls_back=calls_back) for name, one in kwargs.items()})

    def _plain(self, value: Value, *, calls_back: bool) -> Value:
        """Return an argument as Python's own functions take it."""
        if isinstance(value, ClassValue) and (members := enum_members(self, value)):
            return list(members.values())
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

    def is_watched(self, value: Value) -> bool:
        """Return whether a value is a parser."""
        return isinstance(value, self.watched)

    def is_harmless(self, node: ast.Call) -> bool:
        """Return whether a call may be passed over although it is given a parser."""
        return ast.unparse(node.func) in self.harmless


def _decorated(function: FunctionValue, name: str) -> bool:
    decorators = getattr(function.node, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == name for one in decorators)
