"""What the static interpreter works with where Python would have objects of the package under study.

Plain values (text, numbers, lists, dicts, typing's own forms) are themselves. The package's classes and functions are
stand-ins, and so is everything from outside it. What cannot be known is `Unknown`: it passes through every operation,
and is only an error where a flag would depend on it.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from argparse_reader.source_tree import Place, Source


# Whatever the package under study would have there.
Value: TypeAlias = Any


class StandIn:
    """A value that typing accepts as a type: it can be called, hashed, and joined with `|`."""

    def __call__(self) -> None:
        """Satisfy typing's check that a type is callable; never called."""

    def __or__(self, other: object) -> object:
        return Union[self, other]  # noqa: UP007 - `|` is what this is

    def __ror__(self, other: object) -> object:
        return Union[other, self]  # noqa: UP007 - `|` is what this is

    def __deepcopy__(self, memo: object) -> StandIn:
        return self


@dataclass(frozen=True, eq=False)
class Unknown(StandIn):
    """A value that cannot be told without running the package."""

    reason: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.reason} ({self.place})" if self.place else self.reason


@dataclass(frozen=True)
class External(StandIn):
    """Something from outside the package, by its full name: `json.loads`, `argparse.BooleanOptionalAction`."""

    name: str


@dataclass(eq=False)
class Scope:
    """Local names, and what they are looked up in after that."""

    source: Source
    names: dict[str, Any] = field(default_factory=dict)
    parent: Scope | None = None


@dataclass(eq=False)
class ModuleValue(StandIn):
    """A module of the package."""

    source: Source


@dataclass(eq=False)
class ClassValue(StandIn):
    """A class of the package."""

    name: str
    node: ast.ClassDef
    source: Source
    scope: Scope
    bases: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.__module__ = self.source.name

    def ancestors(self) -> list[Value]:
        """Return the class and what it derives from, nearest first; near enough to Python's own order."""
        found: list[Any] = [self]
        for base in self.bases:
            found += [one for one in (base.ancestors() if isinstance(base, ClassValue) else [base]) if one not in found]
        return found

    def derives_from(self, *names: str) -> bool:
        """Return whether one of the ancestors from outside has one of these names, without its module."""
        outside = [
            base.name if isinstance(base, External) else getattr(base, "__name__", "") for base in self.ancestors()
        ]
        return any(name.rpartition(".")[2] in names for name in outside)


@dataclass(eq=False)
class InstanceValue(StandIn):
    """An object of a class of the package, as it was called."""

    cls: ClassValue
    args: list[Any]
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class EnumMember(StandIn):
    """A member of an enumeration of the package."""

    cls: ClassValue
    name: str
    value: Any


@dataclass(eq=False)
class FunctionValue(StandIn):
    """A function, method or lambda of the package, with the names around it."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    bound: Any = None
    owner: ClassValue | None = None


@dataclass(eq=False)
class SuperValue(StandIn):
    """What `super()` gives in a method: the attributes of the classes after its own."""

    owner: ClassValue
    bound: Any


@dataclass(eq=False)
class Native(StandIn):
    """A function that the interpreter does itself, in place of the package's or the standard library's own."""

    name: str
    call: Callable[..., Any]


@dataclass(eq=False)
class FieldSpec(StandIn):
    """What `dataclasses.field`, pydantic's `Field` or `msgspec.field` said about a field."""

    default: Any = MISSING
    default_factory: Any = MISSING
    is_pydantic: bool = False


@dataclass(eq=False)
class FieldValue(StandIn):
    """One field of a dataclass, as `dataclasses.fields` has it."""

    name: str
    type: Any
    default: Any
    default_factory: Any
    place: Place
