"""Environment variables: what modelgen sets, and what is refused in every `env` table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.engines.engine import Engine
    from modelgen.engines.images import Account

# HF_HUB_OFFLINE keeps an engine from retrying for minutes on a host without internet, even when everything is on disk.
QUIET_AND_OFFLINE = {"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}


def hub(engine: Engine, account: Account) -> str:
    """Return where the hub directory is mounted."""
    return engine.hub or f"{account.hub_home}/hub"


def cache(engine: Engine, account: Account) -> str:
    """Return the folder of an engine's compile caches."""
    return f"{account.home}/.cache/{engine.name}"


def environment(engine: Engine, account: Account) -> dict[str, str]:
    """Return the variables that modelgen sets for an engine, whatever the model.

    Both names of the hub are explicit: the incident was one level between them.
    """
    variables = {**QUIET_AND_OFFLINE, "HF_HUB_CACHE": hub(engine, account), **engine.environment}
    if engine.hub is None:
        variables["HF_HOME"] = account.hub_home
    variables |= {name: cache(engine, account) + below for name, below in (engine.caches or {}).items()}
    if account.uid != 0 and engine.caches is not None:
        # Without an entry in passwd HOME is / and the user has no name: vllm#10185, and getpwuid in vLLM 0.11.0.
        variables |= {"HOME": account.home, "USER": account.name}
    return variables


_CACHE = "the hub is `[project] hub`, mounted where the engine looks"
_OFFLINE = "engines are always offline; weights are brought beforehand"
_TOKEN = "engines run offline and need no token; it belongs into the shell that fetches"  # noqa: S105 - a sentence
_QUIET = "telemetry is always off"
_DEVICES = "write `gpus`: inside the container the reserved cards count from 0"
_VOLUME = "it is in the model's own cache volume"

OWNED = {
    "CUDA_DEVICE_ORDER": "it is PCI_BUS_ID wherever a model has several cards",
    "CUDA_VISIBLE_DEVICES": _DEVICES,
    "DO_NOT_TRACK": _QUIET,
    "FLASHINFER_WORKSPACE_BASE": _VOLUME,
    "HF_DATASETS_OFFLINE": _OFFLINE,
    "HF_ENDPOINT": _OFFLINE,
    "HF_HOME": _CACHE,
    "HF_HUB_CACHE": _CACHE,
    "HF_HUB_DISABLE_TELEMETRY": _QUIET,
    "HF_HUB_OFFLINE": _OFFLINE,
    "HF_MODULES_CACHE": _VOLUME,
    "HF_TOKEN": _TOKEN,
    "HF_TOKEN_PATH": _TOKEN,
    "HIP_VISIBLE_DEVICES": _DEVICES,
    "HOME": "it is where the caches are; write `user` in the model's `compose` table to run as somebody else",
    "HUGGINGFACE_HUB_CACHE": _CACHE,
    "HUGGING_FACE_HUB_TOKEN": _TOKEN,
    "LLAMA_API_KEY": "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`",
    "LLAMA_ARG_OFFLINE": _OFFLINE,
    "LLAMA_CACHE": _CACHE,
    "NVIDIA_VISIBLE_DEVICES": _DEVICES,
    "PYTORCH_PRETRAINED_BERT_CACHE": _CACHE,
    "PYTORCH_TRANSFORMERS_CACHE": _CACHE,
    "ROCR_VISIBLE_DEVICES": _DEVICES,
    "SGLANG_CACHE_DIR": _VOLUME,
    "SGLANG_DG_CACHE_DIR": _VOLUME,
    "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "a health check must make no tokens: it would kill a busy engine",
    "SGLANG_JIT_CACHE_DIR": _VOLUME,
    "SGLANG_USE_MODELSCOPE": "models come from the hub directory",
    "TORCHINDUCTOR_CACHE_DIR": _VOLUME,
    "TRANSFORMERS_CACHE": _CACHE,
    "TRANSFORMERS_OFFLINE": _OFFLINE,
    "TRITON_CACHE_DIR": _VOLUME,
    "USER": "it follows from `user` in the model's `compose` table",
    "VLLM_API_KEY": "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`",
    "VLLM_CACHE_ROOT": _VOLUME,
    "VLLM_DO_NOT_TRACK": _QUIET,
    "VLLM_HOST_IP": "it is vLLM's own address between its processes, not where it listens",
    "VLLM_MODEL_REDIRECT_PATH": "it would replace the repository id by a path",
    "VLLM_NO_USAGE_STATS": _QUIET,
    "VLLM_PORT": "it is vLLM's own port between its processes; write `publish` to reach the engine from the host",
    "VLLM_SERVER_DEV_MODE": "it opens routes that run any code, for models that sleep, which is not supported yet",
    "VLLM_USE_MODELSCOPE": "models come from the hub directory",
    "VLLM_WSL2_ENABLE_PIN_MEMORY": 'it is set where `[host] platform = "wsl2"` needs it',
    "XDG_CACHE_HOME": _CACHE,
}
