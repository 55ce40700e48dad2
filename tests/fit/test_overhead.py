"""The memory beside weights and cache, by what profiles it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fit_projects import DEEPSEEK_V3, GPT_OSS, QWEN_4B, QWEN_VL_4B
from modelgen.engines import ENGINES
from modelgen.engines.images.versions import parse_version
from modelgen.fit.blocks import overhead
from modelgen.fit.blocks.evidence import bar, public_starts
from modelgen.fit.blocks.parallel import Parallel, weights
from modelgen.fit.blocks.settings import Settings
from modelgen.fit.shapes import read_shape

if TYPE_CHECKING:
    from modelgen.engines.facts import MemoryFacts

GIB = 2**30


@pytest.mark.parametrize(
    ("release", "family", "is_dense", "is_quantized", "is_lean"),
    [
        ("0.21.0", "qwen3", True, False, None),
        ("0.22.1", "qwen3", True, False, True),
        ("0.22.1", "qwen3", True, True, False),
        ("0.24.0", "qwen2", True, False, False),
        ("0.24.0", "llama", True, True, True),
        ("0.26.0", "qwen2", True, True, True),
        ("0.27.1", "qwen3_moe", False, False, False),
        ("0.27.1", "qwen2_moe", False, False, True),
        ("0.31.0", "qwen3_moe", False, True, True),
    ],
)
def test_the_runner_of_a_release(
    release: str, family: str, *, is_dense: bool, is_quantized: bool, is_lean: bool | None
) -> None:
    lean = facts_of(release).lean
    found = None if lean is None else lean.runs(family, is_dense=is_dense, is_quantized=is_quantized)
    assert found is is_lean


def facts_of(release: str, card: str = "") -> MemoryFacts:
    version, memory_of = parse_version(release), ENGINES["vllm"].memory
    assert version is not None
    assert memory_of is not None
    return memory_of(version, 24 * GIB, card)


def peak(release: str, parallel: int = 1, *, encodes: bool = True, is_lean: bool = False) -> float:
    facts, shape = facts_of(release), read_shape(QWEN_VL_4B)
    line = overhead.activations(shape, facts, 256, 2048, parallel, encodes=encodes, is_lean=is_lean)
    return line.amount.value / GIB


def test_the_lean_runner_samples_without_filters() -> None:
    """By hand: 256 sequences × 151,936 tokens × 38, 16 or 8 bytes, and 0.1 GiB."""
    assert peak("0.16.0", encodes=False) == pytest.approx(1.48, abs=0.01)
    assert peak("0.24.0", encodes=False) == pytest.approx(0.68, abs=0.01)
    assert peak("0.24.0", encodes=False, is_lean=True) == pytest.approx(0.39, abs=0.01)


def test_gpus_divide_the_inner_width_of_a_tower() -> None:
    """By hand: 65,536 patches × 2 B × (6 × 1,024 + 2 × 4,096 / GPUs), and 16,384 tokens with the depths of Qwen3-VL."""
    kept = 2 * 16_384 * 2560 * 4 / GIB
    assert peak("0.24.0") == pytest.approx(65_536 * 2 * (6144 + 8192) / GIB + kept)
    assert peak("0.24.0", 2) == pytest.approx(65_536 * 2 * (6144 + 4096) / GIB + kept)


def test_a_profile_run_without_media_has_no_tower() -> None:
    facts = facts_of("0.24.0")
    assert Settings.read({}, facts, 0, is_quantized=False).encodes
    assert not Settings.read({"skip-mm-profiling": True}, facts, 0, is_quantized=False).encodes


@pytest.mark.parametrize("card", ["MI300X", "RX 7900 XTX"])
def test_starts_on_nvidia_show_nothing_for_amd(card: str) -> None:
    assert bar(public_starts(), facts_of("0.31.0", card).profile, 24 * GIB).starts == 0
    assert bar(public_starts(), facts_of("0.31.0", "RTX 4090").profile, 24 * GIB).starts > 0


@pytest.mark.parametrize(
    ("config", "gpus", "copied"),
    [
        (QWEN_4B, 2, 0.005),  # what every GPU has is norms
        (QWEN_4B, 16, 0.04),  # of 8 KV heads
        (QWEN_VL_4B, 2, 0.04),
        (DEEPSEEK_V3, 2, 0.04),
        (GPT_OSS, 2, 0.04),
        (QWEN_4B, 1, 0),
    ],
)
def test_the_weights_that_every_gpu_may_have(config: dict[str, Any], gpus: int, copied: float) -> None:
    line = weights(100 * GIB, read_shape(config), Parallel(gpus, 1, 1), 0)
    assert line.amount.high - line.amount.value == pytest.approx(100 * GIB * (copied + 0.01 / gpus))


def test_few_sequences_need_few_graphs() -> None:
    assert overhead.graphs(1).amount.value < overhead.graphs(64).amount.value < overhead.graphs(256).amount.value
    assert overhead.graphs(256) == overhead.graphs(1024)


def test_buffers_between_gpus_grow_with_them() -> None:
    nothing = bar((), "any", 24 * GIB)
    one, two, four, eight = (overhead.outside(gpus, nothing).amount.value for gpus in (1, 2, 4, 8))
    assert one < two < four == eight


@pytest.mark.parametrize(("card", "is_shared"), [("GB10", True), ("Jetson AGX Orin 64GB", True), ("RTX 4090", False)])
def test_memory_that_is_shared_with_the_processor_has_an_error_of_its_own(card: str, *, is_shared: bool) -> None:
    version, memory_of = parse_version("0.26.0"), ENGINES["vllm"].memory
    assert version is not None
    assert memory_of is not None
    assert (memory_of(version, 64 * GIB, card).profile == "unified memory") is is_shared
