"""The table of known failures, one row each, the most specific first: causes before what follows from them.

Patterns are searched for in every line of a log that may hold anything. So they consist of literal text, alternatives
and at most one bounded repetition, which cannot take long, whatever the line; a test holds them to that.
"""

from __future__ import annotations

from dataclasses import dataclass

_TESTED = "seen when run: vLLM 0.11.0 and 0.32.0 on a CPU"
_MEMORY = "give it more `gpu_memory`, or less to hold: lower `max-model-len` or `max-num-seqs` in its `args`"
_FETCH = "run `modelgen fetch`, and look at `hub` in [project]: it is the directory that holds `models--…`"


@dataclass(frozen=True, slots=True)
class Saying:
    """What an engine says, and what it means.

    Args:
        name: A word for programs.
        engine: Whose saying it is; None where it comes from a library that many have.
        pattern: Regular expression, searched for in a line.
        meaning: For people.
        remedy: What to change.
        source: Where the saying is known from.
        keys: Which keys mend it, as `sources.places_of` takes them.
    """

    name: str
    engine: str | None
    pattern: str
    meaning: str
    remedy: str
    source: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExitRow:
    """How an engine ends, and what it means, where it said nothing that is known."""

    name: str
    codes: frozenset[int]
    meaning: str
    remedy: str
    source: str


