"""List vLLM's variables that modelgen sets, and replacements for wrong and removed names."""

from __future__ import annotations

from modelgen.engines.facts import Instead, removed
from modelgen.engines.flags import owned

OWNED = {
    "VLLM_API_KEY": owned.KEYS,
    "VLLM_CACHE_ROOT": owned.VOLUME,
    "VLLM_DO_NOT_TRACK": owned.QUIET,
    "VLLM_HOST_IP": "it is vLLM's own address between its processes, not where it listens",
    "VLLM_MODEL_REDIRECT_PATH": "it would replace the repository id with a path",
    "VLLM_NO_USAGE_STATS": owned.QUIET,
    "VLLM_PORT": "it is vLLM's own port between its processes; write `publish` to reach the engine from the host",
    "VLLM_SERVER_DEV_MODE": "it enables routes that run any code, for sleeping models, which are not supported yet",
    "VLLM_USE_MODELSCOPE": owned.MODELSCOPE,
    "VLLM_WSL2_ENABLE_PIN_MEMORY": 'it is set where `[host] platform = "wsl2"` needs it',
}
MEANT = {"LOG_LEVEL": "VLLM_LOGGING_LEVEL", "VLLM_LOG_LEVEL": "VLLM_LOGGING_LEVEL"}
INSTEAD = {
    "VLLM_ALL2ALL_BACKEND": Instead(
        "write `all2all-backend` in `args`", becomes=lambda value: {"all2all-backend": value}
    ),
    "VLLM_ATTENTION_BACKEND": Instead(
        "write `attention-backend` in `args`", becomes=lambda value: {"attention-backend": value}
    ),
    "VLLM_FLASH_ATTN_VERSION": Instead(
        "write `attention-config` in `args`",
        becomes=lambda value: {"attention-config": {"flash_attn_version": int(value)}} if value.isdecimal() else {},
    ),
    "VLLM_TORCH_PROFILER_DIR": Instead(
        "write `profiler-config` in `args`",
        becomes=lambda value: {"profiler-config": {"profiler": "torch", "torch_profiler_dir": value}},
    ),
    "VLLM_USE_TRTLLM_ATTENTION": Instead(
        "write `attention-config` in `args`",
        becomes=lambda value: {"attention-config": {"use_trtllm_attention": value == "1"}},
    ),
    "VLLM_USE_V1": removed("the old engine is gone"),
}
BARE = frozenset(
    {"dtype", "enforce-eager", "gpu-memory-utilization", "kv-cache-dtype", "max-model-len", "max-num-batched-tokens"}
    | {"max-num-seqs", "quantization", "served-model-name", "tensor-parallel-size", "trust-remote-code"}
)
