"""Command lines that are right, or about which nothing is certain: none is an error."""

from __future__ import annotations

import pytest

from modelgen.foreign import read_files
from modelgen.linting import lint

RIGHT = [
    ("v0.11.0", "--model x/y -O3"),
    ("v0.11.0", "--model x/y -O 3"),
    ("v0.10.0", "--model x/y --compilation-config 3"),
    ("v0.10.0", "--model x/y --compilation-config '{\"level\": 3}'"),
    ("v0.8.5", "--model x/y --enable-chunked-prefill false"),
    ("v0.11.0", "--help"),
    ("v0.11.0", "--model x/y --enforce-eager --no-enable-prefix-caching --no-enable-prefix-cachin"),
    ("v0.12.0", "x/y --served-model-name true --trust-remote-code"),
    ("v0.11.0", "--model x/y --max_model_len 8k -tp 1"),
    ("v0.11.0", "--model s3://a/b --load-format runai_streamer"),
    ("v0.11.0", "--model /m/q.gguf --tokenizer x/y"),
    ("v0.11.0", "--config /m/vllm.yaml"),
    ("v0.11.0", "--model ${MODEL:-x/y} ${FLAGS:-}"),
    ("v0.12.0", "x/y --lora-modules a=/m/a b=/m/b --enable-lora"),
    ("v0.12.0", "x/y --served-model-name a b/c --middleware a.b.C"),
]
UNSURE = ["latest", "nightly", "gptoss", "v99.0.0"]


def errors(image: str, command: str) -> list[str]:
    text = f"services:\n  a:\n    image: {image}\n    volumes: ['./m:/m']\n    command: >-\n      {command}\n"
    return [one.message for one in lint(read_files([("c.yml", text.encode())])).diagnostics if one.severity == "error"]


@pytest.mark.parametrize(("tag", "command"), RIGHT)
def test_what_is_right_is_no_error(tag: str, command: str) -> None:
    assert errors(f"vllm/vllm-openai:{tag}", command) == []


@pytest.mark.parametrize("tag", UNSURE)
def test_a_flag_that_a_newer_release_may_have_is_no_error(tag: str) -> None:
    assert errors(f"vllm/vllm-openai:{tag}", "--model x/y --no-known-flag 3") == []


@pytest.mark.parametrize(
    "image", ["rocm/vllm:rocm6.4.1_vllm_0.10.0_20250812", "lmsysorg/sglang:v0.5.3", "team/vllm:v0.11.0"]
)
def test_the_program_is_named_where_the_image_starts_none(image: str) -> None:
    program = "python3 -m sglang.launch_server --model-path" if "sglang" in image else "vllm serve"
    assert errors(image, f"{program} x/y") == []
