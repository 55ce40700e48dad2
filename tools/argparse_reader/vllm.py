"""Read the flags and environment variables of `vllm serve` from the sources of a release."""

from __future__ import annotations

import typing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from argparse_reader.add_argument import Parser, Reading
from argparse_reader.names import World
from argparse_reader.natives import attribute_docs
from argparse_reader.program import StaticProgram
from argparse_reader.source_tree import NotUnderstoodError, SourceTree
from argparse_reader.values import ClassValue, FunctionValue, InstanceValue, Value
from argparse_reader.vllm_known_values import HINTED, REGISTRIES, KnownValues

if TYPE_CHECKING:
    from argparse_reader.catalogue_format import Flag
    from argparse_reader.source_tree import Place

_COMMAND = "vllm.entrypoints.cli.serve"
_ARGUMENTS = "vllm.engine.arg_utils"


class _Subparsers:
    """Stands for what `vllm serve` adds its parser to."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser

    def add_parser(self, *_args: Value, **_options: Value) -> Parser:
        """Return the one parser that is of interest."""
        return self.parser


def flags_of(tree: SourceTree) -> list[Flag]:
    """Return the flags of one release."""
    parser = Parser()
    known = KnownValues(tree)
    world = World(
        assumed={f"{_ARGUMENTS}.NEEDS_HELP": True, "vllm.plugins.load_general_plugins": None},
        natives={
            # As the API server is started. `vllm serve` of 0.9.0 had no --model.
            "sys.argv": ["vllm"],
            "*.get_attr_docs": attribute_docs,
            "*.get_kwargs": partial(_kwargs_with_known, known),
            "*.get_type": _one_type,
        },
        watched=(Parser, _Subparsers),
        # A platform out of vLLM's tree may add to the parser; none of its own does.
        harmless=frozenset({"current_platform.pre_register_and_update"}),
    )
    program = StaticProgram(tree, world)
    cls = program.value(_COMMAND, "ServeSubcommand")
    if not isinstance(cls, ClassValue):
        raise NotUnderstoodError(f"{_COMMAND}: no class ServeSubcommand: {cls}")
    place = cls.source.place(cls.node)
    init = program.attribute(InstanceValue(cls, [], {}), "subparser_init", place)
    if not isinstance(init, FunctionValue):
        raise NotUnderstoodError(f"{place}: no ServeSubcommand.subparser_init: {init}")
    program.run_function(init, [init.bound, _Subparsers(parser)], {})
    reading = replace(_READING, known=known.of)
    return [reading.flag(program, added) for added in parser.added]


def variables_of(tree: SourceTree) -> set[str]:
    """Return the environment variables of one release, as vLLM itself lists them."""
    program = StaticProgram(tree, World())
    found = program.value("vllm.envs", "environment_variables")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise NotUnderstoodError(f"vllm/envs.py: environment_variables is not a dict of names: {found}")
    return set(found)


def _one_type(_program: StaticProgram, place: Place, hints: set[Any], wanted: Value) -> Value:
    """Return the type hint of a kind, as get_type does; of several Literals, their union.

    0.8.5 joins two Literals for --guided-decoding-backend and takes whichever its set has first, which differs from
    process to process: either may be refused, none is wrong.
    """
    found = sorted((one for one in hints if one is wanted or typing.get_origin(one) is wanted), key=repr)
    if wanted is typing.Literal and len(found) > 1:
        return typing.Literal[tuple(value for one in found for value in typing.get_args(one))]
    if len(found) > 1:
        raise NotUnderstoodError(f"{place}: several types of one kind, in no order: {found}")
    return found[0] if found else None


def _kwargs_with_known(known: KnownValues, program: StaticProgram, place: Place, cls: ClassValue) -> Value:
    """Follow get_kwargs, and keep what it forgets of a field: the values that its type hint names."""
    result = program.call(program.followed(_ARGUMENTS, "get_kwargs"), [cls], {}, place)
    if isinstance(result, dict):
        for name, values in known.of_fields(cls, place).items():
            if name in result:
                result[name][HINTED] = values
    return result


_READING = Reading(
    kinds={
        "[int(device_id) if device_id.isdigit() else device_id for device_id in"
        " (part.strip() for part in s.split(','))]": "text",
        "f(**json.loads(x))": "json",
        "f(x)": "json",
        "from_cli": "json",
        "from_json": "json",
        "human_readable_int": "length",
        "human_readable_int_or_auto": "length",
        "json.loads": "json",
        "parse_dataclass": "json",
        "parse_reasoning_parser": "text",
        "s.lower().replace('-', '_')": "text",
        "union_dict_and_str": "json-or-text",
    },
    wrappers={"_optional_type": True, "_parse_type": False},
    open=frozenset(REGISTRIES),
    by_machine={"mm-processor-device": ["auto", "cpu", "cuda"]},
)


def read(tree: SourceTree) -> tuple[list[Flag], set[str]]:
    """Return the flags and the environment variables of one release."""
    return flags_of(tree), variables_of(tree)
