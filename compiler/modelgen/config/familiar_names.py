"""List keys that other tools have, with what to write in models.toml instead.

Sources: Docker Compose, llama-swap, Ollama, and the command lines of vLLM, SGLang and llama.cpp. Letters alone do not
lead from `ttl` to `idle_timeout`, and lead from `ports` to `loras`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_KEYS = {
    **dict.fromkeys(
        ("ttl", "keep_alive", "idle", "idle_time", "unload_after", "timeout", "sleep_after"), "idle_timeout"
    ),
    **dict.fromkeys(
        ("model", "model_id", "model_name", "model_path", "hf_repo", "repo_id", "repository", "id"), "repo"
    ),
    **dict.fromkeys(("path", "local_path", "model_dir", "weights"), "repo"),
    **dict.fromkeys(("ports", "expose", "host", "listen"), "publish"),
    **dict.fromkeys(("name", "alias", "served_model_name", "names"), "aliases"),
    **dict.fromkeys(("gpu", "device", "devices", "device_ids", "cuda_visible_devices", "card"), "gpus"),
    **dict.fromkeys(("memory", "vram", "gpu_memory_utilization", "mem_fraction_static"), "gpu_memory"),
    **dict.fromkeys(("lora", "adapters", "lora_modules", "adapter"), "loras"),
    **dict.fromkeys(("environment", "env_vars", "envs"), "env"),
    **dict.fromkeys(("backend", "runtime", "server", "type"), "engine"),
    **dict.fromkeys(("commit", "branch", "sha"), "revision"),
    **dict.fromkeys(("gguf", "gguf_file", "filename", "model_file"), "file"),
    **dict.fromkeys(("health_check", "healthcheck", "check_endpoint", "readiness"), "health"),
    **dict.fromkeys(("max_concurrency", "concurrency_limit", "max_requests", "parallelism"), "concurrency"),
    **dict.fromkeys(("cpu", "cpu_limit", "cpu_count", "num_cpus", "nano_cpus"), "cpus"),
    **dict.fromkeys(("load_timeout", "startup_timeout", "start_period"), "start_timeout"),
    **dict.fromkeys(("trust_code", "remote_code"), "trust_remote_code"),
    **dict.fromkeys(("flags", "arguments", "options", "params", "extra_args", "engine_args"), "args"),
    **dict.fromkeys(("tag", "container", "docker_image"), "image"),
    "use_model_name": "upstream_name",
}
_EXAMPLES = {
    "aliases": '["my-name"]',
    "args": "{ max-model-len = 16384 }",
    "concurrency": "8",
    "cpus": "8",
    "engine": '"vllm"',
    "env": '{ NAME = "value" }',
    "file": '"model-Q4_K_M.gguf"',
    "gpu_memory": '"10GiB"',
    "gpus": '["gpu0"]',
    "health": '"/health"',
    "idle_timeout": '"10m"',
    "image": '"vllm/vllm-openai:v0.11.0"',
    "loras": '{ NAME = "namespace/repository" }',
    "publish": '"127.0.0.1:8001"',
    "repo": '"Qwen/Qwen3-4B-Instruct-2507"',
    "revision": '"main"',
    "start_timeout": '"15m"',
    "trust_remote_code": "true",
    "upstream_name": '"name"',
}
_ELSEWHERE = {
    **dict.fromkeys(("cmd", "run"), 'engine = "command"` and `command = ["program", "--port", "{port}"]'),
    **dict.fromkeys(("hub", "hub_dir", "cache_dir", "download_dir", "hf_home"), 'hub = "…"` in `[project]'),
    **dict.fromkeys(("api_key", "api_keys"), 'keys_file = "./keys/keys.txt"` in `[orchestrator]'),
    **dict.fromkeys(("default", "preload", "autostart"), '[profiles.NAME]` with `models = ["ID"]` and `default = true'),
}
FLAGS = {
    **dict.fromkeys(
        ("ctx", "ctx_size", "n_ctx", "num_ctx", "context", "context_length", "context_size"), "max-model-len"
    ),
    **dict.fromkeys(("max_model_len", "max_context", "max_seq_len"), "max-model-len"),
    **dict.fromkeys(("tensor_parallel", "tensor_parallel_size", "tp", "tp_size"), "tensor-parallel-size"),
    **dict.fromkeys(("max_num_seqs", "parallel", "batch_size", "num_parallel"), "max-num-seqs"),
    **dict.fromkeys(("quantization", "quant", "quantize"), "quantization"),
    **dict.fromkeys(("tool_call_parser", "tool_parser"), "tool-call-parser"),
    "dtype": "dtype",
    "kv_cache_dtype": "kv-cache-dtype",
    "enforce_eager": "enforce-eager",
    "chat_template": "chat-template",
    "reasoning_parser": "reasoning-parser",
    "pipeline_parallel_size": "pipeline-parallel-size",
    "max_num_batched_tokens": "max-num-batched-tokens",
    "n_gpu_layers": "n-gpu-layers",
    "limit_mm_per_prompt": "limit-mm-per-prompt",
}
_COMPOSE = frozenset(
    {"volumes", "labels", "networks", "ulimits", "shm_size", "logging", "extra_hosts", "stop_grace_period"}
)
IN_TABLES: Mapping[str, Mapping[str, str]] = {
    "": {
        **dict.fromkeys(("model", "llm", "llms"), "[models.ID]"),
        **dict.fromkeys(("gpu", "cards", "card", "devices"), "[gpus.NAME]"),
        **dict.fromkeys(("engine", "backends", "images"), "[engines.NAME]"),
        **dict.fromkeys(("profile", "groups", "group", "sets"), "[profiles.NAME]"),
        **dict.fromkeys(("server", "proxy", "router", "gateway", "api"), "[orchestrator]"),
        **dict.fromkeys(("name", "hub", "general", "settings"), '[project]` with `name = "…"` and `hub = "…"'),
        **dict.fromkeys(("version", "services"), "format = 1"),
        "default": "[defaults]",
    },
    "project": {
        **dict.fromkeys(
            ("hub_dir", "cache", "cache_dir", "models", "models_dir", "hf_home", "path"), 'hub = "./models/hub"'
        ),
        **dict.fromkeys(("project", "title", "id"), 'name = "my-models"'),
    },
    "gpus": {
        **dict.fromkeys(("vram", "size", "mem", "total", "memory_size"), 'memory = "24GiB"'),
        **dict.fromkeys(("id", "index", "uuid", "device_id", "gpu", "number"), 'device = "0"'),
        **dict.fromkeys(("utilization", "gpu_memory_utilization", "max_memory", "share"), "limit = 0.95"),
        **dict.fromkeys(("vendor", "type", "driver"), 'kind = "nvidia"'),
    },
    "engines": {
        **dict.fromkeys(("environment", "env_vars"), 'env = { NAME = "value" }'),
        **dict.fromkeys(("tag", "container", "docker_image"), 'image = "vllm/vllm-openai:v0.11.0"'),
    },
    "profiles": {
        **dict.fromkeys(("members", "ids", "model", "services"), 'models = ["ID"]'),
        **dict.fromkeys(("autostart", "preload", "start"), "default = true"),
    },
    "orchestrator": {
        **dict.fromkeys(("port", "host", "address", "bind", "publish", "ports"), 'listen = "127.0.0.1:8080"'),
        **dict.fromkeys(("api_key", "api_keys", "keys", "token"), 'keys_file = "./keys/keys.txt"'),
        **dict.fromkeys(("cors", "cors_origins", "origins"), 'allowed_origins = ["http://localhost:5173"]'),
        **dict.fromkeys(("hosts", "trusted_hosts"), 'allowed_hosts = ["models.example"]'),
        **dict.fromkeys(("max_queue", "queue", "queue_size"), "queue_limit = 100"),
        **dict.fromkeys(("image",), 'base_image = "python:3.13-slim"'),
    },
}


def write_instead(path: tuple[str | int, ...], value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return what to write in place of the unknown key at `path`, as a help line; empty if it is not familiar."""
    return f"write `{found}`" if (found := _find(path, value)) else ""


