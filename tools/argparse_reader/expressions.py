"""Evaluates the expressions that engines build their command lines from, without running any of their code."""

from __future__ import annotations

import ast
import sys
import typing
from typing import TYPE_CHECKING, Any

from argparse_reader.operators import OPERATORS
from argparse_reader.values import ClassValue, EnumMember, External, FunctionValue, Scope, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argparse_reader.source_tree import Place


class UncertainError(Exception):
    """A condition whose answer is not known."""


class Expressions:
    """Evaluates one expression in one scope; `StaticProgram` adds names, attributes and calls."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return an expression's value; `Unknown` for what cannot be told, never an exception of the expression's."""
        try:
            return self._evaluate(node, scope)
        except UncertainError as error:
            return Unknown(str(error), scope.source.place(node))
        except (TypeError, ValueError, KeyError, AttributeError, IndexError, StopIteration) as error:
            return Unknown(f"{ast.unparse(node)[:80]}: {error!r}", scope.source.place(node))

    def truth(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether a condition holds.

        Raises:
            UncertainError: It cannot be told.
        """
        if isinstance(node, ast.BoolOp):
            return self._bool_truth(node, scope)
        return self._is_true(self.evaluate(node, scope))

    def annotation(self, node: ast.expr, scope: Scope) -> Value:
        """Return the type that an annotation means; one in quotation marks is read first."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.copy_location(ast.parse(node.value, mode="eval").body, node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return typing.Union[self.annotation(node.left, scope), self.annotation(node.right, scope)]  # noqa: UP007
        return self.evaluate(node, scope)

    def _evaluate(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.look_up(name, scope, scope.source.place(node))
            case ast.Attribute(value=of, attr=name):
                return self.attribute(self.evaluate(of, scope), name, scope.source.place(node))
            case ast.Call():
                return self._call(node, scope)
            case ast.Subscript():
                return self._subscript(node, scope)
            case ast.BinOp(left=left, op=op, right=right):
                return self._operate(op, self.evaluate(left, scope), self.evaluate(right, scope))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.truth(operand, scope)
            case ast.UnaryOp(op=op, operand=operand):
                return self._operate(op, self.evaluate(operand, scope))
            case ast.BoolOp():
                return self._bool(node, scope)
            case ast.Compare():
                return self._compare(node, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.evaluate(body if self.truth(test, scope) else orelse, scope)
            case ast.Lambda():
                return FunctionValue("<lambda>", node, scope)
            case ast.JoinedStr():
                return "".join(self._text(part, scope) for part in node.values)
            case _:
                return self._collection(node, scope)

    def _collection(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.List():
                return list(self._items(node.elts, scope))
            case ast.Tuple():
                return tuple(self._items(node.elts, scope))
            case ast.Set():
                return set(self._items(node.elts, scope))
            case ast.Dict():
                return self._dict(node, scope)
            case ast.ListComp():
                return [self.evaluate(node.elt, inner) for inner in self._loops(node.generators, scope)]
            case ast.SetComp():
                return {self.evaluate(node.elt, inner) for inner in self._loops(node.generators, scope)}
            case ast.GeneratorExp():
                return iter([self.evaluate(node.elt, inner) for inner in self._loops(node.generators, scope)])
            case ast.DictComp():
                inners = self._loops(node.generators, scope)
                return {self.evaluate(node.key, inner): self.evaluate(node.value, inner) for inner in inners}
            case ast.NamedExpr(target=target, value=value):
                scope.names[target.id] = self.evaluate(value, scope)
                return scope.names[target.id]
            case _:
                what = f"{type(node).__name__} is not a construct that the interpreter knows"
                return Unknown(what, scope.source.place(node))

    def _items(self, nodes: list[ast.expr], scope: Scope) -> Iterator[Value]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.iterate(self.evaluate(node.value, scope))
            else:
                yield self.evaluate(node, scope)

    def _dict(self, node: ast.Dict, scope: Scope) -> dict[Value, Value]:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found.update(self._known(self.evaluate(value, scope)))
            else:
                found[self.evaluate(key, scope)] = self.evaluate(value, scope)
        return found

    def _loops(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        """Yield a scope for each turn of a comprehension."""
        first, *rest = generators
        for value in self.iterate(self.evaluate(first.iter, scope)):
            inner = Scope(scope.source, parent=scope)
            self.assign(first.target, value, inner)
            if all(self.truth(test, inner) for test in first.ifs):
                yield from self._loops(rest, inner) if rest else (inner,)

    def _bool(self, node: ast.BoolOp, scope: Scope) -> Value:
        """Evaluate `and` and `or` as values: which operand it is must be known."""
        value: Any = None
        for operand in node.values:
            value = self.evaluate(operand, scope)
            if self._is_true(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _bool_truth(self, node: ast.BoolOp, scope: Scope) -> bool:
        """Evaluate `and` and `or` as conditions: an unknown operand is no matter where another one decides."""
        doubt: UncertainError | None = None
        decides = isinstance(node.op, ast.Or)
        for operand in node.values:
            try:
                if self.truth(operand, scope) is decides:
                    return decides
            except UncertainError as error:
                doubt = error
        if doubt is not None:
            raise doubt
        return not decides

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(right_node, scope)
            if not self._is_true(self._operate(op, left, right)):
                return False
            left = right
        return True

    def _operate(self, op: ast.AST, *operands: Value) -> Value:
        for operand in operands:
            if isinstance(operand, Unknown):
                return operand
        plain = [
            one.value if isinstance(one, EnumMember) and one.cls.derives_from("str", "int") else one for one in operands
        ]
        try:
            return OPERATORS[type(op)](*plain)
        except TypeError:
            if isinstance(op, ast.BitOr):
                return typing.Union[tuple(operands)]  # noqa: UP007
            raise

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        of = self.evaluate(node.value, scope)
        if isinstance(of, Unknown):
            return of
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            return of[slice(*(None if part is None else self.evaluate(part, scope) for part in parts))]
        if isinstance(of, External):
            # pydantic's SkipValidation[X] is an X to a command line.
            return self.annotation(node.slice, scope) if of.name.endswith(".SkipValidation") else of
        if isinstance(of, ClassValue):
            return self.item(of, self.evaluate(node.slice, scope))
        is_form = isinstance(of, type) or getattr(of, "__module__", "") == "typing"
        if not is_form or of is typing.Literal:
            return of[self.evaluate(node.slice, scope)]
        parameters = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if of is typing.Annotated:
            return of[(self.annotation(parameters[0], scope), *(self.evaluate(one, scope) for one in parameters[1:]))]
        if any(isinstance(one, ast.List) for one in parameters):
            return of  # Callable[[…], …]
        inner = tuple(self.annotation(one, scope) for one in parameters)
        return of[inner if len(inner) > 1 else inner[0]]

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        of = self.evaluate(node.func, scope)
        args = list(self._items(node.args, scope))
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            kwargs.update({keyword.arg: value} if keyword.arg is not None else self._known(value))
        return self.call(of, args, kwargs, scope.source.place(node))

    def _text(self, part: ast.expr, scope: Scope) -> str:
        if isinstance(part, ast.FormattedValue):
            value = self.evaluate(part.value, scope)
            return format(self._known(value.value if isinstance(value, EnumMember) else value))
        return str(self.evaluate(part, scope))

    def _is_true(self, value: Value) -> bool:
        # Functions and classes of the standard library; its constants that matter are natives.
        is_standard = isinstance(value, External) and value.name.partition(".")[0] in sys.stdlib_module_names
        return is_standard or bool(self._known(value))

    @staticmethod
    def _known(value: Value) -> Value:
        if isinstance(value, Unknown | External):
            raise UncertainError(f"depends on {value}")
        return value

    # What a program adds.

    def look_up(self, name: str, scope: Scope, place: Place) -> Value:
        """Return what a name means in a scope."""
        raise NotImplementedError

    def attribute(self, of: Value, name: str, place: Place) -> Value:
        """Return an attribute of a value."""
        raise NotImplementedError

    def item(self, of: ClassValue, key: Value) -> Value:
        """Return what a class gives for an item: a member of an enumeration, or the generic class itself."""
        raise NotImplementedError

    def call(self, of: Value, args: list[Value], kwargs: dict[str, Value], place: Place) -> Value:
        """Return what a call returns."""
        raise NotImplementedError

    def iterate(self, value: Value) -> Iterator[Value]:
        """Return what a loop over a value meets."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value."""
        raise NotImplementedError
