"""Describe the engine `sglang`: launch form, environment and readiness; `memory` translates reserved memory.

Sources: srt/server_args.py, srt/entrypoints/http_server.py and srt/environ.py of the releases 0.5.5 and 0.5.23.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from modelgen.engines import api
from modelgen.engines.api.probes import http_probe
from modelgen.engines.api.warmup import CHAT, EMBEDDINGS, RERANK, is_classifier, is_on
from modelgen.engines.catalogues import catalogue
from modelgen.engines.catalogues.models import Models
from modelgen.engines.engine import Engine, Run
from modelgen.engines.facts import Attention, Opens, Program, ServerLine
from modelgen.engines.flags import format_flag, owned
from modelgen.engines.flags.families import families
from modelgen.engines.images import ANY_TAG, ON_DOCKER_HUB, VERSION, CudaSuffix, Published
from modelgen.engines.images.versions import parse_capability, parse_version
from modelgen.engines.sglang.adapters import ignored_features, refused_features
from modelgen.engines.sglang.capabilities import OTHER_QUANTIZATIONS, QUANTIZATIONS_SINCE, least_capability
from modelgen.engines.sglang.memory import WRITTEN, arithmetic, beside_weights, pools, static_share, written_share
from modelgen.engines.sglang.replaced_flags import INSTEAD
from modelgen.engines.sglang.repositories import LORA_PATHS, pin, repos
from modelgen.engines.sglang.templates import TEMPLATES
from modelgen.engines.weights import loaders
from modelgen.engines.weights.splitting import PLAIN, cut_groups, uneven
from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

NAME = "sglang"
PORT = 30000
HEALTH = "/health"
# SGLang adds flags at every release.
FLAGS = partial(catalogue, NAME, 3)
_GENERATIONS = {"fa3": (8, 9), "trtllm_mha": (10,), "trtllm_mla": (10, 12)}
# GPU_ARCH in docker/rocm.Dockerfile of 0.4.9.post1, 0.5.5.post3 and 0.5.8: each of these tags has kernels for one.
_OF_ROCM = {"mi30x": "gfx942", "mi35x": "gfx950"}
_ROCM_TAG = re.compile(r"(?<=-)(rocm\d+)-(mi3[05]x)(?=-|$)", re.ASCII)
_OLDER_THAN_BLACKWELL = re.compile(r"-cu(?:11\d|12[0-7])(?:-|$)", re.ASCII)


def runs_on(tag: str, _: Version | None, capability: str) -> bool | None:
    """Return whether an image of SGLang has kernels for a compute capability; None if that is not known.

    Every release refuses GPUs below 7.5 ("SGLang only supports sm75 and above", srt/model_executor, 0.4.6 to 0.5.23).
    Images with a CUDA before 12.8 have no kernels for Blackwell (sglang#5062, #7249).
    """
    if capability.startswith("gfx") or "rocm" in tag:
        built = _ROCM_TAG.search(tag) if capability.startswith("gfx") else None
        return False if built and _OF_ROCM[built[2]] != capability else None
    wanted = parse_capability(capability)
    return False if wanted < (7, 5) or (wanted >= (10, 0) and _OLDER_THAN_BLACKWELL.search(tag)) else None


def tags_for(tag: str, capability: str) -> tuple[str, ...] | None:
    """Return the tag of the same release with kernels for an AMD GPU; None for an image for CUDA.

    By 0.5.6, both GPUs have an image with ROCm 7.0; before, that of MI30x has ROCm 6.3.
    """
    built, written = _ROCM_TAG.search(tag), VERSION.search(tag)
    version = parse_version(written[1]) if written else None
    if built is None or version is None:
        return None
    other = next((name for name, arch in _OF_ROCM.items() if arch == capability), "")
    is_new = version.release >= (0, 5, 6)
    rocm = "rocm630" if other == "mi30x" and not is_new else built[1].replace("rocm630", "rocm700")
    return (tag.replace(built[0], f"{rocm}-{other}"),) if other else ()


# docker/Dockerfile of 0.5.5 to 0.5.23.
_IMAGES = (
    Published(
        re.compile(rf"{ON_DOCKER_HUB}lmsysorg/sglang"),
        kinds=(
            (re.compile("rocm"), "amd"),
            (re.compile("xeon|cpu|npu|xpu"), "none"),
            (ANY_TAG, "nvidia"),
        ),
        version=VERSION,
        is_release=True,
        cuda=(((0, 5, 5), (12, 9)), ((0, 5, 11), (13, 0))),
        older_cuda=CudaSuffix("cu129", (0, 5, 11), (0, 5, 19)),
        prefix="v",
        runs_on=runs_on,
    ),
    Published(
        re.compile(rf"{ON_DOCKER_HUB}lmsysorg/sglang-rocm"),
        kinds=((ANY_TAG, "amd"),),
        is_release=True,
        amd64_only=True,
    ),
)
PARALLEL_SIZES = ("tp-size", "pp-size", "dp-size")
ROUTES = (
    *api.OPENAI,
    *api.ANTHROPIC,
    api.TRANSCRIPTIONS,
    "/v1/rerank",
    "/v1/score",
    "/v1/tokenize",
    "/v1/detokenize",
)

OWNED_ARGS = {
    "admin-api-key": owned.KEYS,
    "api-key": owned.KEYS,
    "base-gpu-id": owned.GPUS,
    "config": owned.CONFIG_FILE,
    "dist-init-addr": owned.ONE_HOST,
    "download-dir": owned.HUB,
    "enable-metrics": owned.METRICS,
    "gpu-id-step": owned.GPUS,
    "host": owned.LISTEN,
    "model-path": owned.REPO,
    "nnodes": owned.ONE_HOST,
    "node-rank": owned.ONE_HOST,
    "port": owned.PORT,
    "revision": owned.REVISION,
    "served-model-name": owned.NAME,
    "ssl-ca-certs": owned.TLS,
    "ssl-certfile": owned.TLS,
    "ssl-keyfile": owned.TLS,
    "trust-remote-code": owned.TRUST,
}

_OWNED_VARIABLES = {
    "SGLANG_CACHE_DIR": owned.VOLUME,
    "SGLANG_DG_CACHE_DIR": owned.VOLUME,
    "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "a health check must not generate tokens: it would kill a busy engine",
    "SGLANG_JIT_CACHE_DIR": owned.VOLUME,
    "SGLANG_USE_MODELSCOPE": owned.MODELSCOPE,
}

# srt/function_call/function_call_parser.py and srt/parser/reasoning_parser.py of 0.5.9 and 0.5.23: the detectors whose
# format is that of the family.
_THINKS = ("qwen3", "qwen3-thinking", "deepseek-v3", "glm45", "kimi_k2", "interns1", "minimax")
PARSERS = {
    "tool-call-parser": families(
        {
            "qwen3-coder": ("qwen3_coder",),
            "qwen3.5": ("qwen3_coder",),
            "qwen3": ("qwen25", "qwen", "hermes"),
            "hermes": ("hermes", "qwen25", "qwen"),
            "gemma-4": ("gemma4",),
            "llama-3": ("llama3", "pythonic"),
            "mistral": ("mistral",),
            "deepseek-v3": ("deepseekv3",),
            "deepseek-v3.1": ("deepseekv31",),
            "deepseek-v3.2": ("deepseekv32", "deepseekv31"),
            "deepseek-v4": ("deepseekv4",),
            "kimi-k2": ("kimi_k2",),
            "kimi-k3": ("kimi_k3",),
            "glm-4.5": ("glm45", "glm", "glm47"),
            "glm-4.7": ("glm47", "glm45", "glm"),
            "gpt-oss": ("gpt-oss",),
            "minimax-m2": ("minimax-m2",),
            "minimax-m3": ("minimax-m3",),
            "step-3.5": ("step3p5", "qwen3_coder"),
            "mimo-v2.5": ("mimo",),
            "laguna": ("poolside_v1",),
        },
        "auto",
        "response_template",
    ),
    "reasoning-parser": families(
        {
            "qwen3 reasoning": (*_THINKS, "deepseek-r1"),
            "gemma-4": ("gemma4",),
            "deepseek-r1": ("deepseek-r1", "step3", "step3p5", *_THINKS),
            "deepseek-v4": ("deepseek-v4", "deepseek-v41"),
            "kimi-k2": ("kimi_k2", *_THINKS),
            "kimi-k3": ("kimi_k3",),
            "glm-4.5": ("glm45", *_THINKS),
            "glm-4.7": ("glm45", *_THINKS),
            "gpt-oss": ("gpt-oss",),
            "minimax-m2": ("minimax", "minimax-append-think", *_THINKS),
            "minimax-m3": ("minimax-m3",),
            "mistral reasoning": ("mistral",),
            "step-3.5": ("step3p5", "step3", "deepseek-r1"),
            "mimo-v2.5": ("mimo",),
            "laguna": ("poolside_v1",),
        },
        "auto",
        "response_template",
    ),
}


def needed_for_backend(_: Version, backend: str, capability: int) -> str | None:
    """Return the capability that a release needs for an attention backend; None if it has it, or is not known.

    FlashAttention 3 is refused with "requires SM>=80 and SM<=90" (0.4.6.post2 to 0.5.23; before, "SM>=90"), in
    srt/model_executor/model_runner.py and srt/layers/attention/attention_registry.py; the kernels of TensorRT-LLM with
    "only supported on Blackwell GPUs" (srt/server_args.py of 0.5.9, srt/arg_groups/overrides.py of 0.5.23).
    """
    generations = _GENERATIONS.get(backend, ())
    if not generations or capability // 10 in generations:
        return None
    return " or ".join(f"{major}.x" for major in generations)


def launch(run: Run) -> Launch:
    """Return entry point and arguments for one model; the image has no entry point of its own that serves.

    By default, SGLang listens on 127.0.0.1. It accepts any `model` in a request, but lists and returns this one name.
    """
    assert run.version is not None, "checked by unknown-version"  # noqa: S101 - an invariant
    assert run.repo is not None, "checked by missing-repo"  # noqa: S101 - an invariant
    release, args = FLAGS().release(run.version), run.args
    command = ["--model-path", run.snapshot or run.repo, "--served-model-name", run.upstream_name]
    command += ["--host", run.listen[0], "--port", run.listen[1], "--enable-metrics"]
    if run.revision and not run.snapshot:
        command += ["--revision", run.revision]
    if run.reservations and written_share(args) is None:
        command += [f"--{WRITTEN}", f"{static_share(run.version, run.reservations, args):f}"]
    if run.trust_remote_code:
        command.append("--trust-remote-code")
    for name, value in args.items():
        command += format_flag(name, release.get(name.split(".")[0]), value)
    note = "the image has no entry point that serves, and SGLang listens on 127.0.0.1 by default."
    note = f"SGLang {run.version.text}: {note}"
    if run.reservations and (share := arithmetic(run.version, run.reservations, args)):
        note = f"{note} {share}"
    return Launch(("python3", "-m", "sglang.launch_server"), tuple(command), note)


def for_cards(_: set[str], __: Version | None) -> str:
    """Return the advice which image to use."""
    return "use the tag for the GPU: lmsysorg/sglang has tags with -rocm, and others for CUDA"


def warmup(args: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the route for a model's task, from its flags and its architecture."""
    return RERANK if is_classifier(args, config) else EMBEDDINGS if is_on(args, "is-embedding") else CHAT


def split_obstacle(_: Version, args: Mapping[str, Any], config: Mapping[str, Any], size: int) -> str | None:
    """Return what of a model a tensor-parallel size cannot split; data-parallel attention splits it otherwise."""
    if size == 1 or args.get("enable-dp-attention") is True:
        return None
    experts = _expert_parts(args, size)
    return next(chain(uneven(config, size, PLAIN), cut_groups(config, size, PLAIN, experts)), None)


def _expert_parts(args: Mapping[str, Any], size: int) -> int | None:
    """Return into how many parts each expert is split: expert parallelism divides experts among GPUs instead.

    None if flags for other backends decide.
    """
    if "moe-a2a-backend" in args or "moe-dp-size" in args:
        return None
    ranks = size if is_on(args, "enable-ep-moe") or is_on(args, "enable-deepep-moe") else args.get("ep-size", 1)
    return size // ranks if isinstance(ranks, int) and ranks >= 1 and size % ranks == 0 else None


def counted_sizes(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the flags that multiply to the number of GPUs.

    Data-parallel replicas have GPUs of their own, unless only attention is data-parallel: then they share those of the
    tensor-parallel group.
    """
    is_shared = args.get("enable-dp-attention") is True
    return tuple(name for name in PARALLEL_SIZES if name != "dp-size" or not is_shared)


ENGINE = Engine(
    name=NAME,
    title="SGLang",
    launch=launch,
    port=PORT,
    health=HEALTH,
    keys=("args", "version", "fork", "trust_remote_code", "model_arg"),
    images=_IMAGES,
    repository="lmsysorg/sglang",
    for_processors="the tags of lmsysorg/sglang with -xeon",
    for_cards=for_cards,
    lists="/v1/models",
    # Since 0.5.6, a variable selects a probe that generates no tokens; before, a busy engine answers late.
    probe=http_probe(PORT, HEALTH, timeout=24),
    caches={
        "FLASHINFER_WORKSPACE_BASE": "",
        "HF_MODULES_CACHE": "/modules",
        "SGLANG_CACHE_DIR": "",
        "SGLANG_DG_CACHE_DIR": "/deep_gemm",
        "SGLANG_JIT_CACHE_DIR": "/jit",
        "TORCHINDUCTOR_CACHE_DIR": "/inductor",
        "TRITON_CACHE_DIR": "/triton",
    },
    line=ServerLine(
        programs=(Program(("python", "-m", "sglang.launch_server")), Program(("sglang", "serve"))),
        model=("model-path",),
        image_names=re.compile("sglang"),
        names="served-model-name",
        share=WRITTEN,
        several_hosts=("nnodes", "dist-init-addr", "node-rank"),
        is_local=True,
    ),
    environment={"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false"},
    owned_variables=_OWNED_VARIABLES,
    routes=ROUTES,
    warmup=warmup,
    asks_template=True,
    opens=Opens(tokenizer_flag="tokenizer-path", others_by_path=True, look_ups=True),
    catalogue=FLAGS,
    models=Models(NAME, 3),
    from_config=True,
    quantization="quantization",
    quantizations_since=QUANTIZATIONS_SINCE,
    other_quantizations=OTHER_QUANTIZATIONS,
    tags_for=tags_for,
    least_capability=least_capability,
    attention=Attention(backend_flag="attention-backend", needed_for_backend=needed_for_backend),
    flags_file="config",
    named_values={"chat-template": TEMPLATES},
    owned_args=OWNED_ARGS,
    constant_args={"enable-metrics": True},
    short_forms=frozenset({"tp", "dp"}),  # README.md and docs/advanced_features/server_arguments.md
    instead=INSTEAD,
    length="context-length",
    # CONTEXT_LENGTH_KEYS in srt/utils/hf_transformers
    length_keys=("max_sequence_length", "seq_length", "max_seq_len", "model_max_length"),
    iec_lengths=True,
    overrides=("json-model-override-args", "model-config-parser"),
    long_lengths=("SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN", "SGL_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"),
    tensor_parallel="tp-size",
    split_obstacle=split_obstacle,
    embedding_flag="is-embedding",
    parsers=PARSERS,
    parallel_sizes=PARALLEL_SIZES,
    counted_sizes=counted_sizes,
    beside_weights=beside_weights,
    static_share=WRITTEN,
    pools=pools,
    cache_flags=("kv-cache-dtype",),
    lora_paths=LORA_PATHS,
    lora_rank="max-lora-rank",
    rank_limit=lambda _, rank: rank,
    refused_features=refused_features,
    ignored_features=ignored_features,
    repos=repos,
    loader=loaders.sglang,
    pin=pin,
)
