"""The standard library, pydantic and msgspec as far as engines use them to build their command lines."""

from __future__ import annotations

import ast
import copy
import os
import typing
from dataclasses import MISSING
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Any

from argparse_reader.values import (
    ClassValue,
    EnumMember,
    External,
    FieldSpec,
    FieldValue,
    FunctionValue,
    InstanceValue,
    Native,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from argparse_reader.program import StaticProgram
    from argparse_reader.source_tree import Place

_ENUMS = ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")
_RECORDS = ("dataclass", "config", "pydantic_dataclass")


def enum_members(program: StaticProgram, cls: ClassValue) -> dict[str, EnumMember]:
    """Return the members of an enumeration of the package, in order; none for another class."""
    if not cls.derives_from(*_ENUMS):
        return {}
    found: dict[str, EnumMember] = {}
    for base in reversed(cls.ancestors()):
        for node in base.node.body if isinstance(base, ClassValue) else ():
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.startswith("_") and isinstance(node, ast.Assign):
                    value = program.evaluate(node.value, base.scope)
                    if isinstance(value, Unknown) and "auto" in ast.unparse(node.value):
                        value = target.id.lower() if cls.derives_from("StrEnum") else len(found) + 1
                    found[target.id] = EnumMember(cls, target.id, value)
    return found


def fields(program: StaticProgram, place: Place, cls: Value) -> list[FieldValue]:
    """Return the fields of a dataclass, a pydantic model or a msgspec struct, its bases' first."""
    if not isinstance(cls, ClassValue):
        raise TypeError(f"{cls} at {place} has no fields")
    found: dict[str, FieldValue] = {}
    for base in reversed(cls.ancestors()):
        for node in base.node.body if isinstance(base, ClassValue) else ():
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            written = ast.unparse(node.annotation).strip("'\"")
            if written.startswith(("ClassVar", "InitVar", "typing.ClassVar", "dataclasses.InitVar")):
                continue
            spec = MISSING if node.value is None else program.evaluate(node.value, base.scope)
            default, factory = spec, MISSING
            if isinstance(spec, FieldSpec) and not spec.is_pydantic:
                default, factory = spec.default, spec.default_factory
            kind = program.annotation(node.annotation, base.scope)
            where = base.source.place(node)
            found[node.target.id] = FieldValue(node.target.id, kind, default, factory, where)
    return list(found.values())


def instantiate(program: StaticProgram, field: FieldValue, place: Place) -> Value:
    """Return the value that a field has when nothing is said about it."""
    default, factory = field.default, field.default_factory
    if isinstance(default, FieldSpec):
        default, factory = default.default, default.default_factory
    if default not in (MISSING, None) or factory in (MISSING, None):
        return Unknown(f"{field.name} has no default", place) if default is MISSING else default
    return program.call(factory, [], {}, place)


def attribute_docs(_program: StaticProgram, _place: Place, cls: ClassValue) -> dict[str, str]:
    """Return the strings that stand below the fields of a class, as vLLM's get_attr_docs does."""
    found: dict[str, str] = {}
    for base in reversed(cls.ancestors()):
        body = base.node.body if isinstance(base, ClassValue) else []
        for node, after in pairwise(body):
            match node, after:
                case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text)))):
                    found[name] = text
                case _:
                    pass
    return found


def _is_dataclass(_program: StaticProgram, _place: Place, value: Value) -> bool:
    cls = value.cls if isinstance(value, InstanceValue) else value
    if not isinstance(cls, ClassValue):
        return False
    decorated = [
        ast.unparse(one) for base in cls.ancestors() if isinstance(base, ClassValue) for one in base.node.decorator_list
    ]
    return any(one.partition("(")[0].rpartition(".")[2] in _RECORDS for one in decorated)


def _isinstance(program: StaticProgram, place: Place, value: Value, of: Value) -> Value:
    if isinstance(of, tuple):
        return any(_isinstance(program, place, value, one) is True for one in of)
    if isinstance(value, Unknown):
        return value
    if isinstance(of, External):
        if isinstance(value, FieldSpec):
            return value.is_pydantic and of.name.endswith(".FieldInfo")
        return isinstance(value, InstanceValue) and of in value.cls.ancestors()
    if isinstance(of, ClassValue):
        cls = value.cls if isinstance(value, InstanceValue | EnumMember) else None
        return cls is not None and of in cls.ancestors()
    if of is type:
        return isinstance(value, type | ClassValue)
    return isinstance(value.value if isinstance(value, EnumMember) else value, of)


