"""The memory of GGUF files: the cache exactly, by public logs of llama.cpp; the compute buffer within its error."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from modelgen.engines import ENGINES
from modelgen.engines.facts import GgufServing
from modelgen.engines.images.versions import parse_version
from modelgen.fit.gguf import GgufStart, estimate_parts
from modelgen.fit.gguf.cache import GgufCache
from modelgen.fit.gguf.layers import read_model
from modelgen.fit.gguf.overhead import compute
from modelgen.fit.models import estimate_start
from modelgen.fit.shapes import CannotEstimateError
from modelgen.lockfile.entries import GgufFacts

MIB, GIB = 2**20, 2**30
LOGS = tomllib.loads((Path(__file__).parents[2] / "docs/starts-gguf.toml").read_text(encoding="utf-8"))["start"]
QWEN_14B: dict[str, Any] = {
    "architecture": "qwen3",
    "block_count": 40,
    "embedding_length": 5120,
    "feed_forward_length": 17408,
    "attention.head_count": 40,
    "attention.head_count_kv": 8,
    "attention.key_length": 128,
    "attention.value_length": 128,
    "context_length": 40960,
}


def facts(metadata: dict[str, Any], vocabulary: int = 151_936, **more: Any) -> GgufFacts:  # noqa: ANN401
    values = {key: value for key, value in metadata.items() if key != "architecture"}
    return GgufFacts(path="m.gguf", architecture=metadata["architecture"], vocabulary=vocabulary, values=values, **more)


def serving(build: int = 6500, /, **args: Any) -> GgufServing:  # noqa: ANN401
    flags = {flag.replace("_", "-"): value for flag, value in {"ctx_size": 32768, **args}.items()}
    assert ENGINES["llamacpp"].gguf is not None
    found = ENGINES["llamacpp"].gguf(parse_version(f"b{build}"), flags, {})
    assert not isinstance(found, str), found
    return found


def cache(metadata: dict[str, Any], served: GgufServing) -> float:
    return GgufCache(read_model(facts(metadata)), served, 0, 1).of_request / MIB


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log["model"])
def test_a_logged_start(log: dict[str, Any]) -> None:
    served, model = serving(log["build"], **log["args"]), read_model(facts(log["metadata"], log["vocabulary"]))
    if "cache" in log:
        assert GgufCache(model, served, 0, 1).of_request / MIB == log["cache"]
    if "states" in log:
        assert sum(layer.state for layer in model.layers) * served.sequences / MIB == log["states"]
    if "compute" in log:
        amount = compute(model, served, served.tokens, 0, 1).amount
        assert amount.low <= log["compute"] * MIB <= amount.high
        assert amount.value / MIB == pytest.approx(log["compute"], rel=0.1)


@pytest.mark.parametrize(
    ("args", "size"),
    [
        ({}, 5120),
        ({"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, 2720),
        ({"cache_type_k": "q4_0"}, 2560 + 720),
        ({"parallel": 4}, 5120),
        ({"parallel": 3}, 5160),  # 10,923 tokens each, rounded up to 11,008
        ({"no_kv_offload": True}, 0),
        ({"ctx_size": 100}, 40),
    ],
)
def test_the_cache_by_type_and_slots(args: dict[str, Any], size: float) -> None:
    assert cache(QWEN_14B, serving(**args)) == size


GEMMA_3 = {
    "architecture": "gemma3",
    "block_count": 12,
    "embedding_length": 1152,
    "feed_forward_length": 6912,
    "attention.head_count": 4,
    "attention.head_count_kv": 1,
    "attention.key_length": 256,
    "attention.value_length": 256,
    "attention.sliding_window": 512,
}
DEEPSEEK = {
    "architecture": "deepseek2",
    "block_count": 61,
    "embedding_length": 7168,
    "feed_forward_length": 18432,
    "attention.head_count": 128,
    "attention.head_count_kv": 1,
    "attention.key_length": 576,
    "attention.value_length": 512,
    "attention.key_length_mla": 192,
    "attention.value_length_mla": 128,
}


def test_windows() -> None:
    """Two of twelve layers cache all tokens; the others the window and one batch."""
    row = 2 * 256 * 2 / MIB
    assert cache(GEMMA_3, serving()) == row * (2 * 32768 + 10 * 1024)
    assert cache(GEMMA_3, serving(swa_full=True)) == row * 12 * 32768
    assert cache(GEMMA_3, serving(parallel=2, kv_unified=True)) == row * (2 * 32768 + 10 * (2 * 512 + 512))
    llama_4 = {key: value for key, value in GEMMA_3.items() if "window" not in key} | {"architecture": "llama4"}
    assert cache(llama_4, serving()) == row * (3 * 32768 + 9 * (8192 + 512))
    assert cache(llama_4 | {"attention.sliding_window": 0}, serving()) == row * 12 * 32768
    listed = GEMMA_3 | {"architecture": "new", "attention.sliding_window_pattern": [1, 0] * 6}
    assert cache(listed, serving()) == row * (6 * 32768 + 6 * 1024)


def test_a_latent_cache_is_stored_once_since_19067() -> None:
    assert cache(DEEPSEEK, serving(7000)) == 61 * 32768 * (576 + 512) * 2 / MIB
    assert cache(DEEPSEEK, serving(9000)) == 61 * 32768 * 576 * 2 / MIB


def start(args: dict[str, Any] | None = None, memory: int = 24 * GIB, gpus: int = 1, **more: Any) -> GgufStart:  # noqa: ANN401
    layers = [200 * MIB] * 40
    header = facts(QWEN_14B, layers=layers, input=400 * MIB, output=600 * MIB, **more)
    read = ENGINES["llamacpp"].gguf
    assert read is not None
    version, flags = parse_version("b6500"), {"ctx-size": 32768, **(args or {})}
    return GgufStart(header, 0, flags, lambda now: read(version, now, {}), memory, gpus, 1.0, flags["ctx-size"])


def weights(**args: Any) -> float:  # noqa: ANN401
    flags = {flag.replace("_", "-"): value for flag, value in args.items()}
    return estimate_parts(start(flags))[0][1].amount.value / MIB


def test_weights_by_layers_on_the_gpu() -> None:
    assert weights() == 8600
    assert weights(n_gpu_layers=99) == 8600
    assert weights(n_gpu_layers=40) == 39 * 200 + 600
    assert weights(n_gpu_layers=0) == 0
    assert estimate_parts(start(tied=True))[0][1].amount.value == 9000 * MIB
    moe = start({"n-cpu-moe": 10}, experts=[150 * MIB] * 40)
    assert estimate_parts(moe)[0][1].amount.value == (8600 - 1500) * MIB
    assert estimate_parts(start({"cpu-moe": True}, experts=[150 * MIB] * 40))[0][1].amount.value == 2600 * MIB


def test_the_compute_buffer_of_a_logged_start() -> None:
    """306.75 MiB for Qwen3 14B with 32,768 tokens in 8 bits."""
    line = estimate_parts(start())[0][2]
    assert (line.name, line.amount.value) == ("compute buffer", 306.75 * MIB)


@pytest.mark.parametrize(("memory", "verdict"), [(24, "fits"), (15, "tight"), (12, "does not fit")])
def test_verdicts(memory: int, verdict: str) -> None:
    found = estimate_start(start(memory=memory * GIB))
    assert found.verdict == verdict
    if verdict != "fits":
        assert 0 < found.longest < 32768
        again = estimate_start(start({"ctx-size": found.longest}, memory=memory * GIB))
        assert again.verdict == "fits"


def test_more_gpus_never_need_more_of_each() -> None:
    one, two = (estimate_start(start(gpus=gpus)) for gpus in (1, 2))
    assert two.lines[1].amount.high < one.lines[1].amount.high
    assert two.cache.of_request < one.cache.of_request


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"architecture": ""}, "cannot be read"),
        ({"architecture": "bert", "block_count": 1}, "what `bert` caches is not known"),
        (QWEN_14B | {"block_count": 10**9}, "not a number of layers"),
        (QWEN_14B | {"block_count": -1}, "not a size"),
        (QWEN_14B | {"embedding_length": "x"}, "not a size"),
        (QWEN_14B | {"attention.head_count_kv": [8] * 3}, "no size for layer 3"),
        (QWEN_14B | {"attention.sliding_window": 512}, "which layers of `qwen3` have a sliding window"),
        (QWEN_14B | {"ssm.state_size": 128}, "the states of `qwen3` are not known"),
        (QWEN_14B | {"attention.indexer.head_count": 64}, "what `qwen3` caches is not known"),
    ],
)
def test_what_is_not_guessed(metadata: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotEstimateError, match=why):
        read_model(facts(metadata))


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"override-tensor": "exps=CPU"}, "`override-tensor` means"),
        ({"tensor-split": "1,2"}, "`tensor-split` means"),
        ({"split-mode": "row"}, "`split-mode`"),
        ({"n-gpu-layers": "auto"}, "leaves the choice"),
        ({"cache-type-k": "turbo3"}, "the type of the KV cache"),
        ({"ctx-size": 0}, "is not a number"),
    ],
)
def test_flags_that_are_not_known(args: dict[str, Any], why: str) -> None:
    read = ENGINES["llamacpp"].gguf
    assert read is not None
    assert why in str(read(parse_version("b6500"), {"ctx-size": 8192, **args}, {}))


def test_variables_set_flags_too() -> None:
    read = ENGINES["llamacpp"].gguf
    assert read is not None
    found = read(parse_version("b6500"), {}, {"LLAMA_ARG_CTX_SIZE": "8192", "LLAMA_ARG_N_PARALLEL": "2"})
    assert isinstance(found, GgufServing)
    assert (found.tokens, found.sequences, found.shares) == (8192, 2, False)
