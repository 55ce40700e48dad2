"""Which statements of a module or class body give a name its value, and under which conditions."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What changes a list, set or dict in place, at the top level of a module.
_CHANGES = {"append", "extend", "update", "add", "insert", "remove"}


@dataclass(frozen=True, slots=True)
class Binding:
    """A statement that gives a name its value, or changes the value that it has.

    Args:
        node: The statement; for an import, together with `alias`.
        alias: Which name of an import statement.
        guards: The tests of the `if`s around it, and what they must be for the statement to run.
    """

    node: ast.stmt
    alias: ast.alias | None = None
    guards: tuple[tuple[ast.expr, bool], ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether the statement builds on the value that was there before."""
        is_item = isinstance(self.node, ast.Assign) and isinstance(self.node.targets[0], ast.Subscript)
        return isinstance(self.node, ast.AugAssign | ast.Expr) or is_item


def bindings(body: list[ast.stmt]) -> dict[str, list[Binding]]:
    """Return all bindings of a body, by name, in the order of the file."""
    found: dict[str, list[Binding]] = defaultdict(list)
    for name, binding in _walk(body, ()):
        found[name].append(binding)
    return dict(found)


def star_imports(body: list[ast.stmt]) -> Iterator[ast.ImportFrom]:
    """Yield the `from x import *` of a body."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield node


def bound_names(body: list[ast.stmt]) -> set[str]:
    """Return every name that some statement in a body, at any depth, could change."""
    return {
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _walk(body: list[ast.stmt], guards: tuple[tuple[ast.expr, bool], ...]) -> Iterator[tuple[str, Binding]]:
    for node in body:
        match node:
            case ast.If():
                yield from _walk(node.body, (*guards, (node.test, True)))
                yield from _walk(node.orelse, (*guards, (node.test, False)))
            case ast.Try():
                # What an `except ImportError` binds is for a broken installation.
                yield from _walk([*node.body, *node.orelse, *node.finalbody], guards)
            case ast.With():
                yield from _walk(node.body, guards)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    name = alias.asname or (
                        alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
                    )
                    yield name, Binding(node, alias, guards)
            case _:
                for name in _names(node):
                    yield name, Binding(node, guards=guards)


def _names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (
                    one.id for one in ast.walk(target) if isinstance(one, ast.Name) and _is_assigned(one, target)
                )
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name
        case ast.For():
            yield from bound_names([node])
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute))) if (
            attribute in _CHANGES
        ):
            yield name


def _is_assigned(name: ast.Name, target: ast.expr) -> bool:
    """Return whether an assignment gives the name a value, or an item: `x = …`, `x[1] = …`, but not `x.y = …`."""
    is_item = isinstance(target, ast.Subscript) and target.value is name
    return isinstance(name.ctx, ast.Store) or is_item