def _issubclass(_program: StaticProgram, _place: Place, cls: Value, of: Value) -> bool:
    if isinstance(cls, ClassValue):
        return any(of in (base, typing.get_origin(base)) for base in cls.ancestors())
    return isinstance(cls, type) and isinstance(of, type) and issubclass(cls, of)


def _field(
    _program: StaticProgram, _place: Place, *args: Value, default: Value = MISSING, **options: Value
) -> FieldSpec:
    return FieldSpec(args[0] if args else default, options.get("default_factory", MISSING))


def _pydantic_field(
    _program: StaticProgram, _place: Place, *args: Value, default: Value = MISSING, **options: Value
) -> FieldSpec:
    return FieldSpec(args[0] if args else default, options.get("default_factory"), is_pydantic=True)


def _environment(_program: StaticProgram, _place: Place, _name: Value, default: Value = None) -> Value:
    return default


def _partial(_program: StaticProgram, _place: Place, function: Value, *_args: Value, **_kwargs: Value) -> Value:
    return function


def _type_hints(program: StaticProgram, place: Place, cls: ClassValue, **_options: Value) -> dict[str, Value]:
    return {one.name: one.type for one in fields(program, place, cls)}


def _getattr(program: StaticProgram, place: Place, of: Value, name: str, *default: Value) -> Value:
    found = program.attribute(of, name, place)
    return default[0] if default and isinstance(found, Unknown) and not isinstance(of, Unknown) else found


def _same(_program: StaticProgram, _place: Place, value: Value) -> Value:
    return value


def _copied(_program: StaticProgram, _place: Place, value: Value) -> Value:
    return copy.deepcopy(value)


def _is_typed_dict(_program: StaticProgram, _place: Place, value: Value) -> bool:
    return isinstance(value, ClassValue) and value.derives_from("TypedDict")


def _has(program: StaticProgram, place: Place, of: Value, name: str) -> Value:
    return of if isinstance(of, Unknown) else not isinstance(program.attribute(of, name, place), Unknown)


# By full name. What is not callable is a value; `typing`'s own names are taken from Python itself.
NATIVES: dict[str, Any] = {
    "copy.copy": _copied,
    "copy.deepcopy": _copied,
    "dataclasses.MISSING": MISSING,
    "dataclasses.field": _field,
    "dataclasses.fields": fields,
    "dataclasses.is_dataclass": _is_dataclass,
    "functools.partial": _partial,
    "itertools.permutations": lambda _program, _place, values, r=None: list(permutations(values, r)),
    "msgspec.NODEFAULT": MISSING,
    "msgspec.field": _field,
    "os.environ": {},
    "os.getenv": _environment,
    "os.cpu_count": lambda *_: Unknown("the number of processors"),
    "os.sep": os.sep,
    "pydantic.Field": _pydantic_field,
    "pydantic_core.PydanticUndefined": MISSING,
    "ssl.CERT_NONE": 0,
    "sys.modules": {},
    "types.UnionType": type(int | str),
    "typing.TYPE_CHECKING": False,
    "typing.cast": lambda _program, _place, _type, value: value,
    "typing.get_type_hints": _type_hints,
    "typing.is_typeddict": _is_typed_dict,
    "typing_extensions.is_typeddict": _is_typed_dict,
}

_BUILTIN_TYPES = (str, int, float, bool, bytes, dict, object, BaseException, Exception, ValueError, complex)
_BUILTIN_FUNCTIONS = (len, any, all, min, max, sum, abs, range, zip, enumerate, map, filter, next, iter, repr, round)

BUILTINS: dict[str, Any] = {
    **{one.__name__: one for one in (*_BUILTIN_TYPES, *_BUILTIN_FUNCTIONS)},
    **{one.__name__: one for one in (set, frozenset, tuple, sorted, reversed, list)},
    "type": type,
    "isinstance": Native("isinstance", _isinstance),
    "issubclass": Native("issubclass", _issubclass),
    "getattr": Native("getattr", _getattr),
    "hasattr": Native("hasattr", _has),
    "staticmethod": Native("staticmethod", _same),
    "callable": Native(
        "callable", lambda _program, _place, value: isinstance(value, FunctionValue | ClassValue | type)
    ),
    "Ellipsis": ...,
    "NotImplemented": NotImplemented,
    "__fields__": Native("fields", fields),
}
