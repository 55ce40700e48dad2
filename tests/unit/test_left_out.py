"""Which files of a repository are fetched."""

from __future__ import annotations

import pytest
from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from modelgen.hub.snapshot.left_out import choose, matches, nearest
from modelgen.loader import Loader

ALWAYS = ["config.json", "tokenizer.json"]


@pytest.mark.parametrize(
    ("paths", "gone", "patterns"),
    [
        ("model.safetensors pytorch_model.bin", "pytorch_model.bin", "*.bin"),
        ("pytorch_model.bin", "", ""),
        ("pytorch_model.bin tf_model.h5 flax_model.msgpack", "tf_model.h5 flax_model.msgpack", "*.h5 *.msgpack"),
        ("model.safetensors onnx/model.onnx onnx/model.onnx_data", "onnx/model.onnx onnx/model.onnx_data",
         "*.onnx *.onnx_data"),
        ("onnx/model.onnx", "", ""),
        ("model.safetensors original/consolidated.00.pth original/params.json",
         "original/consolidated.00.pth original/params.json", "original/*"),
        ("original/consolidated.00.pth", "", ""),
        ("model.safetensors metal/model.bin", "metal/model.bin", "metal/*"),
        ("model.safetensors 2_Dense/pytorch_model.bin pytorch_model.bin", "pytorch_model.bin", "pytorch_model.bin"),
        ("2_Dense/model.safetensors 2_Dense/pytorch_model.bin", "2_Dense/pytorch_model.bin", "*.bin"),
        ("model.safetensors optimizer.pt colbert_linear.pt", "optimizer.pt", "optimizer.pt"),
        ("model.safetensors a.gguf", "a.gguf", "*.gguf"),
        ("a.gguf b.gguf", "", ""),
        ("model-00001-of-00001.safetensors consolidated.safetensors params.json", "consolidated.safetensors",
         "consolidated*.safetensors"),
        ("consolidated-00001-of-00001.safetensors params.json", "", ""),
        ("adapter_model.safetensors adapter_model.bin", "adapter_model.bin", "*.bin"),
        ("model.safetensors pytorch_model.bin.index.json", "pytorch_model.bin.index.json", "*.bin.index.json"),
        ("model.safetensors .gitattributes README.md LICENSE figures/bench.png", "figures/bench.png", "*.png"),
        ("a[1].safetensors a[1].bin sub/b.bin", "a[1].bin", "a[[]1].bin"),
    ],
)  # fmt: skip
def test_what_serving_does_not_need(paths: str, gone: str, patterns: str) -> None:
    choice = choose([*ALWAYS, *paths.split()], (), ())
    assert choice.unneeded == tuple(gone.split())
    assert choice.left_out == tuple(patterns.split())
    assert set(choice.kept) == {*ALWAYS, *paths.split()} - set(gone.split())
    assert all(matches(path, choice.left_out) for path in choice.unneeded)
    assert not any(matches(path, choice.left_out) for path in choice.kept)


def test_what_is_included_is_kept_whatever_it_is() -> None:
    choice = choose(["a.safetensors", "a.bin", "b.bin"], ["*.bin"], ["b*"])
    assert (choice.kept, choice.not_included, choice.left_out) == (("a.bin",), ("a.safetensors",), ())


def test_what_is_excluded_is_no_reason_to_leave_out_the_rest() -> None:
    assert choose(["model.safetensors", "pytorch_model.bin"], (), ["*.safetensors"]).kept == ("pytorch_model.bin",)


TEXT = st.text(alphabet="ab.*?[]/\\!-", max_size=8)


@given(st.lists(TEXT, max_size=4), TEXT.filter(lambda path: "\\" not in path))
def test_patterns_mean_what_they_mean_to_the_hub(patterns: list[str], path: str) -> None:
    assert matches(path, patterns) == bool([*filter_repo_objects([path], allow_patterns=patterns)])


def test_the_nearest_file() -> None:
    paths = ["q/model-Q4_K_M.gguf", "q/model-Q8_0.gguf", "config.json"]
    assert nearest("model-Q4_K.gguf", paths)[0] == "q/model-Q4_K_M.gguf"
    assert nearest("zzzzzzzz.gguf", paths) == paths[:2]
    assert nearest("x", []) == []


@pytest.mark.parametrize("name", ["fp32", "fp16", "bf16", "fp8", "int8"])
@pytest.mark.parametrize("loader", [(), (Loader("vLLM", (("*.safetensors",), ("*.bin",))),)])
def test_variants_beside_the_plain_set_are_left_out(name: str, loader: tuple[Loader, ...]) -> None:
    plain = ["deep/model.safetensors", "config.json", "model.safetensors"]
    found = choose([*plain, f"model.{name}.safetensors", f"deep/model.{name}.safetensors"], (), (), loader)
    assert (found.kept, found.left_out) == (tuple(plain), (f"*.{name}*.safetensors",))
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    others = [f"model.{name}-00001-of-00002.safetensors", f"model-00002-of-00002.{name}.safetensors"]
    indices = ["model.safetensors.index.json", f"model.safetensors.index.{name}.json"]
    assert choose([*shards, *others, *indices], (), (), loader).kept == (*shards, indices[0])
    assert choose(["pytorch_model.bin", f"pytorch_model.{name}.bin"], (), (), loader).kept == ("pytorch_model.bin",)


@pytest.mark.parametrize(
    "paths",
    [
        ("config.json", "model.fp16.safetensors"),
        ("model.safetensors", "adapter.fp16.safetensors"),
        ("model.safetensors", "model.visual.safetensors"),
        ("model.safetensors", "model-fp16.safetensors"),
        ("deep/model.safetensors", "model.fp16.safetensors"),
        ("model.fp16.safetensors", "model.int8.safetensors"),
    ],
)
def test_what_may_be_no_variant_of_another_file_stays(paths: tuple[str, ...]) -> None:
    assert choose(paths, (), ()).kept == paths
