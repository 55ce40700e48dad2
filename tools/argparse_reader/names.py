"""What names mean in a package: in its modules, its classes, and across its imports."""

from __future__ import annotations

import ast
import builtins
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argparse_reader.bindings import Binding, bindings, star_imports
from argparse_reader.expressions import UncertainError
from argparse_reader.natives import BUILTINS, NATIVES
from argparse_reader.source_tree import NotUnderstoodError
from argparse_reader.statements import Statements
from argparse_reader.values import ClassValue, External, FunctionValue, ModuleValue, Native, Scope, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argparse_reader.source_tree import Place, Source, SourceTree

MISSING_NAME = object()


@dataclass(frozen=True)
class World:
    """What is taken as given about the world that a package would run in.

    Args:
        assumed: Values of names of the package that are decided by the machine, by full name: `pkg.module.name`. An
            assumption about a function is what a call of it returns.
        natives: Functions that are done here instead of followed, by full name; `*.name` is one of any module.
        watched: The types of the values whose every use must be understood.
        harmless: Functions that may be given such a value and passed over, as they are written.
        type_checking: Whether names are what a type checker takes them for, where that differs from run time.
    """

    assumed: Mapping[str, Value] = field(default_factory=dict)
    natives: Mapping[str, Value] = field(default_factory=dict)
    watched: tuple[type, ...] = ()
    harmless: frozenset[str] = frozenset()
    type_checking: bool = False


class Names(Statements):
    """Looks up names; `StaticProgram` adds attributes and calls."""

    def __init__(self, tree: SourceTree, world: World) -> None:
        self.tree = tree
        self.world = world
        self.natives = {**NATIVES, **world.natives}
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
        found = MISSING_NAME if scope is None else self.own(scope, name)
        return Unknown(f"{module} has no {name}") if found is MISSING_NAME else found

    def followed(self, module: str, name: str) -> Value:
        """Return what a module itself binds to a name, although a native stands in for it."""
        scope = self.module(module)
        found = MISSING_NAME if scope is None else self._bound(scope, name)
        return Unknown(f"{module} has no {name}") if found is MISSING_NAME else found

    def _open(self, body: list[ast.stmt], scope: Scope, owner: str) -> Scope:
        self._bindings[id(scope)] = bindings(body)
        self._bodies[id(scope)] = body
        self._owners[id(scope)] = owner
        return scope

    def look_up(self, name: str, scope: Scope, place: Place) -> Value:
        """Return what a name means in a scope."""
        inner: Scope | None = scope
        while inner is not None:
            if (found := self.own(inner, name)) is not MISSING_NAME:
                return found
            inner = inner.parent
        if name in BUILTINS:
            return BUILTINS[name]
        if name == "__name__":
            return scope.source.name
        return External(name) if hasattr(builtins, name) else Unknown(f"no name {name}", place)

    def own(self, scope: Scope, name: str) -> Value:
        """Return what a scope itself binds to a name; statements of modules and classes are read when first asked."""
        if name in scope.names:
            return scope.names[name]
        if id(scope) not in self._owners:
            return MISSING_NAME
        full = f"{self._owners[id(scope)]}.{name}"
        if native := self._external.get(full) or self._external.get(f"*.{name}"):
            return native
        scope.names[name] = Unknown(f"{full} is defined by itself")
        value = self._bound(scope, name, type_checking=self.world.type_checking)
        if value is MISSING_NAME:
            value = self._from_stars(scope, name)
        if value is MISSING_NAME:
            # Annotations also need what is only there for a type checker, or the other way round.
            value = self._bound(scope, name, type_checking=not self.world.type_checking)
        if not isinstance(value, FunctionValue):
            value = self.world.assumed.get(full, value)
        if value is MISSING_NAME:
            del scope.names[name]
            return MISSING_NAME
        scope.names[name] = value
        return value

    def _bound(self, scope: Scope, name: str, *, type_checking: bool = False) -> Value:
        value: Any = MISSING_NAME
        for binding in self._bindings[id(scope)].get(name, ()):
            doubt = self._doubt(binding, scope, type_checking=type_checking)
            if doubt is False:
                continue
            if binding.is_change:
                scope.names[name] = value
                value = self._changed(binding, scope, name)
            elif isinstance(doubt, Unknown):
                value = doubt
            else:
                if value is not MISSING_NAME:
                    scope.names[name] = value
                value = self._made(binding, scope, name)
        return value

    def _changed(self, binding: Binding, scope: Scope, name: str) -> Value:
        try:
            self._simple(binding.node, scope)
        except NotUnderstoodError as error:
            return Unknown(str(error))
        return scope.names[name]

    def _doubt(self, binding: Binding, scope: Scope, *, type_checking: bool) -> bool | Unknown:
        """Return whether a binding's statement runs."""
        for test, wanted in binding.guards:
            if ast.unparse(test).removeprefix("typing.") == "TYPE_CHECKING":
                if wanted is not type_checking:
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
            if module is not None and (found := self.own(module, name)) is not MISSING_NAME:
                return found
        return MISSING_NAME

    def imported(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, scope: Scope) -> Value:
        """Return what an import statement binds."""
        if isinstance(node, ast.Import):
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            return self.whole(name)
        target = self._target(node, scope.source)
        module = self.module(target)
        if module is None:
            return self.outside(f"{target}.{alias.name}")
        found = self.own(module, alias.name)
        if found is MISSING_NAME:
            found = self.whole(f"{target}.{alias.name}")
        return found

    @staticmethod
    def _target(node: ast.ImportFrom, source: Source) -> str:
        if not node.level:
            return node.module or ""
        parts = source.name.split(".")
        above = parts[: len(parts) - node.level + source.is_package]
        return ".".join([*above, *([node.module] if node.module else [])])

    def whole(self, name: str) -> Value:
        """Return a module as a value, from this package or from outside."""
        module = self.module(name)
        return self.outside(name) if module is None else ModuleValue(module.source)

    def outside(self, name: str) -> Value:
        """Return what a name from outside the package is: a native, one of typing's own forms, or an `External`."""
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

    def is_watched(self, value: Value) -> bool:
        """Return whether a value is a parser."""
        return isinstance(value, self.world.watched)

    def is_harmless(self, node: ast.Call) -> bool:
        """Return whether a call may be passed over although it is given a parser."""
        return ast.unparse(node.func) in self.world.harmless
