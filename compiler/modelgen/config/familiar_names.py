"""List keys that other tools have, with what to write in models.toml instead.

Sources: Docker Compose, llama-swap, Ollama, and the command lines of vLLM, SGLang and llama.cpp. Letters alone do not
lead from `ttl` to `idle_timeout`, and lead from `ports` to `loras`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_KEYS = {
    **dict.fromkeys(("ttl", "keep_alive", "idle", "idle_time", "unload_after", "sleep_after"), "idle_timeout"),
    **dict.fromkeys(
        ("model", "model_id", "model_name", "model_path", "hf_repo", "repo_id", "repository", "id"), "repo"
    ),
    **dict.fromkeys(("path", "local_path", "model_dir", "weights"), "repo"),
    "ports": "publish",
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
    **dict.fromkeys(("ram", "memory_limit", "host_ram", "system_memory"), "host_memory"),
    **dict.fromkeys(("timeout", "load_timeout", "startup_timeout", "start_period"), "start_timeout"),
    **dict.fromkeys(("trust_code", "remote_code"), "trust_remote_code"),
    **dict.fromkeys(("flags", "arguments", "options", "params", "extra_args", "engine_args", "parameters"), "args"),
    **dict.fromkeys(("tag", "container", "docker_image"), "image"),
    **dict.fromkeys(("use_model_name", "upstream_model"), "upstream_name"),
    **dict.fromkeys(("from", "base", "base_model", "checkpoint", "hf_model", "pretrained_model_name_or_path"), "repo"),
    **dict.fromkeys(("container_name", "service_name"), "service"),
    **dict.fromkeys(("mmproj_file", "projector"), "mmproj"),
    **dict.fromkeys(("health_check_timeout", "ready_timeout"), "start_timeout"),
    **dict.fromkeys(("allow_patterns", "files"), "include"),
    "ignore_patterns": "exclude",
    **dict.fromkeys(("presets", "filters", "set_params", "setparams", "strip_params"), "variants"),
}
VALUES = {
    **dict.fromkeys(("fp16", "f16"), ("float16", "half")),
    **dict.fromkeys(("bf16", "bfp16", "bfloat16"), ("bfloat16", "float16")),
    **dict.fromkeys(("fp8", "int8", "q8"), ("q8_0",)),
    **dict.fromkeys(("fp32", "f32"), ("float32", "float")),
    **dict.fromkeys(("int4", "4bit", "nf4"), ("bitsandbytes",)),
    **dict.fromkeys(("yes", "on", "true", "1"), ("true",)),
    **dict.fromkeys(("no", "off", "false", "0"), ("false",)),
}
"""Values of flags as other tools write them."""
EXAMPLES = {
    "aliases": '["my-name"]',
    "variants": "{ fast = { set_params = { temperature = 0 } } }",
    "args": "{ max-model-len = 16384 }",
    "concurrency": "8",
    "cpus": "8",
    "engine": '"vllm"',
    "env": '{ NAME = "value" }',
    "exclude": '["*.bin"]',
    "file": '"model-Q4_K_M.gguf"',
    "gpu_memory": '"10GiB"',
    "gpus": '["gpu0"]',
    "health": '"/health"',
    "host_memory": '"48GiB"',
    "idle_timeout": '"10m"',
    "include": '["*.safetensors"]',
    "mmproj": '"mmproj-F16.gguf"',
    "image": '"vllm/vllm-openai:v0.30.0"',
    "loras": '{ NAME = "namespace/repository" }',
    "publish": '"127.0.0.1:8001"',
    "repo": '"Qwen/Qwen3-4B-Instruct-2507"',
    "revision": '"main"',
    "service": '"my-service"',
    "start_timeout": '"15m"',
    "trust_remote_code": "true",
    "upstream_name": '"name"',
}
IMAGES = {
    "vllm": "vllm/vllm-openai",
    "sglang": "lmsysorg/sglang",
    "llamacpp": "ghcr.io/ggml-org/llama.cpp",
    "tei": "ghcr.io/huggingface/text-embeddings-inference",
    "infinity": "michaelf34/infinity",
}
"""The images whose tags are written alone, by engine."""
ELSEWHERE = {
    "send_loading_state": 'loading_messages = "reasoning"` in `[orchestrator]',
    **dict.fromkeys(("hub", "hub_dir", "cache_dir", "download_dir", "hf_home"), 'hub = "…"` in `[project]'),
    **dict.fromkeys(("api_key", "api_keys"), 'keys_file = "./keys/keys.txt"` in `[orchestrator]'),
    **dict.fromkeys(("default", "preload", "autostart"), '[profiles.NAME]` with `models = ["ID"]` and `default = true'),
}
FLAGS = {
    **dict.fromkeys(
        ("ctx", "ctx_size", "n_ctx", "num_ctx", "context", "context_length", "context_size"), "max-model-len"
    ),
    **dict.fromkeys(
        ("max_model_len", "max_context", "max_seq_len", "max_length", "max_total_tokens", "max_input_length"),
        "max-model-len",
    ),
    **dict.fromkeys(("tensor_parallel", "tensor_parallel_size", "tp", "tp_size", "num_shard"), "tensor-parallel-size"),
    **dict.fromkeys(("pipeline_parallel_size", "pp_size", "pp"), "pipeline-parallel-size"),
    **dict.fromkeys(("data_parallel_size", "dp_size", "dp"), "data-parallel-size"),
    **dict.fromkeys(("max_num_seqs", "max_num_sequences", "parallel", "batch_size", "num_parallel"), "max-num-seqs"),
    **dict.fromkeys(("max_running_requests", "max_concurrent_requests", "max_batch_size"), "max-num-seqs"),
    **dict.fromkeys(("max_num_batched_tokens", "max_batch_prefill_tokens"), "max-num-batched-tokens"),
    **dict.fromkeys(("quantization", "quantize"), "quantization"),
    **dict.fromkeys(("tool_call_parser", "tool_parser"), "tool-call-parser"),
    **dict.fromkeys(("kv_cache_dtype", "kv_cache_type", "cache_type_k"), "kv-cache-dtype"),
    **dict.fromkeys(("chat_template", "template"), "chat-template"),
    **dict.fromkeys(("num_gpu", "n_gpu_layers", "gpu_layers"), "n-gpu-layers"),
    **dict.fromkeys(
        ("speculative_config", "speculative_model", "num_speculative_tokens", "draft_model"), "speculative-config"
    ),
    **dict.fromkeys(("prefix_caching", "enable_prefix_caching"), "enable-prefix-caching"),
    **dict.fromkeys(("chunked_prefill", "enable_chunked_prefill"), "enable-chunked-prefill"),
    **dict.fromkeys(("cpu_offload", "cpu_offload_gb"), "cpu-offload-gb"),
    "compilation_config": "compilation-config",
    "dtype": "dtype",
    "enable_auto_tool_choice": "enable-auto-tool-choice",
    "enable_expert_parallel": "enable-expert-parallel",
    "enforce_eager": "enforce-eager",
    "hf_overrides": "hf-overrides",
    "limit_mm_per_prompt": "limit-mm-per-prompt",
    "load_format": "load-format",
    "max_lora_rank": "max-lora-rank",
    "max_loras": "max-loras",
    "reasoning_parser": "reasoning-parser",
    "seed": "seed",
    "swap_space": "swap-space",
    "tokenizer": "tokenizer",
}
"""Flags of engines as other tools name them, by their name in the default engine."""
SPELLINGS = {
    "max-model-len": {"sglang": "context-length", "llamacpp": "ctx-size"},
    "tensor-parallel-size": {"sglang": "tp-size"},
    "pipeline-parallel-size": {"sglang": "pp-size"},
    "data-parallel-size": {"sglang": "dp-size"},
    "max-num-seqs": {"sglang": "max-running-requests", "llamacpp": "parallel"},
    "enforce-eager": {"sglang": "disable-cuda-graph"},
}
"""The same flags in other engines that name them otherwise."""
SAME_FLAGS = {
    "sglang": frozenset(
        {
            "quantization",
            "tool-call-parser",
            "kv-cache-dtype",
            "chat-template",
            "cpu-offload-gb",
            "dtype",
            "load-format",
        }
        | {"max-lora-rank", "reasoning-parser"}
    ),
    "llamacpp": frozenset({"seed"}),
    "tei": frozenset({"dtype"}),
    "infinity": frozenset({"dtype"}),
}
"""Flags that another engine has under the same name."""
DEFAULT_ENGINE = "vllm"
PROGRAM_ENGINE = "command"
EVERY_ENGINE = frozenset({"vllm", "sglang", "llamacpp", "tei", "infinity", "command"})
FLAGS_OF = {"n-gpu-layers": ("llamacpp", "`{engine}` puts all layers on the GPU")}
"""Flags of one engine, with the reason why another needs none."""
KEYS_OF = {
    "health": ("command", "modelgen knows the health check of `{engine}`"),
    "upstream_name": (
        "command",
        "modelgen sends `{engine}` the name that it serves; clients may use those in `aliases`",
    ),
}
"""Keys of one engine, with the reason why another needs none."""
PROGRAMS = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llama-server": "llamacpp",
    "text-embeddings-router": "tei",
    "infinity_emb": "infinity",
}
"""The programs of the engines, as they occur in a command line."""
ENGINES = {
    **dict.fromkeys(("llama_cpp", "llama.cpp", "llama_server", "ggml", "gguf", "ollama", "lmstudio"), "llamacpp"),
    **dict.fromkeys(("text_embeddings_inference", "embeddings", "text_embeddings_router"), "tei"),
    **dict.fromkeys(("infinity_emb", "michaelf_infinity"), "infinity"),
    **dict.fromkeys(("vllm_openai", "vllm_serve"), "vllm"),
    **dict.fromkeys(("sgl", "sglang_router", "srt"), "sglang"),
    **dict.fromkeys(("custom", "process", "shell", "script"), "command"),
}
"""Engines as other tools name them. Ollama and LM Studio run llama.cpp."""
OTHER_ENGINES = frozenset(
    {
        "tgi",
        "text_generation_inference",
        "triton",
        "tensorrt_llm",
        "trtllm",
        "trt_llm",
        "lmdeploy",
        "exllamav2",
        "exllama",
    }
    | {"tabbyapi", "aphrodite", "mlx", "mlx_lm", "ktransformers", "transformers", "nim", "deepspeed", "mii", "localai"}
)
"""Engines that modelgen runs only as programs."""
SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens"})
REMOVED = {
    "ipc": "every container has a shared memory of its own; `shm_size` in `compose` sets its size",
    "privileged": "no engine needs it; `cap_add` in `compose` adds a single capability",
    "network_mode": "engines are on an internal network; `networks` in `compose` adds others",
    "restart": "the orchestrator starts and stops models",
    "depends_on": "the orchestrator orders starts",
    **dict.fromkeys(("proxy", "url", "base_url", "upstream", "endpoint"), "modelgen knows where each engine listens"),
    **dict.fromkeys(("host", "listen", "expose"), "clients reach every model at `[orchestrator]`'s `listen`"),
    **dict.fromkeys(("swap", "exclusive", "persistent"), "models that do not fit on a GPU together take turns"),
    **dict.fromkeys(("comment", "tags"), "write a comment that begins with `#`"),
    **dict.fromkeys(
        ("system", "system_prompt", "num_predict", "max_tokens", "stop"), "clients send it with each request"
    ),
    **dict.fromkeys(("hf_token", "token"), "engines are offline; HF_TOKEN in the shell is for `modelgen fetch`"),
    **dict.fromkeys(("enabled", "disabled", "unlisted"), "every model of the file is served; delete its table"),
    **dict.fromkeys(("macros", "hooks", "variables", "x_common"), "write what models share in `[defaults]`"),
    **dict.fromkeys(("log_level", "loglevel", "debug"), "`modelgen logs MODEL` prints the engine's output"),
}
COMPOSE = frozenset(
    {"volumes", "labels", "networks", "ulimits", "shm_size", "logging", "extra_hosts", "stop_grace_period", "user"}
    | {"working_dir", "mem_limit", "dns", "tmpfs", "cap_add", "security_opt", "hostname", "pids_limit", "sysctls"}
)
IN_TABLES: Mapping[str, Mapping[str, str]] = {
    "": {
        **dict.fromkeys(("model", "llm", "llms", "checkpoints"), "[models.ID]"),
        **dict.fromkeys(("gpu", "cards", "card", "devices"), "[gpus.NAME]"),
        **dict.fromkeys(("engine", "backends", "images"), "[engines.NAME]"),
        **dict.fromkeys(("profile", "groups", "group", "sets"), "[profiles.NAME]"),
        **dict.fromkeys(("server", "proxy", "router", "gateway", "api"), "[orchestrator]"),
        **dict.fromkeys(("name", "hub", "general", "settings"), '[project]` with `name = "…"` and `hub = "…"'),
        **dict.fromkeys(("services", "service", "deployments"), "[models.ID]"),
        **dict.fromkeys(("default", "common", "global", "parameters"), "[defaults]"),
        "send_loading_state": 'loading_messages = "reasoning"` in `[orchestrator]',
        "version": "format = 1",
    },
    "host": {
        **dict.fromkeys(("gpu_driver", "nvidia_driver", "driver_version", "cuda_driver"), 'driver = "580.65.06"'),
        **dict.fromkeys(("os", "system", "type"), 'platform = "linux"'),
        **dict.fromkeys(("architecture", "cpu", "cpu_arch", "machine"), 'arch = "amd64"'),
        **dict.fromkeys(("ram", "mem", "total_memory"), 'memory = "64GiB"'),
        **dict.fromkeys(("docker_version", "docker_engine", "engine"), 'docker = "28.3"'),
        **dict.fromkeys(("docker_host", "socket"), 'docker_socket = "/var/run/docker.sock"'),
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
        **dict.fromkeys(("name", "model", "product", "gpu_name", "sku"), 'card = "RTX 3090"'),
        **dict.fromkeys(("compute_capability", "compute_cap", "cuda_arch", "sm", "gfx"), 'capability = "8.6"'),
        **dict.fromkeys(("unified_memory", "integrated", "shared_memory"), "unified = true"),
    },
    "engines": {
        **dict.fromkeys(("environment", "env_vars"), 'env = { NAME = "value" }'),
        **dict.fromkeys(("tag", "container", "docker_image"), 'image = "vllm/vllm-openai:v0.30.0"'),
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
        "send_loading_state": 'loading_messages = "reasoning"',
        **dict.fromkeys(("image",), 'base_image = "python:3.13-slim"'),
    },
}
