"""What engines say, as they say it, is understood; what means nothing is not."""

from __future__ import annotations

import re

import pytest

from modelgen_runtime.failures.explanation import Meaning, explain_answer, explain_failure
from modelgen_runtime.failures.known import ANSWERS, CAUSES, CONSEQUENCES, EXITS, NOT_OWN_LIMIT, OWN_LIMIT, Saying
from modelgen_runtime.failures.known.answers import SAYINGS as OF_ANSWERS
from modelgen_runtime.failures.root_cause import find_cause
from written_pages.known_failures import table

OF_ENGINES = (*CAUSES, *CONSEQUENCES)
LINES = [(name, *pair) for name, row in table().items() for pair in row["lines"]]
PRINTED = [line for line in LINES if line[0] in {saying.name for saying in OF_ENGINES}]
ANSWERED = [line for line in LINES if line[0] in {saying.name for saying in OF_ANSWERS}]
EXITED = [line for line in LINES if line not in PRINTED and line not in ANSWERED]


def explain(engine: str, code: int | None, lines: list[str], *, hit_limit: bool | None = None) -> Meaning | None:
    return explain_failure(engine, code, find_cause(lines), hit_limit=hit_limit)


@pytest.mark.parametrize(("name", "engine", "line"), PRINTED)
def test_what_an_engine_says_is_understood(name: str, engine: str, line: str) -> None:
    noise = ["INFO 11-24 10:00:00 [a.py:1] starting", line, "INFO 11-24 10:00:09 [a.py:2] Shutting down"]
    failure = explain(engine, 1, noise)
    assert failure is not None
    assert (failure.name, failure.line) == (name, line)
    assert failure.text
    assert failure.remedy
    assert failure.source


@pytest.mark.parametrize(("name", "engine", "line"), ANSWERED)
def test_what_a_ready_engine_answers_is_understood(name: str, engine: str, line: str) -> None:
    meaning = explain_answer(engine, line)
    assert meaning is not None
    assert meaning.name == name


@pytest.mark.parametrize(("name", "engine", "line"), EXITED)
def test_how_an_engine_ended_is_understood(name: str, engine: str, line: str) -> None:
    code = re.search(r"\((\d+)\)", line)
    meaning = explain(engine, int(code[1]) if code else None, [], hit_limit=None if code else True)
    assert meaning is not None
    assert meaning.name == name


def test_every_row_has_a_real_line() -> None:
    rows = (*OF_ENGINES, *OF_ANSWERS, *EXITS, OWN_LIMIT)
    assert {row.name for row in rows} == {name for name, *_ in LINES}
    assert not {saying.name for saying in OF_ENGINES} & {row.name for row in EXITS}


@pytest.mark.parametrize(
    ("code", "name"),
    [(137, "killed"), (-9, "killed"), (-11, "crashed"), (132, "illegal-instruction"), (127, "program-missing")],
)
def test_an_end_without_a_word_is_understood_by_its_code(code: int, name: str) -> None:
    failure = explain("vllm", code, ["INFO 11-24 10:00:00 [a.py:1] loading"])
    assert failure is not None
    assert (failure.name, failure.line) == (name, f"exit code {code}")


@pytest.mark.parametrize("hit_limit", [True, False, None])
@pytest.mark.parametrize(
    ("engine", "is_named"), [("vllm", True), ("command", False), ("sglang", False), ("tei", False)]
)
def test_only_vllm_gets_the_advice_for_vllm_when_it_was_killed(
    engine: str, *, is_named: bool, hit_limit: bool | None
) -> None:
    failure = explain(engine, 137, [], hit_limit=hit_limit)
    assert failure is not None
    said = f"{failure.remedy} {failure.keys}"
    assert ("VLLM_CPU_KVCACHE_SPACE" in said) == is_named
    assert ("KV cache" in failure.remedy or "VLLM" in failure.remedy) == is_named
    assert "or on a CPU" not in failure.remedy.partition("; load fewer models")[0]


