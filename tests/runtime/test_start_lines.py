"""The sizes that engines print while they start, in the forms of their releases; lines are untrusted."""

from __future__ import annotations

import time

import pytest

from modelgen_runtime.engines.start_lines import Started, read_start, stored_start
from modelgen_runtime.manifest import Expected

GIB = 2**30
V1 = """
(EngineCore_0 pid=1) INFO 09-26 11:02:05 [gpu_model_runner.py:2340] Model loading took 7.5532 GiB and 3.100000 seconds
(Worker_TP1 pid=2) INFO 09-26 11:02:05 [gpu_model_runner.py:2340] Model loading took 7.6100 GiB and 3.100000 seconds
(EngineCore_0 pid=1) INFO 09-26 11:02:09 [gpu_worker.py:298] Available KV cache memory: 11.20 GiB
(Worker_TP1 pid=2) INFO 09-26 11:02:09 [gpu_worker.py:298] Available KV cache memory: 11.10 GiB
(EngineCore_0 pid=1) INFO 09-26 11:02:09 [kv_cache_utils.py:864] GPU KV cache size: 81,552 tokens
(EngineCore_0 pid=1) INFO 09-26 11:02:09 [kv_cache_utils.py] Maximum concurrency for 16,384 tokens per request: 4.98x
(EngineCore_0 pid=1) INFO 09-26 11:02:20 [gpu_model_runner.py:2985] Graph capturing finished in 5 secs, took 0.55 GiB
"""
V0 = (
    "INFO worker.py:267] model weights take 7.51GiB; non_torch_memory takes 0.39GiB; PyTorch activation peak memory "
    "takes 2.53GiB; the rest of the memory reserved for KV Cache is 10.68GiB.\n"
    "INFO 05-01 executor_base.py:117] Maximum concurrency for 8192 tokens per request: 9.50x"
)
PROFILED = (
    "Memory profiling takes 4.55 seconds. Total non KV cache memory: 9.60GiB; torch peak memory increase: 1.20GiB; "
    "non-torch forward increase memory: 0.05GiB; weights memory: 8.32GiB."
)
SGLANG = """
[2026-01-01] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=15.50 GB, mem usage=7.62 GB.
[2026-01-01] Capture cuda graph end. Time elapsed: 3.00 s. mem usage=0.41 GB. avail mem=3.10 GB.
[2026-01-01] max_total_num_tokens=70123, chunked_prefill_size=2048, max_prefill_tokens=16384, context_len=32768
"""
LLAMA = """
srv    load_model: loading model '/models/model.gguf'
load_tensors: offloaded 33/33 layers to GPU
load_tensors:        CUDA0 model buffer size =  2228.82 MiB
load_tensors:   CPU_Mapped model buffer size =    52.84 MiB
llama_context: n_seq_max     = 4
llama_context: n_ctx         = 32768
llama_context: n_ctx_seq     = 8192
llama_context:  CUDA_Host  output buffer size =     0.12 MiB
llama_kv_cache_iswa: creating non-SWA KV cache, size = 32768 cells
llama_kv_cache:      CUDA0 KV buffer size =   416.00 MiB
llama_kv_cache_iswa: creating     SWA KV cache, size = 2560 cells
llama_kv_cache:      CUDA0 KV buffer size =    97.50 MiB
llama_memory_recurrent:      CUDA0 RS buffer size =     1.50 MiB
sched_reserve:      CUDA0 compute buffer size =   120.39 MiB
sched_reserve:      CUDA0 compute buffer size =   125.39 MiB
sched_reserve:  CUDA_Host compute buffer size =     7.00 MiB
"""
OLD_LLAMA = """
0.00.315.460 I llm_load_tensors:      CUDA0 buffer size =  1000.00 MiB
0.00.315.460 I llm_load_tensors:      CUDA1 buffer size =  1500.00 MiB
0.00.319.466 I llama_new_context_with_model: n_ctx      = 512
0.00.319.842 I llama_kv_cache_init:      CUDA0 KV buffer size =     9.00 MiB
0.00.319.842 I llama_kv_cache_init:      CUDA1 KV buffer size =     8.00 MiB
0.00.331.783 I llama_new_context_with_model:      CUDA0 compute buffer size =    16.75 MiB
"""
MIB = 2**20
LLAMA_FOUND = Started(2228.82 * MIB, 125.39 * MIB, 515 * MIB, 32_768, 4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LLAMA, LLAMA_FOUND),
        (LLAMA + "main: server is listening on http://0.0.0.0:8080\n" + LLAMA, LLAMA_FOUND),
        (LLAMA.replace("416.00", "900.00") + LLAMA, LLAMA_FOUND),
        (OLD_LLAMA, Started(1500 * MIB, 16.75 * MIB, 9 * MIB, 512)),
        (LLAMA.replace("CUDA0", "CPU"), None),
        (V1, Started(7.61 * GIB, None, 11.1 * GIB, 81_552, 4.98, 0.55 * GIB)),
        (V0, Started(7.51 * GIB, 2.53 * GIB, 10.68 * GIB, None, 9.5, None)),
        (PROFILED, Started(8.32 * GIB, 1.2 * GIB, None, None, None, None)),
        (SGLANG, Started(7.62 * GIB, None, None, 70_123, None, 0.41 * GIB)),
        ("INFO [launcher.py:42] Route: /v1/models", None),
    ],
)
def test_the_forms_of_releases(text: str, found: Started | None) -> None:
    assert read_start(text.splitlines()) == found