def _find(path: tuple[str | int, ...], value: Any) -> str:  # noqa: ANN401
    *around, key = path
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower().replace("-", "_")
    table = str(around[0]) if around else ""
    if table not in ("models", "defaults"):
        return IN_TABLES.get(table, {}).get(word, "")
    if word in FLAGS and isinstance(value, str | int):
        return f"args = {{ {FLAGS[word]} = {json.dumps(value, ensure_ascii=False)} }}"
    if word in _COMPOSE:
        return f"compose = {{ {key} = … }}"
    if (own := MODEL_KEYS.get(word)) is not None:
        return f"{own} = {_converted(own, value) or _EXAMPLES[own]}"
    return _ELSEWHERE.get(word, "")


def _converted(key: str, value: Any) -> str:  # noqa: ANN401
    """Return the written value as the value of `key`, or an empty string if it cannot be one."""
    match key, value:
        case "idle_timeout" | "start_timeout", int() if value > 0 and value is not True:
            return f'"{value}s"'
        case "gpu_memory", float() if 0 < value <= 1:
            return str(value)
        case "publish", int() | str() if port := re.match(r"(\d{2,5})(?::\d+)?$", str(value)):
            return f'"127.0.0.1:{port[1]}"'
        case "publish", [first, *_]:
            return _converted(key, first)
        case "repo", str() if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", value):
            return json.dumps(value)
        case "aliases" | "gpus", str():
            return json.dumps([value], ensure_ascii=False)
        case _:
            return ""
