"""Follows the statements of the functions that add flags to a parser.

Where a condition cannot be told, both ways are looked at: if neither touches a parser nor returns, what they would
change becomes `Unknown` and the walk goes on. Otherwise a flag could be missed, and that is an error.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from typing import Any

from argparse_reader.bindings import bound_names
from argparse_reader.expressions import Expressions, UncertainError
from argparse_reader.source_tree import NotUnderstoodError
from argparse_reader.values import FunctionValue, Native, Scope, SuperValue, Unknown, Value


@dataclass(frozen=True)
class _Return:
    value: Any


class Statements(Expressions):
    """Runs the bodies of functions; `StaticProgram` adds names, attributes and calls."""

    def is_watched(self, value: Value) -> bool:
        """Return whether a value is one whose every use must be understood: a parser."""
        raise NotImplementedError

    def is_harmless(self, node: ast.Call) -> bool:
        """Return whether a call may be passed over although it is given a parser."""
        raise NotImplementedError

    def run_function(self, function: FunctionValue, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Return what a function returns for arguments; a lambda is a function of one expression."""
        scope = Scope(function.scope.source, self._bind(function, args, kwargs), function.scope)
        if function.owner is not None:
            above = SuperValue(function.owner, function.bound)
            scope.names["super"] = Native("super", lambda _program, _place: above)
        if isinstance(function.node, ast.Lambda):
            return self.evaluate(function.node.body, scope)
        end = self._run(function.node.body, scope)
        return end.value if isinstance(end, _Return) else None

    def _bind(self, function: FunctionValue, args: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
        """Return the parameters of a function with their values, as Python binds them."""
        spec = function.node.args
        kinds = inspect.Parameter
        outer = function.scope

        def default(node: ast.expr | None) -> Value:
            return kinds.empty if node is None else self.evaluate(node, outer)

        positional = [*spec.posonlyargs, *spec.args]
        defaults = [None] * (len(positional) - len(spec.defaults)) + [*spec.defaults]
        parameters = [
            kinds(one.arg, kinds.POSITIONAL_OR_KEYWORD, default=default(value))
            for one, value in zip(positional, defaults, strict=True)
        ]
        if spec.vararg:
            parameters.append(kinds(spec.vararg.arg, kinds.VAR_POSITIONAL))
        for one, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            parameters.append(kinds(one.arg, kinds.KEYWORD_ONLY, default=default(value)))
        if spec.kwarg:
            parameters.append(kinds(spec.kwarg.arg, kinds.VAR_KEYWORD))
        bound = inspect.Signature(parameters).bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def _run(self, body: list[ast.stmt], scope: Scope) -> _Return | str | None:
        """Run statements; what ends them early is a `_Return`, "break" or "continue"."""
        for node in body:
            if (end := self._step(node, scope)) is not None:
                return end
        return None

    def _step(self, node: ast.stmt, scope: Scope) -> _Return | str | None:
        match node:
            case ast.Return(value=value):
                return _Return(None if value is None else self._checked(value, scope))
            case ast.If():
                return self._if(node, scope)
            case ast.For():
                return self._for(node, scope)
            case ast.With(items=items, body=body):
                for item in items:
                    if isinstance(item.optional_vars, ast.Name):
                        scope.names[item.optional_vars.id] = Unknown("a context manager's", scope.source.place(node))
                return self._run(body, scope)
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                # Only what happens when nothing goes wrong: an installed release has all that it tries to import.
                return self._run([*body, *orelse, *finalbody], scope)
            case ast.Break():
                return "break"
            case ast.Continue():
                return "continue"
            case _:
                self._simple(node, scope)
        return None

    def _simple(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Expr(value=value):
                self._checked(value, scope)
            case ast.Assign(targets=targets, value=value):
                held = self._checked(value, scope)
                for target in targets:
                    self.assign(target, held, scope)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.assign(target, self._checked(value, scope), scope)
            case ast.AugAssign(target=target, op=op, value=value):
                before = ast.copy_location(ast.parse(ast.unparse(target), mode="eval").body, target)
                added = ast.copy_location(ast.BinOp(before, op, value), node)
                self.assign(target, self.evaluate(added, scope), scope)
            case ast.FunctionDef(name=name):
                scope.names[name] = FunctionValue(name, node, scope)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    scope.names[name] = self.imported(node, alias, scope)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target, scope)
            case ast.Assert() | ast.Pass() | ast.Global() | ast.Nonlocal():
                return
            case ast.Raise(exc=exc):
                said = self.evaluate(exc.args[0], scope) if isinstance(exc, ast.Call) and exc.args else ""
                raise NotUnderstoodError(f"{scope.source.place(node)}: the package itself would refuse: {said}")
            case _:
                raise NotUnderstoodError(f"{scope.source.place(node)}: a {type(node).__name__} cannot be followed here")

    def _checked(self, node: ast.expr, scope: Scope) -> Value:
        """Evaluate an expression of which no part may be lost if it has to do with a parser."""
        value = self.evaluate(node, scope)
        is_lost = isinstance(value, Unknown) and (self._touches(node, scope) or self._changes(node, scope))
        if is_lost and not (isinstance(node, ast.Call) and self.is_harmless(node)):
            raise NotUnderstoodError(f"{scope.source.place(node)}: `{ast.unparse(node)[:120]}`: {value}")
        return value

    def _if(self, node: ast.If, scope: Scope) -> _Return | str | None:
        try:
            chosen = node.body if self.truth(node.test, scope) else node.orelse
        except UncertainError as error:
            branches = [*node.body, *node.orelse]
            matters = any(self._touches(one, scope) or _ends(one) for one in branches)
            if matters:
                test = ast.unparse(node.test)[:100]
                raise NotUnderstoodError(
                    f"{scope.source.place(node)}: whether `{test}` cannot be told: {error}"
                ) from None
            self._forget(branches, scope, node)
            return None
        return self._run(chosen, scope)

    def _for(self, node: ast.For, scope: Scope) -> _Return | str | None:
        try:
            turns = list(self.iterate(self.evaluate(node.iter, scope)))
        except UncertainError as error:
            if any(self._touches(one, scope) or _ends(one) for one in node.body):
                where = f"{scope.source.place(node)}: `for … in {ast.unparse(node.iter)[:100]}`"
                raise NotUnderstoodError(f"{where} cannot be followed: {error}") from None
            self._forget([node], scope, node)
            return None
        for turn in turns:
            self.assign(node.target, turn, scope)
            end = self._run(node.body, scope)
            if end == "break":
                return None
            if isinstance(end, _Return):
                return end
        return self._run(node.orelse, scope)

    def _delete(self, target: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Subscript):
            held = self.evaluate(target.value, scope)
            key = self.evaluate(target.slice, scope)
            if isinstance(held, dict):
                del held[key]

    def _changes(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether an expression calls a method of a list, set or dict, which may change it."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return False
        return isinstance(self.evaluate(node.func.value, scope), list | set | dict)

    def _touches(self, node: ast.AST, scope: Scope) -> bool:
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        inner: Scope | None = scope
        while inner is not None:
            if any(self.is_watched(value) for name, value in inner.names.items() if name in names):
                return True
            inner = inner.parent
        return False

    @staticmethod
    def _forget(branches: list[ast.stmt], scope: Scope, node: ast.stmt) -> None:
        for name in bound_names(branches):
            scope.names[name] = Unknown("depends on a condition that cannot be told", scope.source.place(node))

    def imported(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, scope: Scope) -> Value:
        """Return what an import statement binds."""
        raise NotImplementedError


def _ends(node: ast.stmt) -> bool:
    return any(isinstance(one, ast.Return | ast.Break | ast.Continue) for one in ast.walk(node))
