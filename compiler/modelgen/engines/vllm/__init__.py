"""Describe the engine `vllm`: launch form by version, flags, environment, readiness.

Sources: docker/Dockerfile and entrypoints of the releases 0.8.5 to 0.33.0; the incident was reproduced with 0.11.0.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from modelgen.engines import api
from modelgen.engines.api.probes import http_probe
from modelgen.engines.api.warmup import CHAT, EMBEDDINGS, RERANK, architectures, is_classifier
from modelgen.engines.catalogues import catalogue
from modelgen.engines.catalogues.models import Models
from modelgen.engines.catalogues.variables import Variables
from modelgen.engines.engine import Engine, Run
from modelgen.engines.facts import AtMost, Attention, Companion, Opens
from modelgen.engines.flags import format_flag, owned, whole_number
from modelgen.engines.vllm import images, variables
from modelgen.engines.vllm.adapters import refused_features
from modelgen.engines.vllm.attention import least_for_cache, needed_for_backend, needed_for_kernels
from modelgen.engines.vllm.capabilities import (
    amd_refuses,
    least_capability,
    only_dtype,
    refuses_float16,
    unsupported_on,
)
from modelgen.engines.vllm.drafts import DRAFTS, unknown_compilation_key
from modelgen.engines.vllm.hybrids import missing_sequences
from modelgen.engines.vllm.memory import counts_others, memory_facts
from modelgen.engines.vllm.packages import missing_packages
from modelgen.engines.vllm.parsers import PARSERS
from modelgen.engines.vllm.purposes import AUDIO, AUDIO_BESIDE_TEXT, lacks_audio, scoring_flag
from modelgen.engines.vllm.replaced_flags import INSTEAD
from modelgen.engines.vllm.repositories import DRAFT, pin, repos
from modelgen.engines.vllm.server_line import LINE
from modelgen.engines.vllm.splitting import split_obstacle
from modelgen.engines.vllm.streams import APART, reports_apart
from modelgen.engines.weights import loaders
from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.catalogues import Release
    from modelgen.engines.images.versions import Version

NAME = "vllm"
PORT = 8000
HEALTH = "/health"
MAX_MODEL_LEN = "max-model-len"
COMPILATION = "compilation-config"
MAX_RANK = "max-lora-rank"
# The values in releases whose parser does not list them (vllm/config.py 0.8.5, LoRAConfig.__post_init__).
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# vLLM multiplies these (config/parallel.py, world_size) with the number of data-parallel replicas on this host.
_PARALLEL = ("tensor-parallel-size", "pipeline-parallel-size", "prefill-context-parallel-size")
PARALLEL_SIZES = (*_PARALLEL, "data-parallel-size", "data-parallel-size-local")
_STRATEGY = "safetensors-load-strategy"
# `auto`, also written -1, selects what fits the GPU (human_readable_int_or_auto).
_AUTO, _AUTO_SINCE = ("auto", -1, "-1"), (0, 14)
_ENCODERS = ("BertModel", "RobertaModel", "NewModel", "EmbeddingModel", "ForMaskedLM")
_SCORING = frozenset({"classify", "score"})
_EMBEDDING = frozenset({"embed", "embedding", "encode", "reward"})

# vLLM adds flags at minor releases. The JSON of three flags is a list (cli_args.py, type=json.loads).
FLAGS = partial(catalogue, NAME, 2, ("allowed-origins", "allowed-methods", "allowed-headers"))
VARIABLES = Variables(
    NAME,
    prefix="VLLM_",
    line=2,
    flags=FLAGS,
    meant=variables.MEANT,
    instead=variables.INSTEAD,
    bare=variables.BARE,
    positional=("model",),
)
# validate_parsed_serve_args and the configs' own checks.
_COMPANIONS = (
    Companion("enable-auto-tool-choice", "tool-call-parser", '`tool-call-parser = "hermes"` or another parser'),
    Companion("enable-reasoning", "reasoning-parser", '`reasoning-parser = "qwen3"` or another parser'),
    Companion("enable-log-outputs", "enable-log-requests", "`enable-log-requests = true`"),
    Companion("enable-eplb", "enable-expert-parallel", "`enable-expert-parallel = true`"),
    Companion("collect-detailed-traces", "otlp-traces-endpoint", "the address of the collector"),
    Companion("mamba-block-size", "enable-prefix-caching", "`enable-prefix-caching = true`"),
    Companion("numa-bind-nodes", "numa-bind", "`numa-bind = true`"),
    Companion("numa-bind-cpus", "numa-bind", "`numa-bind = true`"),
)
# entrypoints/openai: tools of requests are refused with 400, "auto" tool choice requires both flags.
_IDLE_ALONE = (Companion("tool-call-parser", "enable-auto-tool-choice", "`enable-auto-tool-choice = true`"),)
# config/scheduler.py, config/lora.py, config/parallel.py.
_AT_MOST = (
    AtMost("max-num-seqs", "max-num-batched-tokens"),
    AtMost("long-prefill-token-threshold", "max-model-len"),
    AtMost("max-loras", "max-cpu-loras"),
    AtMost("data-parallel-size-local", "data-parallel-size"),
    AtMost("max-num-active-seqs", "max-num-seqs"),
    AtMost("max-model-len", "max-num-batched-tokens", where_off="enable-chunked-prefill"),
)

# vllm/entrypoints of 0.11.0 to 0.33.0; an older release answers 404 to a route that it does not have.
ROUTES = (
    *api.OPENAI,
    *api.AUDIO,
    *api.ANTHROPIC,
    *api.RERANK,
    "/v2/rerank",
    "/score",
    "/v1/score",
    *api.TOKENS,
    "/classify",
    "/pooling",
)

OWNED_ARGS = {
    "api-key": owned.KEYS,
    "config": owned.CONFIG_FILE,
    "data-parallel-address": owned.ONE_HOST,
    "data-parallel-rank": owned.ONE_HOST,
    "data-parallel-rpc-port": owned.ONE_HOST,
    "data-parallel-start-rank": owned.ONE_HOST,
    "download-dir": owned.HUB,
    "enable-sleep-mode": "models release their GPUs by a restart; sleep is not supported yet",
    "gpu-memory-utilization": owned.GPU_MEMORY,
    "headless": owned.ONE_HOST,
    "hf-token": owned.TOKEN,
    "host": owned.LISTEN,
    "kv-cache-memory-bytes": "it would bypass the GPU's budget: write `gpu_memory` in the model's table",
    "master-addr": owned.ONE_HOST,
    "master-port": owned.ONE_HOST,
    "model": owned.REPO,
    "model_tag": owned.REPO,
    "lora-modules": 'write `loras = { NAME = "namespace/name" }` in the model\'s table',
    "nnodes": owned.ONE_HOST,
    "node-rank": owned.ONE_HOST,
    "port": owned.PORT,
    "revision": owned.REVISION,
    "served-model-name": "it is the id, the repository id and `aliases` of the model's table",
    "ssl-ca-certs": owned.TLS,
    "ssl-certfile": owned.TLS,
    "ssl-keyfile": owned.TLS,
    "tokenizer-revision": "it is the `revision` of the model's table",
    "trust-remote-code": owned.TRUST,
    "uds": "the engine is reached by TCP on the internal network",
}


def launch(run: Run) -> Launch:
    """Return entry point and arguments for one model.

    Until 0.11.0 the image runs api_server, which ignores a positional model and serves its default model instead;
    from 0.11.1 on it is `vllm serve`, where `--model` is deprecated and an error before 0.11.1. The entry point is
    always explicit, since some images have none. `--served-model-name` accepts several values, so a flag follows it.
    """
    assert run.version is not None, "checked by unknown-version"  # noqa: S101 - an invariant
    assert run.repo is not None, "checked by missing-repo"  # noqa: S101 - an invariant
    release, args = FLAGS().release(run.version), run.args
    if run.version.release < (0, 11, 1):
        entrypoint: tuple[str, ...] = ("python3", "-m", "vllm.entrypoints.openai.api_server")
        command = ["--model", run.snapshot or run.repo]
        note = "api_server reads the repository id from --model and ignores a positional one."
    else:
        entrypoint = ("vllm", "serve")
        command = [run.snapshot or run.repo]
        note = "`vllm serve` takes the repository id as its positional argument."
    command += ["--served-model-name", *run.served_names, "--host", run.listen[0], "--port", run.listen[1]]
    if run.revision and not run.snapshot:
        command += ["--revision", run.revision]
        if "tokenizer" not in args:
            command += ["--tokenizer-revision", run.revision]
    if run.length:
        command += [f"--{MAX_MODEL_LEN}", str(run.length)]
    if run.share:
        command += ["--gpu-memory-utilization", run.share]
    if run.trust_remote_code:
        command.append("--trust-remote-code")
    if run.loras:
        command += ["--enable-lora"] if "enable-lora" not in args else []
        if run.lora_limit and MAX_RANK not in args:
            command += [f"--{MAX_RANK}", str(run.lora_limit)]
        command += ["--lora-modules", *(f"{name}={adapter}" for name, adapter in run.loras.items())]
    if run.eager_reads and _STRATEGY not in args and release.get(_STRATEGY):
        command += [f"--{_STRATEGY}", "eager"]
    for name, value in args.items():
        if name == COMPILATION and isinstance(value, int) and takes_level(release):
            command.append(f"-O{value}")
            continue
        command += format_flag(name, release.get(name.split(".")[0]), value)
    return Launch(entrypoint, tuple(command), f"vLLM {run.version.text}: {note}")


def on_wsl2(version: Version) -> dict[str, str]:
    """Return the variables without which a version fails with "UVA is not available" in WSL2 (vllm#47387, #54652).

    The second model runner needs pinned memory, which vLLM uses in WSL2 only if a variable enables it. 0.22 and 0.23
    have no such variable; 0.30 does not need it (vllm#56908).
    """
    if (0, 22) <= version.release < (0, 24):
        return {"VLLM_USE_V2_MODEL_RUNNER": "0"}
    return {"VLLM_WSL2_ENABLE_PIN_MEMORY": "1"} if (0, 24) <= version.release < (0, 30) else {}


def takes(release: Release | None, name: str, value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    """Return whether a release accepts a value that its parser does not list: a length, or a compilation level."""
    if name == MAX_MODEL_LEN:
        has_auto = release is None or release.catalogue.releases[release.at] >= _AUTO_SINCE
        return (has_auto and value in _AUTO) or bool(whole_number(value))
    return name == COMPILATION and type(value) is int and 0 <= value <= 3 and takes_level(release)


# The form of older releases, `image=2,video=1`.
_LIMITS = re.compile(r"[a-z]+=\d+(?:,[a-z]+=\d+)*", re.ASCII)


def advice(name: str, value: Any) -> str:  # noqa: ANN401
    """Return the remedy for a value that a release refuses."""
    if name == MAX_MODEL_LEN and value in _AUTO:
        return "`auto` exists since 0.14"
    if name == DRAFT and value in ("ngram", "suffix"):
        return f'write `{name} = {{ method = "{value}", num_speculative_tokens = 4 }}`'
    if rewritten(name, value):
        return f"the flag `O = {value}` takes its place"
    limits = _LIMITS.fullmatch(value) if name == "limit-mm-per-prompt" and isinstance(value, str) else None
    return f"write `{name} = {{ {limits[0].replace('=', ' = ').replace(',', ', ')} }}`" if limits else ""


def rewritten(name: str, value: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return the flag that has the effect of a compilation level, which the config was until 0.11."""
    return {"O": value} if name == COMPILATION and type(value) is int else {}


def warmup(args: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the route for a model's task, from its flags and its architecture."""
    wanted = {args.get(name) for name in ("task", "convert") if isinstance(args.get(name), str)}
    if args.get("runner") == "generate" or "generate" in wanted:
        return CHAT
    if is_classifier(args, config) or wanted & _SCORING:
        return RERANK
    names = [*architectures(args.get("hf-overrides")), *architectures(config)]
    is_pooling = args.get("runner") == "pooling" or bool(wanted & _EMBEDDING)
    return EMBEDDINGS if is_pooling or any(name.endswith(_ENCODERS) for name in names) else CHAT


def takes_level(release: Release | None) -> bool:
    """Return whether a number as compilation config is its level, as `-O3` was until 0.11."""
    return release is not None and release.get("optimization-level") is None


def least_rank_limit(release: Release | None, rank: int) -> int | None:
    """Return the least `--max-lora-rank` of a release that allows a rank; None without one."""
    flag = release.get(MAX_RANK) if release else None
    choices = sorted(map(int, flag.choices)) if flag and flag.choices else _RANKS
    return next((choice for choice in choices if rank <= choice), None)


def adapter_choices(name: str) -> tuple[str, ...]:
    """Return the values of a flag that vLLM checks only when it reads its settings for adapters."""
    return tuple(map(str, _RANKS)) if name == MAX_RANK else ()


def counted_sizes(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the flags that multiply to the number of GPUs; of the data-parallel size, only the local part counts."""
    return (*_PARALLEL, "data-parallel-size-local" if "data-parallel-size-local" in args else "data-parallel-size")


ENGINE = Engine(
    name=NAME,
    title="vLLM",
    launch=launch,
    port=PORT,
    health=HEALTH,
    keys=("args", "version", "fork", "trust_remote_code", "loras", "model_arg"),
    on_host=True,
    package="vllm",
    images=images.IMAGES,
    repository="vllm/vllm-openai",
    for_processors=images.FOR_PROCESSORS,
    for_cards=images.for_cards,
    lists="/v1/models",
    probe=http_probe(PORT, HEALTH, timeout=20),
    caches={
        "FLASHINFER_WORKSPACE_BASE": "",
        "HF_MODULES_CACHE": "/modules",
        "TORCHINDUCTOR_CACHE_DIR": "/inductor",
        "TRITON_CACHE_DIR": "/triton",
        "VLLM_CACHE_ROOT": "",
    },
    # compute_hash of the configs in vllm/config, which names the folder of compiled graphs (0.8.5 to 0.11.0).
    compiled_for=(
        *("dtype", "quantization", "max-model-len", "max-logprobs", "disable-sliding-window", "trust-remote-code"),
        *("kv-cache-dtype", "tensor-parallel-size", "pipeline-parallel-size", "hf-overrides", "compilation-config"),
        *("revision", "generation-config", "model-impl", "enable-lora", "max-lora-rank", "speculative-config"),
    ),
    line=LINE,
    environment={"VLLM_NO_USAGE_STATS": "1"},
    owned_variables=variables.OWNED,
    known_variables=VARIABLES,
    on_wsl2=on_wsl2,
    reads_uuids_since=(0, 24),
    several_names=True,
    routes=ROUTES,
    warmup=warmup,
    opens=Opens(tokenizer_flag="tokenizer", config_formats=True, code_revision=True, look_ups=True),
    asks_template=True,
    catalogue=FLAGS,
    models=Models(NAME, 2),
    from_config=True,
    follows_speculators=True,
    flags_file="config",
    named_values={"chat-template": images.TEMPLATES},
    owned_args=OWNED_ARGS,
    instead=INSTEAD,
    companions=_COMPANIONS,
    idle_alone=_IDLE_ALONE,
    drafts=DRAFTS,
    tables={COMPILATION: unknown_compilation_key},
    parsers=PARSERS,
    at_most=_AT_MOST,
    takes=takes,
    adapter_choices=adapter_choices,
    advice=advice,
    rewritten=rewritten,
    length=MAX_MODEL_LEN,
    # possible_keys in vllm/config/model.py of 0.12.0, and model_arch_config_convertor.py of 0.32.0.
    length_keys=(
        *("n_positions", "max_seq_len", "seq_length", "model_max_length", "max_target_positions"),
        *("max_sequence_length", "max_seq_length", "seq_len"),
    ),
    needs_length=True,
    overrides=("config-format", "hf-config-path", "hf-overrides", "rope-scaling"),
    dtype="dtype",
    chooses_dtype_since=(0, 9),  # vllm#17269
    quantization="quantization",
    quantizations_since=(0,),
    amd_refuses=amd_refuses,
    refuses_float16=refuses_float16,
    only_dtype=only_dtype,
    least_capability=least_capability,
    unsupported_on=unsupported_on,
    attention=Attention(
        backend_flag="attention-backend",
        needed_for_backend=needed_for_backend,
        backend_variable="VLLM_ATTENTION_BACKEND",
        variable_until=(0, 15),
        kernels_variable="VLLM_FLASH_ATTN_VERSION",
        needed_for_kernels=needed_for_kernels,
        cache_flag="kv-cache-dtype",
        least_for_cache=least_for_cache,
    ),
    long_lengths=("VLLM_ALLOW_LONG_MAX_MODEL_LEN",),
    tensor_parallel="tensor-parallel-size",
    parallel_sizes=PARALLEL_SIZES,
    counted_sizes=counted_sizes,
    split_obstacle=split_obstacle,
    scoring_flag=scoring_flag,
    audio=AUDIO,
    audio_beside_text=AUDIO_BESIDE_TEXT,
    lacks_audio=lacks_audio,
    missing_packages=missing_packages,
    missing_sequences=missing_sequences,
    lora_rank=MAX_RANK,
    rank_limit=least_rank_limit,
    memory=memory_facts,
    counts_others=counts_others,
    reports_apart=reports_apart,
    apart=APART,
    refused_features=refused_features,
    repos=repos,
    loader=loaders.vllm,
    pin=pin,
)
