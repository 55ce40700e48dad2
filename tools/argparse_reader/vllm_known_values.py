"""What a release of vLLM itself brings for its open flags: names of parsers, quantizations, attention backends.

They are suggestions: plugins register more. vLLM says them in a metavar, in a type hint that its parser makes little
of, or in a registry.
"""

from __future__ import annotations

import ast
import typing
from typing import TYPE_CHECKING, Any

from argparse_reader.names import World
from argparse_reader.natives import enum_members, fields
from argparse_reader.program import StaticProgram
from argparse_reader.source_tree import NotUnderstoodError, Source, SourceTree
from argparse_reader.values import ClassValue, StandIn, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argparse_reader.add_argument import Added
    from argparse_reader.source_tree import Place

# The option of `add_argument` that carries what a type hint names.
HINTED = "hinted"
# Where parsers are registered: the folders of the releases so far, and the table that replaced decorators in 0.11.1.
REGISTRIES: dict[str, tuple[tuple[str, ...], str]] = {
    "reasoning-parser": (("vllm/reasoning",), "_REASONING_PARSERS_TO_REGISTER"),
    "tool-call-parser": (("vllm/entrypoints/openai/tool_parsers", "vllm/tool_parsers"), "_TOOL_PARSERS_TO_REGISTER"),
}
# 0.24.0 had no hint at the field.
_HINTS = {"load-format": ("vllm.model_executor.model_loader", "LoadFormats")}


class KnownValues:
    """The known values of one release."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._program = StaticProgram(tree, World(type_checking=True))

    def of(self, added: Added) -> list[Any] | None:
        """Return what vLLM itself brings for a flag; None where it takes anything."""
        name = added.names[-1 if added.names[0].startswith("-") and not added.names[0].startswith("--") else 0].lstrip(
            "-"
        )
        if name in REGISTRIES:
            return self._registered(name)
        metavar = added.options.get("metavar")
        if isinstance(metavar, list):
            return metavar
        if hinted := added.options.get(HINTED):
            return hinted if isinstance(hinted, list) else None
        if name in _HINTS:
            return named_values(self._program, self._program.value(*_HINTS[name])) or None
        return None

    def of_fields(self, cls: ClassValue, place: Place) -> dict[str, list[str]]:
        """Return the values that the type hints of a config class name, by field, as a type checker reads them."""
        typed = self._program.value(cls.source.name, cls.name)
        found = fields(self._program, place, typed) if isinstance(typed, ClassValue) else []
        return {one.name: values for one in found if (values := named_values(self._program, one.type))}

    def _registered(self, flag: str) -> list[str]:
        folders, table = REGISTRIES[flag]
        found: set[str] = set()
        for folder in folders:
            held = self._program.value(folder.replace("/", "."), table)
            found |= set(held) if isinstance(held, dict) else set()
            for source in self.tree.sources_below(folder):
                found.update(_decorated(source))
        if not found:
            raise NotUnderstoodError(f"{' or '.join(folders)}: nothing is registered for --{flag}")
        return sorted(found)


def _decorated(source: Source) -> Iterator[str]:
    """Yield the names that a module registers with `@….register_module("name")`."""
    for node in ast.walk(source.tree):
        for call in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("ParserManager.register_module")):
                continue
            try:
                names = ast.literal_eval(call.args[0] if call.args else call.keywords[0].value)
            except (ValueError, IndexError) as error:
                raise NotUnderstoodError(f"{source.place(call)}: registered under a name that is not known") from error
            yield from [names] if isinstance(names, str) else names


def named_values(program: StaticProgram, hint: Value) -> list[str]:
    """Return what a type hint names: the strings of a Literal, the members of an enumeration."""
    if isinstance(hint, ClassValue):
        members = enum_members(program, hint).values()
        return [str(one.value) if isinstance(one.value, int) else one.name for one in members]
    if isinstance(hint, StandIn):
        return []
    origin: Any = typing.get_origin(hint)
    parts = typing.get_args(hint)
    if origin is typing.Literal:
        return sorted(value for value in parts if isinstance(value, str))
    if origin is typing.Annotated:
        parts = parts[:1]
    return [value for part in parts for value in named_values(program, part)]
