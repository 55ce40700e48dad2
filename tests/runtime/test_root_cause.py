"""The cause of a failed start is found where it stands, in real logs, whatever was printed after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen_runtime.failures.explanation import explain_failure
from modelgen_runtime.failures.log_lines import clean_line
from modelgen_runtime.failures.root_cause import GAP, find_cause

LOGS = Path(__file__).parent / "data" / "logs"
REAL_LOGS = {
    # name of the log: (name of the saying, a part of the line, a part of the remedy)
    "vllm-0.11.0-badcfg": ("config-damaged", "is not a valid JSON file", "verify --fix"),
    "vllm-0.11.0-longctx": ("engine-core-silent", "Engine core initialization failed", "lower `max-model-len`"),
    "vllm-0.11.0-parser": ("unknown-tool-parser", "invalid tool call parser: nope", "`tool-call-parser`"),
    "vllm-0.11.0-sharded": ("weights-incomplete", "weights were not initialized", "verify --fix"),
    "vllm-0.11.0-tmpl": ("chat-template-file-missing", "appears path-like", "`chat-template`"),
    "vllm-0.11.0-trunc": ("damaged-weights", "file not fully covered", "verify --fix"),
    "vllm-0.32.0-longctx": ("context-too-long-for-cache", "To serve at least one request", "2097024 would fit"),
    "vllm-0.11.0-context-over-cache": ("context-too-long-for-cache", "To serve at least one", "1048576 would fit"),
    "vllm-0.11.0-core-killed": ("engine-core-silent", "Engine core initialization failed", "dmesg"),
    "vllm-0.11.0-missing-adapter-file": ("adapter-missing", "doesn't contain tensors", "`loras`"),
    "vllm-0.11.0-missing-tokenizer": ("tokenizer-missing", "Converting from SentencePiece", "`tokenizer`"),
    "vllm-0.11.0-unreadable-weights": ("weights-missing", "No such file or directory", "verify"),
    "vllm-0.11.0-unsupported-architecture": ("architecture-not-supported", "NopeForCausalLM", "`image`"),
    "vllm-0.32.0-context-over-model": ("context-longer-than-model", "max_model_len (65536)", "at most 32768"),
    "vllm-0.32.0-core-killed": ("engine-core-silent", "Engine core initialization failed", "dmesg"),
    "vllm-0.32.0-deleted-shard": ("weights-missing", "referenced in index but missing", "verify --fix"),
    "vllm-0.32.0-hub-one-level-off": ("not-in-hub-cache", "LocalEntryNotFoundError", "`hub`"),
    "vllm-0.32.0-missing-adapter-file": ("adapter-missing", "doesn't contain tensors", "`loras`"),
    "vllm-0.32.0-missing-tokenizer": ("tokenizer-missing", "instantiate the backend tokenizer", "`tokenizer`"),
    "vllm-0.32.0-path-as-model": ("path-not-in-container", "Repo id must be in the form", "`repo`"),
    "vllm-0.32.0-truncated-shard": ("damaged-weights", "file not fully covered", "verify --fix"),
    "vllm-0.32.0-unknown-flag": ("unknown-flag", "unrecognized arguments", "`args`"),
    "vllm-0.32.0-unknown-model-type": ("architecture-not-supported", "model type `nope`", "`image`"),
    "vllm-0.32.0-worker-out-of-memory": ("engine-core-died", "died unexpectedly (exit code: -9)", "`host_memory`"),
    "vllm-0.32.0-unreadable-config": ("no-permission", "Permission denied", "verify"),
}
SHOWN_AT_MOST = 34


def read_log(name: str) -> list[str]:
    return [clean_line(line) for line in (LOGS / f"{name}.log").read_bytes().splitlines()]


def test_each_log_has_its_case() -> None:
    assert {path.stem for path in LOGS.glob("*.log")} == REAL_LOGS.keys()


@pytest.mark.parametrize("name", REAL_LOGS)
def test_a_real_log_is_explained_by_its_root_cause(name: str) -> None:
    expected, said, remedy = REAL_LOGS[name]
    cause = find_cause(read_log(name))
    meaning = explain_failure("vllm", 1, cause)
    assert meaning is not None
    assert (meaning.name, said in meaning.line, remedy in meaning.remedy) == (expected, True, True)
    assert any(said in line for line in cause.shown)
    assert len(cause.shown) <= SHOWN_AT_MOST


@pytest.mark.parametrize("name", REAL_LOGS)
def test_what_an_engine_prints_later_hides_no_cause(name: str) -> None:
    later = ["INFO:     Shutting down", "Loading safetensors checkpoint shards: 100%", "bye"] * 1_000
    assert explain_failure("vllm", 1, find_cause([*read_log(name), *later])) == explain_failure(
        "vllm", 1, find_cause(read_log(name))
    )


def test_what_is_shown_has_gaps_where_something_was_left_out() -> None:
    lines = read_log("vllm-0.32.0-longctx")
    shown = find_cause(lines).shown
    assert GAP in shown
    assert shown[-1] == lines[-1]
    blocks = "\n".join(shown).split(f"\n{GAP}\n")
    assert all(block in "\n".join(lines) for block in blocks)


def test_of_chained_exceptions_the_innermost_is_shown_first_and_those_that_followed_too() -> None:
    said = find_cause(read_log("vllm-0.11.0-badcfg")).said
    first, second = (next(line for line in said if name in line) for name in ("JSONDecodeError", "OSError"))
    assert said.index(first) < said.index(second)


def test_the_process_that_failed_first_counts_not_the_one_that_ended_last() -> None:
    worker = [
        "(Worker_TP1 pid=51) ERROR 11-28 10:00:01 [multiproc_executor.py:953] WorkerProc failed to start.",
        "(Worker_TP1 pid=51) ERROR 11-28 10:00:01 [multiproc_executor.py:953] Traceback (most recent call last):",
        '(Worker_TP1 pid=51) ERROR 11-28 10:00:01 [multiproc_executor.py:953]   File "a.py", line 1, in load',
        "(Worker_TP1 pid=51) ERROR 11-28 10:00:01 [multiproc_executor.py:953] ZeroDivisionError: the first",
    ]
    core = [
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:708] EngineCore failed to start.",
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:708] Traceback (most recent call last):",
        '(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:708]   File "b.py", line 2, in wait',
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:708] Exception: WorkerProc initialization failed due to "
        "an exception in a background process. See stack trace for root cause.",
    ]
    server = [
        "(APIServer pid=7) Traceback (most recent call last):",
        '(APIServer pid=7)   File "c.py", line 3, in <module>',
        "(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    assert find_cause([*worker, *core, *server]).said == tuple(worker[2:])


def test_tracebacks_of_processes_that_print_at_once_are_told_apart() -> None:
    one = ["(Worker_TP0 pid=1) Traceback (most recent call last):", '(Worker_TP0 pid=1)   File "a.py", line 1, in f']
    two = ["(Worker_TP1 pid=2) Traceback (most recent call last):", '(Worker_TP1 pid=2)   File "b.py", line 1, in g']
    lines = [one[0], two[0], two[1], one[1], "(Worker_TP1 pid=2) ValueError: two", "(Worker_TP0 pid=1) KeyError: 'one'"]
    assert find_cause(lines).said == (two[1], lines[4])


def test_an_error_of_one_request_is_not_why_the_engine_died() -> None:
    request = [
        "ERROR:    Exception in ASGI application",
        "Traceback (most recent call last):",
        '  File "server.py", line 1, in chat',
        "ValueError: of one request",
    ]
    death = [
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:710] EngineCore encountered a fatal error.",
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:710] Traceback (most recent call last):",
        '(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:710]   File "core.py", line 1, in step',
        "(EngineCore_DP0 pid=32) ERROR 11-28 10:00:02 [core.py:710] ZeroDivisionError: of all",
    ]
    assert find_cause([*request, *death]).said == tuple(death[2:])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(
            [
                "[2025-09-16 17:46:22 TP0] Scheduler hit an exception: Traceback (most recent call last):",
                '  File "scheduler.py", line 1, in run_scheduler_process',
                "ValueError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes.",
                "[2025-09-16 17:46:23] Received sigquit from a child process. It usually means the child failed.",
                "Traceback (most recent call last):",
                '  File "launch_server.py", line 2, in <module>',
                "RuntimeError: Initialization failed. Please see the error messages above.",
            ],
            "ValueError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes.",
            id="sglang",
        ),
        pytest.param(
            [
                '{"timestamp":"2026-01-23T13:41:25Z","level":"INFO","message":"Starting","target":"a"}',
                '{"timestamp":"2026-01-23T13:41:25Z","level":"ERROR","message":"Could not start Candle backend"}',
                "Error: Could not create backend",
                "",
                "Caused by:",
                "    Could not start backend: Runtime compute cap 120 is not compatible with 80",
            ],
            '{"timestamp":"2026-01-23T13:41:25Z","level":"ERROR","message":"Could not start Candle backend"}',
            id="tei",
        ),
        pytest.param(
            [
                "load_backend: loaded CUDA backend from /app/libggml-cuda.so",
                "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 17908.51 MiB on device 0: cudaMalloc failed",
                "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
                "main: exiting due to model loading error",
            ],
            "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 17908.51 MiB on device 0: cudaMalloc failed",
            id="llama.cpp",
        ),
        pytest.param(
            ["usage: vllm serve [model_tag] [options]", "vllm: error: unrecognized arguments: --no-such-flag 7"],
            "vllm: error: unrecognized arguments: --no-such-flag 7",
            id="argparse",
        ),
        pytest.param(
            [
                "(APIServer pid=7) Traceback (most recent call last):",
                '(APIServer pid=7)   File "a.py", line 1, in <module>',
                "(APIServer pid=7) pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
                "(APIServer pid=7)   Value error, Model architectures ['X'] are not supported for now.",
                "(APIServer pid=7)     For further information visit https://errors.pydantic.dev/2.11/v/value_error",
            ],
            "(APIServer pid=7)   Value error, Model architectures ['X'] are not supported for now.",
            id="pydantic",
        ),
    ],
)
def test_the_words_of_each_engine_are_found(lines: list[str], said: str) -> None:
    cause = find_cause(["noise"] * 500 + lines)
    assert said in cause.said


def test_without_any_error_the_last_lines_are_shown() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert find_cause(lines).shown == tuple(lines[-20:])
    assert find_cause([]).shown == ()


CHAINED = "During handling of the above exception, another exception occurred:"
PREFIXES = ["(Worker pid=1) ", "ERROR 01-01 00:00:00 [a.py:1] ", "  ", "error: "]
PIECES = st.sampled_from(
    ["Traceback (most recent call last):", '  File "a", line 1', "", "ValueError: x", CHAINED, *PREFIXES]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=20), st.tuples(PIECES, PIECES).map("".join)), max_size=60))
def test_whatever_is_printed_what_is_shown_is_a_bounded_part_of_it(lines: list[str]) -> None:
    cause = find_cause(lines)
    assert len(cause.shown) <= 2 * SHOWN_AT_MOST
    assert {*cause.shown} <= {*lines, GAP}
    assert {*cause.said, *cause.rest} <= {*lines}