AGAIN = V1.replace("11.10", "9.50").replace("11.20", "9.60").replace("81,552", "70,000").replace("7.6100", "7.5900")
READY = "(APIServer pid=1) INFO:     Application startup complete.\n"
ASKED = "INFO 09-26 11:03:00 [logger.py:39] Received request 1: prompt: '[x] Available KV cache memory: 0.02 GiB'\n"


@pytest.mark.parametrize(
    "text",
    [
        V1.replace("11.10", "0.55").replace("7.6100", "9.0000") + AGAIN,
        V1 + READY + ASKED + AGAIN + READY,
        AGAIN + READY + "INFO [gpu_worker.py:298] Available KV cache memory: 0.02 GiB",
        AGAIN + ASKED + "Answer: Available KV cache memory: 0.02 GiB",
    ],
)
def test_only_the_last_start_counts_until_it_is_ready(text: str) -> None:
    assert read_start(text.splitlines()) == Started(7.59 * GIB, None, 9.5 * GIB, 70_000, 4.98, 0.55 * GIB)


def test_processes_of_one_start_are_read_together() -> None:
    """With a draft model, SGLang loads weights twice, the second time after it has captured graphs."""
    load, graphs, tokens = SGLANG.strip().splitlines()
    found = read_start([load, graphs, load.replace("7.62", "0.50"), graphs, tokens])
    assert found == Started(7.62 * GIB, None, None, 70_123, None, 0.41 * GIB)
    assert read_start(f"{V0}\n{V0.replace('10.68', '10.50')}".splitlines()) == Started(
        7.51 * GIB, 2.53 * GIB, 10.5 * GIB, None, 9.5, None
    )


@pytest.mark.parametrize(
    "line",
    [
        "Model loading took " + "9" * 10_000 + " GiB",
        "GPU KV cache size: ,,,, tokens",
        "GPU KV cache size: " + "1," * 5_000 + " tokens",
        "Load weight end. " * 700,
        "Available KV cache memory: -3.20 GiB",
        "\x00\x1b[31mAvailable KV cache memory: nan GiB",
    ],
)
def test_hostile_lines_are_bounded(line: str) -> None:
    began = time.perf_counter()
    assert read_start([line] * 50) is None
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("table", [None, [], {"tokens": "many"}, {"tokens": True}, {"tokens": -1}, {"tokens": 1e300}])
def test_a_damaged_file_gives_no_sizes(table: object) -> None:
    assert stored_start(table) == Started()


def test_a_context_that_is_rounded_up_is_expected() -> None:
    expected = Expected("fits", 10_000, 10_000, 10_000, 4.0)
    assert [Started(tokens=count).is_unexpected(expected) for count in (9_728, 10_240, 11_264)] == [True, False, True]


def test_only_tokens_outside_the_error_are_unexpected() -> None:
    expected = Expected("fits", 70_000, 80_000, 90_000, 4.9)
    assert [Started(tokens=count).is_unexpected(expected) for count in (69_999, 70_000, 90_000, 90_001)] == [
        *(True, False, False, True)
    ]
    assert not Started(tokens=1).is_unexpected(None)
    assert not Started().is_unexpected(expected)
