"""Checkpoints whose quantization is not the flag's, or not one that the release loads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiling import complete, findings

COMMIT = "1cfa9a7208912126459214e8b04321603b3df60c"
IMAGES = {"vllm": "vllm/vllm-openai", "sglang": "lmsysorg/sglang"}
VLLM, SGLANG = ("vllm", "0.19.0"), ("sglang", "0.5.9")
MLX = {"group_size": 64, "bits": 4}


def rules(config: dict[str, Any], args: str, engine: tuple[str, str], *files: str, image: str = "") -> list[str]:
    """Return the rules about the quantization that find something."""
    listed = ", ".join(f'{{ path = "{path}", size = 7, blob = "{COMMIT}" }}' for path in ("config.json", *files))
    lock = f'[[snapshots]]\nrepo = "o/m"\ncommit = "{COMMIT}"\nfiles = [{listed}]\nconfig = \'{json.dumps(config)}\'\n'
    name, version = engine
    length = "max-model-len" if name == "vllm" else "context-length"
    place = f'image = "{image}"\nversion = "{version}"' if image else f'image = "{IMAGES[name]}:v{version}"'
    toml = complete(
        '[gpus.g]\ncard = "H100"\ndevice = "0"\n'
        f"[engines.{name}]\n{place}\n"
        f'[models.m]\nengine = "{name}"\nrepo = "o/m"\ngpus = ["g"]\nargs = {{ {length} = 8192, {args} }}\n'
    )
    return [one.rule for one in findings(toml, lock) if one.rule.endswith(("quantization", "quantization-mismatch"))]


def quantized(method: str) -> dict[str, Any]:
    return {"quantization_config": {"quant_method": method, "bits": 4}}


@pytest.mark.parametrize("engine", [VLLM, SGLANG])
@pytest.mark.parametrize(
    ("config", "flag", "is_fine"),
    [
        *((quantized("awq"), flag, False) for flag in ("gptq", "bitsandbytes", "fp8", "compressed-tensors")),
        (quantized("compressed-tensors"), "fp8", False),
        (quantized("compressed_tensors"), "fp8", False),
        ({"compression_config": {"quant_method": "compressed-tensors"}}, "fp8", False),
        ({"text_config": quantized("gptq")}, "awq", False),
        ({"model_type": "qwen3"}, "awq", False),
        ({"model_type": "qwen3"}, "fp8", True),
        ({"model_type": "qwen3"}, "bitsandbytes", True),
        (quantized("awq"), "awq", True),
        (quantized("awq"), "awq_marlin", True),
        (quantized("awq"), "moe_wna16", True),
        (quantized("gptq"), "gptq_marlin", True),
        (quantized("compressed_tensors"), "compressed-tensors", True),
        (quantized("modelopt"), "modelopt_fp4", True),
    ],
)
def test_a_flag_against_the_checkpoint(
    config: dict[str, Any], flag: str, engine: tuple[str, str], *, is_fine: bool
) -> None:
    assert rules(config, f'quantization = "{flag}"', engine) == ([] if is_fine else ["quantization-mismatch"])


def test_a_file_of_its_own_or_a_replaced_config_is_not_compared() -> None:
    assert rules({"model_type": "qwen3"}, 'quantization = "awq"', VLLM, "quant_config.json") == []
    assert rules(quantized("awq"), 'quantization = "gptq", hf-overrides = { a = 1 }', VLLM) == []


@pytest.mark.parametrize(
    ("config", "engine", "is_fine"),
    [
        *((quantized(method), VLLM, False) for method in ("exl2", "exl3", "aqlm", "vptq", "higgs", "quanto", "eetq")),
        (quantized("aqlm"), ("vllm", "0.10.0"), True),
        (quantized("mxfp4"), ("vllm", "0.10.0"), False),
        (quantized("mxfp4"), ("vllm", "0.10.1"), True),
        (quantized("bitsandbytes"), ("vllm", "0.28.0"), False),
        (quantized("exl2"), SGLANG, False),
        ({"quantization_config": MLX, "quantization": MLX}, VLLM, False),
        ({"quantization_config": MLX, "quantization": MLX}, SGLANG, False),
        (quantized("compressed_tensors"), VLLM, True),
        (quantized("FP8"), VLLM, True),
        (quantized("intel/auto-round"), VLLM, True),
        (quantized("modelopt"), VLLM, True),
        (quantized("something"), ("vllm", "0.99.0"), True),
        (quantized("qoq"), SGLANG, True),
        (quantized("qoq"), ("sglang", "0.5.16"), False),
        *((quantized(method), SGLANG, False) for method in ("hqq", "aqlm", "experts_int8")),
        *((quantized(method), SGLANG, True) for method in ("fbgemm_fp8", "quark", "mxfp4", "compressed_tensors")),
        (quantized("aqlm"), ("sglang", "0.5.4"), True),
        ({}, VLLM, True),
    ],
)
def test_a_method_against_the_release(config: dict[str, Any], engine: tuple[str, str], *, is_fine: bool) -> None:
    assert rules(config, "seed = 1" if engine[0] == "vllm" else "random-seed = 1", engine) == (
        [] if is_fine else ["unknown-quantization"]
    )


@pytest.mark.parametrize(
    ("method", "version", "is_fine"),
    [("modelopt", "0.19.0", False), ("modelopt", "0.21.0", True), ("fp8", "0.19.0", True), ("quark", "0.19.0", True)],
)
def test_a_method_that_rocm_lacks(method: str, version: str, *, is_fine: bool) -> None:
    found = rules(quantized(method), "seed = 1", ("vllm", version), image=f"vllm/vllm-openai-rocm:v{version}")
    assert found == ([] if is_fine else ["unknown-quantization"])


def test_an_own_image_may_have_a_plugin() -> None:
    assert rules(quantized("something"), "seed = 1", VLLM, image="registry.internal/vllm:1") == []


@pytest.mark.parametrize(
    ("method", "version", "args", "is_found"),
    [
        ("awq", "0.8.5", 'quantization = "awq", dtype = "bfloat16"', True),
        ("awq", "0.8.5", 'quantization = "awq", dtype = "half"', False),
        ("awq", "0.8.5", 'quantization = "awq_marlin", dtype = "bfloat16"', False),
        ("awq", "0.8.5", 'dtype = "bfloat16"', False),
        ("gptq", "0.12.0", 'quantization = "gptq", dtype = "bfloat16"', True),
        ("awq", "0.32.0", 'quantization = "awq", dtype = "bfloat16"', False),
        ("mxfp4", "0.12.0", 'dtype = "half"', True),
        ("mxfp4", "0.32.0", 'dtype = "bfloat16"', False),
        ("mxfp4", "0.32.0", 'dtype = "auto"', False),
        ("mxfp4", "0.99.0", 'dtype = "half"', False),
        ("fp8", "0.12.0", 'dtype = "half"', False),
    ],
)
def test_a_dtype_against_the_method(method: str, version: str, args: str, *, is_found: bool) -> None:
    expected = ["dtype-of-quantization"] if is_found else []
    assert rules(quantized(method), args, ("vllm", version)) == expected
