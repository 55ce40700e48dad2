"""The extractors read small packages, written as engines write theirs, and refuse what they do not understand."""

from __future__ import annotations

import tarfile
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from argparse_reader import sglang as sglang_reader
from argparse_reader import vllm as vllm_reader
from argparse_reader.source_tree import NotUnderstoodError, SourceError, open_tree

if TYPE_CHECKING:
    from pathlib import Path

    from argparse_reader.catalogue_format import Flag

SERVE = """
    from vllm.engine.arg_utils import EngineArgs

    class ServeSubcommand:
        name = "serve"

        def subparser_init(self, subparsers):
            parser = subparsers.add_parser(self.name, usage="vllm serve [model_tag]")
            parser.add_argument("model_tag", type=str, nargs="?")
            parser = EngineArgs.add_cli_args(parser)
            parser.epilog = "more"
            return parser
"""
ARGUMENTS = """
    import argparse
    import json
    from dataclasses import MISSING, dataclass, field, fields
    from typing import Literal, Optional, get_args, get_origin

    from vllm.platforms import current_platform

    Dtype = Literal["half", "auto", "float"]

    @dataclass
    class ModelConfig:
        dtype: Dtype = "auto"
        max_len: Optional["int"] = None
        eager: bool = False
        overrides: dict = field(default_factory=dict)
        old: int = 3
        \"\"\"[DEPRECATED] No effect.\"\"\"

    def optional_type(return_type):
        def _optional_type(val):
            return None if val == "None" else return_type(val)
        return _optional_type

    def get_kwargs(cls):
        docs = get_attr_docs(cls)
        kwargs = {}
        for one in fields(cls):
            default = one.default if one.default is not MISSING else one.default_factory()
            kwargs[one.name] = {"default": default, "help": docs.get(one.name, "")}
            hints = set(get_args(one.type)) or {one.type}
            if get_origin(one.type) is Literal:
                kwargs[one.name].update(type=str, choices=sorted(get_args(one.type)))
            elif bool in hints:
                kwargs[one.name]["action"] = argparse.BooleanOptionalAction
            elif dict in hints:
                kwargs[one.name]["type"] = json.loads
            elif int in hints:
                kwargs[one.name]["type"] = int
            else:
                raise ValueError(f"Unsupported type {hints}")
            if type(None) in hints:
                kwargs[one.name]["type"] = optional_type(kwargs[one.name]["type"])
        return kwargs

    class EngineArgs:
        @staticmethod
        def add_cli_args(parser):
            model_kwargs = get_kwargs(ModelConfig)
            group = parser.add_argument_group("ModelConfig")
            group.add_argument("--dtype", "-d", **model_kwargs["dtype"])
            group.add_argument("--max-len", **model_kwargs["max_len"])
            group.add_argument("--eager", **{**model_kwargs["eager"], "default": None})
            group.add_argument("--overrides", **model_kwargs["overrides"])
            group.add_argument("--old", **model_kwargs["old"])
            for name in ("log-a", "log-b"):
                group.add_argument(f"--{name}", action="store_true")
            current_platform.pre_register_and_update(parser)
            return parser
"""
ENVIRONMENT = """
    import os
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        VLLM_PORT: int | None = None

    environment_variables = {
        "VLLM_PORT": lambda: os.getenv("VLLM_PORT"),
    }
    environment_variables.update({"CUDA_HOME": lambda: None})
"""
SGLANG = """
    import argparse
    import dataclasses
    from typing import List, Literal, Optional

    BACKENDS = ["fa3", "triton"]
    BACKENDS += ["flashinfer"]

    class DeprecatedAction(argparse.Action):
        def __init__(self, option_strings, dest, nargs=0, **kwargs):
            super().__init__(option_strings, dest, nargs=nargs, **kwargs)

    @dataclasses.dataclass
    class ServerArgs:
        backend: Optional[str] = None

        @staticmethod
        def add_cli_args(parser: argparse.ArgumentParser):
            parser.add_argument("--tp-size", "--tensor-parallel-size", type=int, default=ServerArgs.backend)
            parser.add_argument("--backend", type=str, choices=["auto"] + BACKENDS)
            parser.add_argument("--buckets", type=float, nargs="+")
            parser.add_argument("--gone", action=DeprecatedAction)
"""


REGISTRY = """
_TEXT_GENERATION_MODELS = {"ReadsForCausalLM": ("text", "Reads")}
_EMBEDDING_MODELS = {**{k: v for k, v in _TEXT_GENERATION_MODELS.items()}}
_MULTIMODAL_MODELS = {"SeesForCausalLM": ("vision", "Sees")}
_VLLM_MODELS = {**_TEXT_GENERATION_MODELS, **_EMBEDDING_MODELS, **_MULTIMODAL_MODELS}
"""


DRAFTS = """
from dataclasses import dataclass
from typing import Literal, Optional

Layers = Literal["own_mtp", "mtp"]
Method = Literal["ngram", Layers]

@dataclass
class SpeculativeConfig:
    model: Optional[str] = None
    method: Optional[Method] = None
    target_model_config: str = None
class CompilationConfig:
    mode: Optional[int] = None
    _hidden: int = 0
"""


