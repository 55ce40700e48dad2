"""Extracts the flags of `sglang.launch_server` from the sources of SGLang's releases: see README.md."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from argparse_flags import Parser, Reading
from catalogue_files import CATALOGUES, extract, update_flags
from source_tree import NotUnderstoodError, SourceTree
from static_names import World
from static_natives import fields
from static_program import StaticProgram
from static_values import ClassValue, FieldValue, FunctionValue, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalogue_format import Flag
    from source_tree import Place

_HOME = "sglang.srt.server_args"
# Texts of which the engine makes JSON only later (model_config.py, loader.py, hicache_storage.py).
_JSON_TEXTS = ("hicache-storage-backend-extra-config", "json-model-override-args", "model-loader-extra-config")
_READING = Reading(
    kinds={
        "human_readable_int": "iec-length",
        "json.loads": "json",
        "json_list_type": "json",
        "nullable_str": "text",
        "parse_cuda_graph_backend_arg": "text",
        "parse_cuda_graph_config_arg": "json",
    },
)


def flags_of(tree: SourceTree) -> list[Flag]:
    """Return the flags of one release."""
    parser = Parser()
    world = World(
        natives={
            "*.record_fields": _record_fields,
            "dataclasses.fields": _record_fields,
            "msgspec.structs.fields": _record_fields,
            "typing.get_type_hints": _type_hints,
            "msgspec.defstruct": _declared_class,
            # An environment variable that adds a choice is not set.
            "sglang.srt.environ.EnvField.get": lambda _program, _place: False,
        },
        watched=(Parser,),
    )
    program = StaticProgram(tree, world)
    cls = program.value(_HOME, "ServerArgs")
    if not isinstance(cls, ClassValue):
        raise NotUnderstoodError(f"{_HOME}: no class ServerArgs: {cls}")
    place = cls.source.place(cls.node)
    add = program.attribute(cls, "add_cli_args", place)
    if not isinstance(add, FunctionValue):
        raise NotUnderstoodError(f"{place}: no ServerArgs.add_cli_args: {add}")
    program.run_function(add, [parser], {})
    flags = [_READING.flag(program, added) for added in parser.added]
    return [replace(flag, kind="json") if flag.name in _JSON_TEXTS else flag for flag in flags]


def _record_fields(program: StaticProgram, place: Place, cls: ClassValue) -> list[FieldValue]:
    """Return the fields of ServerArgs, which since 0.5.20 are those of the classes that it is assembled from."""
    scope = program.module(_HOME)
    parts = program.value(_HOME, "_INPUT_NAMESPACES") if cls.name == "ServerArgs" and scope else None
    sources = parts if isinstance(parts, list) else [cls]
    return [one for source in sources for one in fields(program, place, source)]


def _type_hints(program: StaticProgram, place: Place, cls: ClassValue, **_options: Value) -> dict[str, Value]:
    return {one.name: one.type for one in _record_fields(program, place, cls)}


def _declared_class(program: StaticProgram, _place: Place, name: str, *_args: Value, **_options: Value) -> Value:
    """Return the class that `ServerArgs = msgspec.defstruct("ServerArgs", …)` makes anew, as it was declared."""
    scope = program.module(_HOME)
    return scope.names[name] if scope else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Update the catalogue."""
    found, anew = extract(arguments or sys.argv[1:], "sglang", "the flags of sglang.launch_server", flags_of)
    update_flags(CATALOGUES / "sglang_flags.json", "sglang", found, anew=anew)


if __name__ == "__main__":
    main()
