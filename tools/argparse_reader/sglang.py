"""Read the flags of `sglang.launch_server` from the sources of a release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from argparse_reader.add_argument import Parser, Reading
from argparse_reader.names import World
from argparse_reader.natives import fields
from argparse_reader.program import StaticProgram
from argparse_reader.source_tree import NotUnderstoodError, SourceTree
from argparse_reader.values import ClassValue, FieldValue, FunctionValue, Value

if TYPE_CHECKING:
    from argparse_reader.catalogue_format import Flag
    from argparse_reader.source_tree import Place

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


def read(tree: SourceTree) -> tuple[list[Flag], set[str]]:
    """Return the flags of one release; its environment variables are not read."""
    return flags_of(tree), set()
