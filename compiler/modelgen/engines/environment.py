"""Environment variables that modelgen owns, in every engine."""

from __future__ import annotations

HUB_HOME = "/root/.cache/huggingface"
HUB = f"{HUB_HOME}/hub"

# Both are explicit: the incident was one level between them. HF_HUB_OFFLINE alone keeps an engine from retrying for
# minutes on a host without internet, even when everything is on disk.
ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "HF_HOME": HUB_HOME,
    "HF_HUB_CACHE": HUB,
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}

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
    "HF_DATASETS_OFFLINE": _OFFLINE,
    "HF_ENDPOINT": _OFFLINE,
    "HF_HOME": _CACHE,
    "HF_HUB_CACHE": _CACHE,
    "HF_HUB_DISABLE_TELEMETRY": _QUIET,
    "HF_HUB_OFFLINE": _OFFLINE,
    "HF_MODULES_CACHE": _VOLUME,
    "HF_TOKEN": _TOKEN,
    "HF_TOKEN_PATH": _TOKEN,
    "HUGGINGFACE_HUB_CACHE": _CACHE,
    "HUGGING_FACE_HUB_TOKEN": _TOKEN,
    "NVIDIA_VISIBLE_DEVICES": _DEVICES,
    "PYTORCH_PRETRAINED_BERT_CACHE": _CACHE,
    "PYTORCH_TRANSFORMERS_CACHE": _CACHE,
    "TORCHINDUCTOR_CACHE_DIR": _VOLUME,
    "TRANSFORMERS_CACHE": _CACHE,
    "TRANSFORMERS_OFFLINE": _OFFLINE,
    "TRITON_CACHE_DIR": _VOLUME,
    "VLLM_API_KEY": "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`",
    "VLLM_CACHE_ROOT": _VOLUME,
    "VLLM_DO_NOT_TRACK": _QUIET,
    "VLLM_HOST_IP": "it is vLLM's own address between its processes, not where it listens",
    "VLLM_MODEL_REDIRECT_PATH": "it would replace the repository id by a path",
    "VLLM_NO_USAGE_STATS": _QUIET,
    "VLLM_PORT": "it is vLLM's own port between its processes; write `publish` to reach the engine from the host",
    "VLLM_SERVER_DEV_MODE": 'it opens routes that run any code; `switch = "sleep"` sets it where it is needed',
    "VLLM_USE_MODELSCOPE": "models come from the hub directory",
    "XDG_CACHE_HOME": _CACHE,
}