def vllm(root: Path, arguments: str = ARGUMENTS, version: str = "1.0.0") -> Path:
    return package(
        root / f"vllm-{version}",
        {
            "vllm/__init__.py": "",
            "vllm/config.py": DRAFTS,
            "vllm/engine/arg_utils.py": arguments,
            "vllm/entrypoints/cli/serve.py": SERVE,
            "vllm/envs.py": ENVIRONMENT,
            "vllm/model_executor/models/registry.py": REGISTRY,
        },
    )


def sglang(root: Path, server_args: str = SGLANG, version: str = "1.0.0") -> Path:
    return package(
        root / f"sglang-{version}",
        {
            "sglang/__init__.py": "",
            "sglang/srt/server_args.py": server_args,
            "sglang/srt/configs/model_config.py": 'multimodal_model_archs = ["SeesForCausalLM"]\n',
            "sglang/srt/models/text.py": "EntryClass = [ReadsForCausalLM]\n",
            "sglang/srt/models/vision.py": "EntryClass = SeesForCausalLM\n",
        },
    )


def package(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


def entries(flags: list[Flag]) -> dict[str, list[Any]]:
    return {flag.name: flag.entry() for flag in flags}


def test_vllms_parser_is_followed_through_its_config_classes(tmp_path: Path) -> None:
    found = entries(vllm_reader.flags_of(open_tree(vllm(tmp_path), "vllm")))

    assert found == {
        "model_tag": ["text", {"nargs": "?"}],
        "dtype": ["text", {"choices": ["auto", "float", "half"], "aliases": ["d"], "default": "auto"}],
        "max-len": ["int", {"nullable": True}],
        "eager": ["bool"],
        "overrides": ["json"],
        "old": ["int", {"deprecated": True, "default": 3}],
        "log-a": ["flag"],
        "log-b": ["flag"],
    }


def test_vllms_variables_are_those_of_its_own_list(tmp_path: Path) -> None:
    assert vllm_reader.variables_of(open_tree(vllm(tmp_path), "vllm")) == {"VLLM_PORT", "CUDA_HOME"}


def test_sglangs_parser_is_followed(tmp_path: Path) -> None:
    found = entries(sglang_reader.flags_of(open_tree(sglang(tmp_path), "sglang")))

    assert found == {
        "tp-size": ["int", {"aliases": ["tensor-parallel-size"]}],
        "backend": ["text", {"choices": ["auto", "fa3", "triton", "flashinfer"]}],
        "buckets": ["number", {"nargs": "+"}],
        "gone": ["flag", {"deprecated": True}],
    }


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('parser.add_argument("--x", type=made_elsewhere)', "--x has a type that is not in the tool's tables"),
        ('parser.add_argument("--x", type=json.loads or int if argv else str)', "--x has a type"),
        ('parser.add_argument("--x", choices=platform.backends())', "--x has choices that are not known"),
        ('parser.add_argument("--x", choices=[])', "--x has an empty list of choices"),
        ('parser.add_argument("--x", action=Odd)', "--x has an action that is not known"),
        ("parser.add_argument(name())", "an argument whose name is not known"),
        ('parser.add_argument("--x", **options())', "options"),
        ("extend(parser)", "extend(parser)"),
        ('if on_gpu():\n    parser.add_argument("--x")', "whether `on_gpu()` cannot be told"),
        ('for name in names():\n    parser.add_argument("--x")', "cannot be followed"),
        ('while True:\n    parser.add_argument("--x")', "a While cannot be followed here"),
        ("kinds = []\nkinds.extend(names())", "kinds.extend(names())"),
        ('raise ValueError(f"odd {BACKENDS[0]}")', "the package itself would refuse: odd fa3"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(tmp_path: Path, added: str, said: str) -> None:
    """A flag that is left out would be refused by the compiler, although the engine takes it."""
    text = dedent(SGLANG) + "".join(f"        {line}\n" for line in added.splitlines())

    with pytest.raises(NotUnderstoodError) as caught:
        sglang_reader.flags_of(open_tree(sglang(tmp_path, text), "sglang"))

    assert said in str(caught.value)
    assert str(caught.value).startswith("sglang/srt/server_args.py:")


def test_an_unknown_condition_that_has_nothing_to_do_with_flags_is_passed_over(tmp_path: Path) -> None:
    text = SGLANG + '            if on_gpu():\n                warn("slow")\n            parser.add_argument("--x")\n'

    assert "x" in entries(sglang_reader.flags_of(open_tree(sglang(tmp_path, text), "sglang")))


def test_an_sdist_is_read_as_it_is(tmp_path: Path) -> None:
    tree = sglang(tmp_path)
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: sglang\nVersion: 1.2.3\n", encoding="utf-8")
    with tarfile.open(tmp_path / "some.tar.gz", "w:gz") as archive:
        archive.add(tree, arcname="sglang-1.2.3")

    found = open_tree(tmp_path / "some.tar.gz", "sglang")

    assert found.version == "1.2.3"
    assert len(sglang_reader.flags_of(found)) == 4


def test_a_folder_without_the_package_or_a_version_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no package vllm"):
        open_tree(tmp_path, "vllm")
    with pytest.raises(SourceError, match="no version"):
        open_tree(vllm(tmp_path).rename(tmp_path / "unpacked"), "vllm")