SAYINGS = (
    Saying(
        "card-in-use",
        "vllm",
        r"Free memory on device .{0,80} is less than desired GPU memory utilization",
        "less of the card is free than the model claims: something else holds it, or the claim is too large",
        "see with `nvidia-smi` who holds the card; else lower `gpu_memory` of the model, or `limit` of the card",
        "pytorch/pytorch#175666",
        keys=("gpu_memory", "gpu.limit"),
    ),
    Saying(
        "no-room-for-cache",
        "vllm",
        r"No available memory for the cache blocks",
        "the weights leave no room on the card for the cache of any request",
        _MEMORY,
        "vllm-project/vllm#2248",
        keys=("gpu_memory", "args.max-model-len", "args.max-num-seqs"),
    ),
    Saying(
        "context-too-long-for-cache",
        "vllm",
        r"To serve at least one request with the model|maximum number of tokens that can be stored in KV cache",
        "the cache is too small for one request of the greatest length",
        "lower `max-model-len` in its `args` to the length that the line names, or raise `gpu_memory`",
        "vllm/v1/core/kv_cache_utils.py",
        keys=("args.max-model-len", "gpu_memory"),
    ),
    Saying(
        "context-longer-than-model",
        "vllm",
        r"is greater than the derived max_model_len",
        "`max-model-len` is longer than what the model was made for",
        "lower `max-model-len` in its `args` to what the line names",
        "vllm/config/model.py",
        keys=("args.max-model-len",),
    ),
    Saying(
        "wsl2-pinned-memory",
        "vllm",
        r"UVA is not available",
        "under WSL2 this version of vLLM wants to be told that memory may be pinned",
        'set `platform = "wsl2"` in [host], which sets VLLM_WSL2_ENABLE_PIN_MEMORY',
        "vllm-project/vllm#47387",
        keys=("host.platform",),
    ),
    Saying(
        "shared-memory-too-small",
        None,
        r"Insufficient space in /dev/shm|No space left on device.{0,80}/dev/shm",
        "the shared memory of the container is too small",
        'set `shm_size = "8gb"` in [models.ID.compose]',
        _TESTED,
        keys=("compose.shm_size",),
    ),
    Saying(
        "sleep-not-supported",
        "vllm",
        r"Sleep mode is not supported on current platform",
        "this platform cannot put an engine to sleep",
        'set `switch = "restart"`, and take `enable-sleep-mode` out of its `args`',
        _TESTED,
    ),
    Saying(
        "model-given-as-flag",
        "vllm",
        r"With `vllm serve`, you should provide the model as a positional argument",
        "the engine is older or newer than what its command was written for",
        "set `version` in [engines.vllm] to that of the image",
        _TESTED,
    ),
    Saying(
        "tiktoken-file-missing",
        None,
        r"HarmonyError.{0,80}vocab",
        "the vocabulary of gpt-oss is no file of its repository, and could not be downloaded",
        "run `modelgen fetch`, which brings it, and mount the same hub",
        "vllm-project/vllm#22525",
    ),
    Saying(
        "path-not-in-container",
        None,
        r"Repo id must be in the form",
        "the path of the model does not exist where the engine runs, so it was taken for the name of a repository",
        "give `repo` as `namespace/name`, not a path, and look at `hub` in [project]",
        _TESTED,
    ),
    Saying(
        "no-model-in-folder",
        "vllm",
        r"Invalid repository ID or local directory specified",
        "the folder of the model is there, but no config.json is in it, or what it links to is not mounted",
        "give `repo` as `namespace/name`, and `hub` in [project] as the directory that holds `models--…`",
        _TESTED,
    ),
    Saying(
        "not-in-hub-cache",
        None,
        r"LocalEntryNotFoundError|Cannot find an appropriate cached snapshot folder",
        "the model is not in the hub directory that the engine sees",
        _FETCH,
        _TESTED,
    ),
    Saying(
        "hub-not-reachable",
        None,
        r"We couldn't connect to 'https://huggingface\.co'|Could not download model artifacts",
        "the engine tried to download the model and could not, as it should not",
        _FETCH,
        _TESTED,
    ),
    Saying(
        "gated-repo",
        None,
        r"Cannot access gated repo|GatedRepoError",
        "the repository wants its terms accepted, and a token of who did",
        "accept them on the hub, set HF_TOKEN, and run `modelgen fetch`",
        "huggingface_hub/errors.py",
    ),
    Saying(
        "remote-code",
        None,
        r"contains custom code which must be executed|argument `trust_remote_code=True`",
        "the model brings code of its own, which is run only when that was allowed",
        "read that code; if you trust it, set `trust_remote_code = true`",
        "transformers/dynamic_module_utils.py",
    ),
    Saying(
        "damaged-weights",
        None,
        r"Error while deserializing header|MetadataIncompleteBuffer|HeaderTooLarge|failed to read magic",
        "a file of the weights is not whole",
        "run `modelgen verify --fix`",
        "safetensors/src/tensor.rs",
    ),
    Saying(
        "architecture-not-supported",
        None,
        r"Model architectures .{0,200} are not supported|not recognize this architecture|unknown model architecture",
        "this version of the engine does not know this kind of model",
        "take a newer `image`, or another `engine`",
        "vllm/model_executor/models/registry.py",
    ),
    Saying(
        "parallel-size",
        None,
        r"must be divisible by tensor parallel size",
        "the model cannot be cut into so many parts",
        "change `tensor-parallel-size` in its `args`, or the number of its `gpus`",
        "vllm/config/model.py",
    ),
    Saying(
        "bfloat16-not-supported",
        None,
        r"Bfloat16 is only supported on GPUs with compute capability",
        "the card is too old for bfloat16",
        'set `dtype = "half"` in its `args`',
        "vllm/worker/worker.py",
    ),
    Saying(
        "unknown-flag",
        None,
        r"error: unrecognized arguments:|error: invalid argument:|error: unexpected argument '",
        "the engine does not have one of the flags",
        "correct or remove it in `args`, or in `command`; `version` in [engines.NAME] says which flags are checked",
        _TESTED,
    ),
    Saying(
        "sglang-memory",
        "sglang",
        r"Not enough memory\. Please try to increase --mem-fraction-static",
        "the weights leave no room on the card for the cache of any request",
        _MEMORY,
        "sgl-project/sglang#4330",
    ),
    Saying(
        "gguf-missing",
        "llamacpp",
        r"failed to open GGUF file",
        "the file of the model is not where the engine looks",
        "look at `file` of the model, and run `modelgen fetch`",
        "llama.cpp: ggml/src/gguf.cpp",
    ),
    Saying(
        "no-container-toolkit",
        None,
        r"could not select device driver \"nvidia\"",
        "Docker has no way to give a container an NVIDIA card",
        "install the NVIDIA container toolkit, run `sudo nvidia-ctk runtime configure`, restart Docker",
        "moby: daemon/devices.go",
    ),
    Saying(
        "limits-not-allowed",
        None,
        r"error setting rlimit",
        "this Docker may not raise limits, as one without root may not",
        "write `compose.ulimits = {}` with what it allows in the model's table, or in [defaults]",
        "opencontainers/runc: libcontainer/process_linux.go",
    ),
    Saying(
        "driver-too-old",
        None,
        r"unsatisfied condition: cuda|NVIDIA driver on your system is too old|CUDA driver version is insufficient",
        "the driver of the host is too old for the CUDA of the engine",
        "update the driver, or take an older `image` or one whose tag names an older CUDA, such as `-cu129`",
        "vllm-project/vllm#18813",
    ),
    Saying(
        "card-not-supported",
        None,
        r"no kernel image is available for execution on the device",
        "the engine was not built for this generation of cards",
        "take an `image` that was built for it",
        "pytorch: c10/cuda/CUDAException.cpp",
    ),
    Saying(
        "no-such-card",
        None,
        r"CUDA error: invalid device ordinal|invalid device: CUDA",
        "the host has no card of this number",
        "correct `device` in [gpus.NAME]; `nvidia-smi -L` lists them",
        "pytorch: c10/cuda/CUDAFunctions.cpp",
    ),
    Saying(
        "card-full",
        None,
        r"(?:CUDA|HIP) out of memory|cudaMalloc failed: out of memory",
        "the card is full: the model needs more than was left of it",
        f"{_MEMORY}; see with `nvidia-smi` whether something else holds the card",
        "pytorch: c10/cuda/CUDACachingAllocator.cpp",
    ),
    Saying(
        "port-taken",
        None,
        r"(?i:address already in use)|EADDRINUSE|couldn't bind HTTP server socket",
        "something else listens on the port of the engine",
        "start it again, which chooses another port; a `command` has to take its port from `{port}`",
        "vllm-project/vllm#7514",
    ),
    # Below what is never said in passing: without a card, vLLM says the third of these as a warning, and goes on.
    Saying(
        "no-card-seen",
        None,
        r"No CUDA GPUs are available|Found no NVIDIA driver|libcuda\.so\.1: cannot open|Failed to infer device type",
        "the engine sees no card",
        "look at `gpus` of the model, and at the driver by `modelgen doctor`",
        "pytorch: torch/cuda/__init__.py",
    ),
    Saying(
        "disk-full",
        None,
        r"No space left on device",
        "a disk is full",
        "make room: `df -h` shows which disk, often that of Docker or of the hub",
        "errno(3)",
    ),
    Saying(
        "too-many-files",
        None,
        r"Too many open files",
        "the engine may not open so many files",
        "raise `ulimits.nofile` in [models.ID.compose], or `ulimit -n` where `serve` is run",
        "errno(3)",
    ),
    Saying(
        "user-without-name",
        None,
        r"getpwuid\(\): uid not found",
        "the user that the engine runs as has no name in the container",
        'set `USER = "vllm"` in `env`',
        _TESTED,
    ),
    Saying(
        "no-permission",
        None,
        r"PermissionError: \[Errno 13\]|[Pp]ermission denied",
        "the engine may not read or write a file",
        "run `modelgen verify`, which names files of the hub that its user cannot read",
        "errno(3)",
    ),
    Saying(
        "module-missing",
        None,
        r"ModuleNotFoundError: No module named '",
        "a Python package is not there where the engine runs",
        "take an `image` that has it, or install it where `command` finds it",
        _TESTED,
    ),
    Saying(
        "wrong-architecture",
        None,
        r"[Ee]xec format error",
        "the program is for another kind of processor",
        "set `arch` in [host], and take an `image` for it",
        "errno(3)",
    ),
)

EXITS = (
    ExitRow(
        "killed",
        frozenset({137, -9}),
        "it was killed, most often by the kernel because the host's memory was full",
        "see `dmesg` for `Out of memory`; on a CPU lower VLLM_CPU_KVCACHE_SPACE in `env`, else load fewer models",
        _TESTED,
    ),
    ExitRow(
        "illegal-instruction",
        frozenset({132, -4}),
        "the processor does not have an instruction that the engine uses, such as AVX2",
        "take an `image` or a build for this processor",
        "signal(7)",
    ),
    ExitRow(
        "crashed",
        frozenset({139, -11, 134, -6, 135, -7}),
        "it crashed in native code",
        "another version of the engine or of the driver may not: change `image`; its log says where it was",
        "signal(7)",
    ),
    ExitRow(
        "ended-by-somebody",
        frozenset({143, -15, 130, -2}),
        "somebody else ended it by a signal",
        "start it again; engines are stopped by `modelgen`, not by hand",
        "signal(7)",
    ),
    ExitRow(
        "program-missing",
        frozenset({126, 127}),
        "its program is not there, or cannot be run",
        "correct the first word of `command`, or the `image`",
        "sh(1), docker run",
    ),
)
