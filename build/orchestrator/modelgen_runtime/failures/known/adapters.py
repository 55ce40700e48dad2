"""LoRA adapters: missing, too large, or of a kind that cannot be served."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import Saying

SAYINGS = (
    Saying(
        "lora-rank",
        None,
        r"LoRA rank (?P<rank>[0-9]{1,6}) is greater than max_lora_rank",
        "the rank of the adapter is larger than `max-lora-rank`",
        "raise `max-lora-rank` in its `args`",
        "vllm/lora/peft_helper.py",
        ("args.max-lora-rank", "loras"),
        "raise `max-lora-rank` in its `args` to at least {rank}",
    ),
    Saying(
        "lora-not-supported",
        None,
        r"only supports modules_to_save being None|does(?: not yet|n't) support DoRA|Adapter bias is not supported"
        r"|doesn't support adapters that add tokens",
        "the adapter was trained in a way that the engine cannot serve",
        "train it without `modules_to_save`, DoRA and bias, or merge it into the weights and serve the merged model",
        "vllm/lora/peft_helper.py",
        ("loras",),
    ),
    Saying(
        "lora-not-supported",
        None,
        r"does not support LoRA|incompatible with the current LoRA memory|not included in the specified --lora",
        "the engine cannot serve this adapter with this model",
        "remove it from `loras`, or merge it into the weights and serve the merged model",
        "vllm/v1/worker/lora_model_runner_mixin.py",
        ("loras",),
    ),
    Saying(
        "adapter-missing",
        None,
        r"[Nn]o adapter found for|adapter_config\.json|Cannot find adapter config file",
        "the adapter, or one of its files, is missing",
        "run `modelgen fetch`, and check `loras` of the model",
        "vllm/lora/worker_manager.py",
        ("loras",),
    ),
    Saying(
        "adapter-missing",
        None,
        r"adapter_model\.(?:safetensors|bin)|doesn't contain tensors",
        "the adapter, or one of its files, is missing",
        "run `modelgen fetch`, and check `loras` of the model",
        "vllm/lora/lora_model.py",
        ("loras",),
    ),
    Saying(
        "lora-not-added",
        None,
        r"Call to add_lora method failed|Loading lora .{0,200} failed|Failed to load LoRA adapter",
        "an adapter cannot be loaded",
        "check `loras` of the model: the line names the adapter and the reason",
        "vllm/v1/engine/core.py",
        ("loras",),
    ),
)