@pytest.mark.parametrize("code", [0, 1, 137])
def test_a_container_that_reached_its_own_memory_limit_is_told_from_a_full_host(code: int) -> None:
    """Code 1: the kernel killed vLLM's EngineCore, and its API server ended by itself."""
    lines = ["RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"]
    own = explain("vllm", code, lines, hit_limit=True)
    assert own is not None
    assert (own.name, own.keys[0]) == (OWN_LIMIT.name, "host_memory")
    host = explain("vllm", 137, [], hit_limit=False)
    assert host is not None
    assert (host.name, host.text) == (NOT_OWN_LIMIT.name, NOT_OWN_LIMIT.meaning)


def test_a_killed_inner_process_is_told_by_those_that_noticed() -> None:
    died = "ERROR 11-28 16:12:25 [core_client.py:564] Engine core proc EngineCore_DP0 died unexpectedly, shutting down"
    failure = explain("vllm", 0, ["INFO 11-28 16:12:20 [a.py:1] loading", died])
    assert failure is not None
    assert (failure.name, failure.line) == ("engine-core-died", died)


@pytest.mark.parametrize("code", [0, 1, 2, None])
@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["INFO 11-24 10:00:00 [a.py:1] Available KV cache memory: 9.05 GiB", "Traceback (most recent call last):"],
        ["INFO 11-24 10:00:00 [a.py:1] Initializing with config: trust_remote_code=True, dtype=torch.bfloat16"],
        ["GET /v1/models 200", "memory: 12 GiB", "the address is http://127.0.0.1:8000"],
        ["WARNING 11-28 16:11:58 [utils.py:2877] It can cause errors like `OSError: [Errno 24] Too many open files`"],
        ["WARNING 10-10 10:22:58 _custom_ops.py:18] Failed to import with ImportError('libcuda.so.1: cannot open')"],
        ["[W1128 16:13:33.415227268 utils.cpp:57] Warning: numa_migrate_pages: Permission denied"],
    ],
)
def test_what_means_nothing_is_not_explained(code: int | None, lines: list[str]) -> None:
    assert explain("vllm", code, lines) is None


def test_what_was_said_weighs_more_than_the_exit_code() -> None:
    failure = explain("vllm", -9, ["torch.OutOfMemoryError: CUDA out of memory. Tried"], hit_limit=True)
    assert failure is not None
    assert failure.name == "card-full"


def test_what_docker_says_counts_as_well() -> None:
    failure = explain_failure("vllm", None, find_cause([]), 'could not select device driver "nvidia" with capabilities')
    assert failure is not None
    assert failure.name == "no-container-toolkit"


def test_what_it_answered_to_a_warmup_counts_as_well() -> None:
    message = 'could not give one token: … answered 404: {"message": "The model does not support Chat Completions API"}'
    failure = explain_failure("vllm", None, find_cause([]), message)
    assert failure is not None
    assert failure.name == "route-not-of-model"


@pytest.mark.parametrize("is_first", [True, False])
def test_the_most_specific_saying_wins_wherever_it_stands(is_first: bool) -> None:  # noqa: FBT001
    cause = "ValueError: Free memory on device (3.2/23.6 GiB) on startup is less than desired GPU memory utilization"
    consequence = "ModuleNotFoundError: No module named 'x'"
    lines = [cause, consequence] if is_first else [consequence, cause]
    failure = explain("vllm", 1, lines)
    assert failure is not None
    assert (failure.name, failure.line) == ("card-in-use", cause)


def test_of_one_saying_the_last_line_is_shown() -> None:
    failure = explain("vllm", 1, ["CUDA out of memory: first", "CUDA out of memory: second", "bye"])
    assert failure is not None
    assert failure.line == "CUDA out of memory: second"


def test_the_sayings_of_another_engine_count_only_for_a_command() -> None:
    lines = ["failed to open GGUF file 'x'"]
    assert explain("vllm", 1, lines) is None
    failure = explain("command", 1, lines)
    assert failure is not None
    assert failure.name == "gguf-missing"


