"""A release that counts the memory of other programs on a GPU as its own is a warning where models share one."""

from __future__ import annotations

import pytest

from compiling import complete, findings

FILE = """
[engines.vllm]
image = "vllm/vllm-openai:v0.9.0"

[models.one]
repo = "a/one"
gpus = ["gpu0"]
gpu_memory = "10GiB"
args = { max-model-len = 8192 }

[models.two]
repo = "a/two"
gpus = ["gpu0"]
gpu_memory = "8GiB"
args = { max-model-len = 8192 }
"""


def warned(text: str) -> list[str]:
    return [one.message for one in findings(complete(text)) if one.rule == "counts-others"]


def test_both_models_are_named_at_the_image() -> None:
    (message,) = warned(FILE)
    taken = "vLLM 0.9.0 takes the memory of other models on the GPU for its own"
    assert message == f"{taken}, so too little may be left for `one`, `two`"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v0.9.0", "v0.9.1"),
        ("10GiB", "20GiB"),  # no other model is loaded beside it
        ("args =", 'env = { VLLM_USE_V1 = "0" }\nargs ='),
    ],
)
def test_models_that_can_share_a_gpu_are_not(old: str, new: str) -> None:
    assert old in FILE
    assert warned(FILE.replace(old, new)) == []
