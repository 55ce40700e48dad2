"""What engines say, as they say it, is understood; what means nothing is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelgen_runtime.failures.explanation import Meaning, explain_failure
from modelgen_runtime.failures.known import ANSWERS, CAUSES, CONSEQUENCES, EXITS, NOT_OWN_LIMIT, OWN_LIMIT, Saying
from modelgen_runtime.failures.known.answers import SAYINGS as OF_ANSWERS
from modelgen_runtime.failures.root_cause import find_cause

DATA = Path(__file__).parent / "data"
PUBLIC_LINES = [line.split("\t") for line in (DATA / "failure_lines.tsv").read_text().splitlines()]
OF_ENGINES = (*CAUSES, *CONSEQUENCES)

REAL_LINES = [
    (
        "no-container-toolkit",
        "vllm",
        'cannot be started: could not select device driver "nvidia" with capabilities: [[gpu]]',
    ),
    (
        "limits-not-allowed",
        "command",
        "cannot be started: failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
        "container process: error during container init: error setting rlimits for ready process: error setting rlimit "
        "type 8: operation not permitted: unknown",
    ),
    (
        "card-in-use",
        "vllm",
        "(EngineCore_DP0 pid=6940) ValueError: Free memory on device cuda:1 (19.77/22.05 GiB) on startup is less than "
        "desired GPU memory utilization (0.9, 19.84 GiB). Decrease GPU memory utilization or reduce GPU memory used by "
        "other processes.",
    ),
    (
        "no-room-for-cache",
        "vllm",
        "vllm-1  | ERROR 11-18 18:07:28 engine.py:366] ValueError: No available memory for the cache blocks. Try "
        "increasing `gpu_memory_utilization` when initializing the engine.",
    ),
    (
        "context-too-long-for-cache",
        "vllm",
        "ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is "
        "needed, which is larger than the available KV cache memory (9.05 GiB). Based on",
    ),
    (
        "context-too-long-for-cache",
        "vllm",
        "ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored "
        "in KV cache (27296). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`",
    ),
    (
        "context-longer-than-model",
        "vllm",
        "(APIServer pid=53)   Value error, User-specified max_model_len (65536) is greater than the derived "
        "max_model_len (max_position_embeddings=32768.0 or model_max_length=None in model's config.json).",
    ),
    ("wsl2-pinned-memory", "vllm", "RuntimeError: UVA is not available"),
    (
        "shared-memory-too-small",
        "vllm",
        "RuntimeError: Insufficient space in /dev/shm for the shared memory: 160 MiB required, 64 MiB free",
    ),
    ("sleep-not-supported", "vllm", "ValueError: Sleep mode is not supported on current platform."),
    (
        "model-given-as-flag",
        "vllm",
        "ValueError: With `vllm serve`, you should provide the model as a positional argument or in a config file",
    ),
    (
        "tiktoken-file-missing",
        "vllm",
        "openai_harmony.HarmonyError: error downloading or loading vocab file: failed to download or load vocab file",
    ),
    (
        "path-not-in-container",
        "vllm",
        "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': "
        "'/root/.cache/huggingface/Qwen--Qwen3-4B-Instruct-2507'. Use `repo_type` argument if needed.",
    ),
    ("no-model-in-folder", "vllm", "  Value error, Invalid repository ID or local directory specified: '/model'."),
    (
        "not-in-hub-cache",
        "vllm",
        "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the "
        "specified revision on the local disk and outgoing traffic has been disabled.",
    ),
    (
        "hub-not-reachable",
        "vllm",
        "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them in the "
        "cached files.",
    ),
    ("hub-not-reachable", "tei", "Error: Could not download model artifacts"),
    (
        "gated-repo",
        "sglang",
        "OSError: You are trying to access a gated repo. huggingface_hub.errors.GatedRepoError: 401 Client Error.",
    ),
    (
        "remote-code",
        "vllm",
        "ValueError: The repository moonshotai/Kimi-VL contains custom code which must be executed to correctly load "
        "the model. Please pass the argument `trust_remote_code=True` to allow custom code to be run.",
    ),
    (
        "damaged-weights",
        "vllm",
        "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
    ),
    ("damaged-weights", "llamacpp", "gguf_init_from_file_impl: failed to read magic"),
    (
        "architecture-not-supported",
        "vllm",
        "(APIServer pid=352089)   Value error, Model architectures ['DeepseekOCRForCausalLM'] are not supported for "
        "now. Supported architectures: dict_keys(['ApertusForCausalLM'",
    ),
    (
        "architecture-not-supported",
        "llamacpp",
        "llama_model_load: error loading model: error loading model architecture: unknown model architecture: 'qwen4'",
    ),
    (
        "parallel-size",
        "vllm",
        "  Value error, Total number of attention heads (40) must be divisible by tensor parallel size (3).",
    ),
    (
        "bfloat16-not-supported",
        "vllm",
        "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has "
        "compute capability 7.5.",
    ),
    ("unknown-flag", "vllm", "api_server.py: error: unrecognized arguments: --max-model-length 4096"),
    ("unknown-flag", "llamacpp", "error: invalid argument: --contxt-size"),
    ("unknown-flag", "tei", "error: unexpected argument '--max-batch' found"),
    (
        "sglang-memory",
        "sglang",
        "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
    ),
    (
        "gguf-missing",
        "llamacpp",
        "gguf_init_from_file: failed to open GGUF file '/data/m.gguf' (No such file or directory)",
    ),
    (
        "driver-too-old",
        "vllm",
        "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver",
    ),
    (
        "card-not-supported",
        "vllm",
        "torch.AcceleratorError: CUDA error: no kernel image is available for execution on the device",
    ),
    ("no-such-card", "vllm", "RuntimeError: CUDA error: invalid device ordinal"),
    ("no-card-seen", "vllm", "RuntimeError: No CUDA GPUs are available"),
    (
        "no-card-seen",
        "vllm",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
    ),
    (
        "card-full",
        "vllm",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.90 GiB. GPU 0 has a total capacity of 23.64 "
        "GiB of which 1.05 GiB is free.",
    ),
    (
        "warm-up-out-of-memory",
        "vllm",
        "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try "
        "lowering max_num_seqs or gpu_memory_utilization when initializing the engine.",
    ),
    (
        "card-full",
        "llamacpp",
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 19840.00 MiB on device 0: cudaMalloc failed: out of "
        "memory",
    ),
    (
        "port-taken",
        "vllm",
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
    ),
    ("port-taken", "sglang", "OSError: [Errno 98] Address already in use"),
    (
        "port-taken",
        "llamacpp",
        "srv          start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080",
    ),
    ("disk-full", "vllm", "OSError: [Errno 28] No space left on device: '/root/.cache/vllm/torch_compile_cache'"),
    ("too-many-files", "tei", 'Os { code: 24, kind: Uncategorized, message: "Too many open files" }'),
    ("user-without-name", "vllm", "KeyError: 'getpwuid(): uid not found: 10001'"),
    (
        "no-permission",
        "vllm",
        "PermissionError: [Errno 13] Permission denied: '/root/.cache/huggingface/hub/models--Qwen--Qwen3/refs/main'",
    ),
    (
        "module-missing",
        "vllm",
        "ModuleNotFoundError: No module named 'intel_extension_for_pytorch'",
    ),
    ("wrong-architecture", "llamacpp", "exec /app/llama-server: exec format error"),
]


def explain(engine: str, code: int | None, lines: list[str], *, hit_limit: bool | None = None) -> Meaning | None:
    return explain_failure(engine, code, find_cause(lines), hit_limit=hit_limit)


@pytest.mark.parametrize(("name", "engine", "line"), [*REAL_LINES, *PUBLIC_LINES])
def test_what_an_engine_says_is_understood(name: str, engine: str, line: str) -> None:
    noise = ["INFO 11-24 10:00:00 [a.py:1] starting", line, "INFO 11-24 10:00:09 [a.py:2] Shutting down"]
    failure = explain(engine, 1, noise)
    assert failure is not None
    assert (failure.name, failure.line) == (name, line)
    assert failure.text
    assert failure.remedy
    assert failure.source


def test_every_row_has_a_real_line() -> None:
    assert {saying.name for saying in OF_ENGINES} == {name for name, *_ in (*REAL_LINES, *PUBLIC_LINES)}
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
    assert (own.name, own.keys[0]) == (OWN_LIMIT.name, "compose.mem_limit")
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
    plain |= {"loras", "command", "trust_remote_code", "switch", "args", "env"}
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