TO_SERVE = "To serve at least one request with the model's max seq len (9), "


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("exceeds available Mamba cache blocks (614). Each", "`max-num-seqs` in its `args` to at most 614"),
        (f"{TO_SERVE}(3 GiB), the estimated maximum model length is 121840. T", "(121840 would fit)"),
        (f"{TO_SERVE}(24.0 GiB KV cache is needed", "lower `max-model-len` in its `args`, or"),
        ("maximum number of tokens that can be stored in KV cache (27296). Try", "(27296 would fit)"),
        ("is greater than the derived max_model_len (max_position_embeddings=32768.0 or x=None", "at most 32768"),
        (
            "CUDA out of memory occurred when warming up sampler with 1024 dummy requests.",
            "`args` below 1024, or lower",
        ),
        ("LoRA rank 64 is greater than max_lora_rank 16.", "`max-lora-rank` in its `args` to at least 64"),
        (f"exceeds available Mamba cache blocks ({'9' * 400})", "no such saying"),
        ("exceeds available Mamba cache blocks (<b>)", "no such saying"),
    ],
)
def test_the_numbers_of_the_line_go_into_the_remedy(line: str, told: str) -> None:
    failure = explain("vllm", 1, [f"ValueError: {line}"])
    assert told in (failure.remedy if failure is not None else "no such saying")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("vllm: error: unrecognized arguments: --no-such-flag 7", "args.no-such-flag"),
        ("error: invalid argument: --contxt-size", "args.contxt-size"),
        ("api_server.py: error: argument --max-num-seqs: invalid int value: 'x'", "args.max-num-seqs"),
        ("vllm: error: unrecognized arguments: surplus", "args"),
    ],
)
def test_a_flag_that_the_line_names_is_the_key(line: str, key: str) -> None:
    failure = explain("vllm", 2, [line])
    assert failure is not None
    assert failure.keys[0] == key


@pytest.mark.parametrize("saying", ANSWERS, ids=lambda saying: saying.name)
def test_keys_are_those_of_a_models_table(saying: Saying) -> None:
    tables = {"args", "env", "compose"}
    tables |= {"gpu", "engine", "host", "project"}  # those of its cards and its engine, and of the whole file
    plain = {"repo", "revision", "image", "engine", "gpus", "gpu_memory", "file", "include", "exclude"}
    plain |= {"host_memory", "loras", "command", "trust_remote_code", "switch", "args", "env"}
    for key in saying.keys:
        table, _, name = key.partition(".")
        assert (table in tables and name) or key in plain, key


@pytest.mark.parametrize("saying", [*ANSWERS, *CONSEQUENCES], ids=lambda saying: saying.name)
def test_no_pattern_can_take_long(saying: Saying) -> None:
    """A single bounded repetition of one character cannot multiply, whatever the line."""
    bare = re.sub(r"\\.|\[[^]]*\]", "x", saying.pattern)
    bare = re.sub(r"\(\?P<[a-z]{1,8}>(x\{1,\d{1,2}\})\)", r"\1", bare)
    for alternative in bare.split("|"):
        assert len(re.findall(r"\.\{0,\d{1,3}\}", alternative)) <= 1
        assert len(re.findall(r"x\{1,\d{1,2}\}", alternative)) <= 1
    assert not re.search(r"[*+?{]", re.sub(r"\(\?:|\(\?i:|\.\{0,\d{1,3}\}\??|x\{1,\d{1,2}\}|x\?", "", bare))


def test_hostile_lines_are_cut_and_bounded() -> None:
    fragments = "Free memory on device " * 100_000
    lines = [fragments] * 1_000 + ["CUDA out of memory"]
    failure = explain("vllm", 1, lines)
    assert failure is not None
    assert failure.name == "card-full"
    assert explain("vllm", 1, ["x" * 2_000 + "CUDA out of memory"]) is None


def test_answers_have_names_of_their_own() -> None:
    assert not {saying.name for saying in OF_ANSWERS} & {saying.name for saying in OF_ENGINES}
