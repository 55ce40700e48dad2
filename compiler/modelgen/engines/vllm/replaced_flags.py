"""List replacements for flags of vLLM that were removed or are deprecated.

Sources: the differences between the releases' own parsers and from their deprecation messages.
"""

from __future__ import annotations

from modelgen.engines.facts import Instead, inside, removed, renamed

# Transformers 5 (in vLLM 0.32.0, not in 0.12.0) has `rope_parameters` in its place (transformers_utils/config.py).
_ROPE = Instead("write it inside `hf-overrides = { … }`", ("hf-overrides",))
# The config of 0.12.0 has `disable_fallback`, that of 0.32.0 does not.
_FALLBACK = Instead("write it inside `structured-outputs-config = { … }`", ("structured-outputs-config",))
_NOTHING = removed("vLLM decides by itself")
_PROMPT_ADAPTER = removed("vLLM has no prompt adapters any more; LoRA adapters are declared by `loras`")
_TOKENIZER_POOL = removed("there is no pool of tokenizers any more")
_OF_TASK = {
    "classify": {"runner": "pooling", "convert": "classify"},
    "embed": {"runner": "pooling", "convert": "embed"},
    "embedding": {"runner": "pooling", "convert": "embed"},
    "reward": {"runner": "pooling"},
    "score": {"runner": "pooling"},
}
# `_RUNNER_TASKS` and `_task_to_convert` in vllm/config/model.py of 0.12.0, the last release with the flag. By default a
# model that can generate does so, and `convert` follows the architecture.
_INSTEAD_OF_TASK = {
    "auto": "remove it: vLLM decides by the model",
    "generate": "remove it: vLLM decides by the model",
    "transcription": "remove it: vLLM decides by the model",
    "classify": 'write `runner = "pooling"` and `convert = "classify"`',
    "embed": 'write `runner = "pooling"` and `convert = "embed"`',
    "embedding": 'write `runner = "pooling"` and `convert = "embed"`',
    "reward": 'write `runner = "pooling"`',
    "score": 'write `runner = "pooling"`',
}

INSTEAD = {
    "calculate-kv-scales": removed("scales come from the checkpoint"),
    "cuda-graph-sizes": renamed("cudagraph-capture-sizes"),
    "device": removed("the image decides"),
    "disable-async-output-proc": _NOTHING,
    "disable-cascade-attn": removed("cascade attention is gone"),
    "disable-frontend-multiprocessing": _NOTHING,
    "disable-log-requests": Instead(
        "remove it: nothing is logged unless `enable-log-requests` is set",
        ("enable-log-requests",),
        becomes=lambda value: {} if value else {"enable-log-requests": True},
    ),
    "disable-mm-preprocessor-cache": Instead(
        "write `mm-processor-cache-gb = 0`",
        ("mm-processor-cache-gb",),
        becomes=lambda value: {"mm-processor-cache-gb": 0} if value else {},
    ),
    "enable-lora-bias": removed("adapters with a bias are not served any more"),
    "enable-multimodal-encoder-data-parallel": Instead(
        'write `mm-encoder-tp-mode = "data"`',
        ("mm-encoder-tp-mode",),
        becomes=lambda value: {"mm-encoder-tp-mode": "data"} if value else {},
    ),
    "enable-prompt-adapter": _PROMPT_ADAPTER,
    "enable-reasoning": removed("`reasoning-parser` alone is enough", "reasoning-parser"),
    "eplb-log-balancedness": inside("eplb-config", "log_balancedness"),
    "eplb-step-interval": inside("eplb-config", "step_interval"),
    "eplb-window-size": inside("eplb-config", "window_size"),
    "expand-tools-even-if-tool-choice-none": removed("tools are in the prompt whatever the tool choice is"),
    "guided-decoding-backend": inside("structured-outputs-config", "backend"),
    "guided-decoding-disable-additional-properties": inside(
        "structured-outputs-config", "disable_additional_properties"
    ),
    "guided-decoding-disable-any-whitespace": inside("structured-outputs-config", "disable_any_whitespace"),
    "guided-decoding-disable-fallback": _FALLBACK,
    "ir-op-priority": removed("it goes with vLLM IR"),
    "log-config-file": Instead(
        "write `logging-config = { pylogging_config_file = … }`",
        ("logging-config",),
        becomes=lambda value: {"logging-config": {"pylogging_config_file": value}},
    ),
    "logits-processor-pattern": Instead("write `logits-processors`", ("logits-processors",)),
    "long-lora-scaling-factors": removed("adapters with a longer context are not served any more"),
    "lora-extra-vocab-size": removed("adapters cannot add tokens any more"),
    "mamba-cache-mode": removed("it follows `enable-prefix-caching`", "enable-prefix-caching"),
    "max-long-partial-prefills": removed("chunked prefill schedules by itself"),
    "max-num-partial-prefills": removed("chunked prefill schedules by itself"),
    "max-prompt-adapter-token": _PROMPT_ADAPTER,
    "max-prompt-adapters": _PROMPT_ADAPTER,
    "max-seq-len-to-capture": removed(
        "what is captured follows from the batch sizes of `compilation-config`", "compilation-config"
    ),
    "multi-step-stream-outputs": removed("multi-step scheduling is gone"),
    "num-lookahead-slots": removed("it follows from `speculative-config`", "speculative-config"),
    "num-redundant-experts": inside("eplb-config", "num_redundant_experts"),
    "num-scheduler-steps": removed("multi-step scheduling is gone"),
    "override-attention-dtype": _NOTHING,
    "override-neuron-config": renamed("additional-config"),
    "override-pooler-config": renamed("pooler-config"),
    "preemption-mode": removed("preempted requests are always computed again"),
    "prompt-adapters": _PROMPT_ADAPTER,
    "qlora-adapter-name-or-path": removed("declare the adapter by `loras`"),
    "rope-scaling": _ROPE,
    "rope-theta": _ROPE,
    "scheduler-delay-factor": _NOTHING,
    "swap-space": removed("preempted requests are computed again rather than swapped out"),
    "task": Instead(
        'write `runner = "pooling"` and a `convert` for embeddings and scores',
        ("runner", "convert"),
        _INSTEAD_OF_TASK,
        becomes=lambda value: _OF_TASK.get(value, {}),
    ),
    "tokenizer-pool-extra-config": _TOKENIZER_POOL,
    "tokenizer-pool-size": _TOKENIZER_POOL,
    "tokenizer-pool-type": _TOKENIZER_POOL,
    "use-v2-block-manager": removed("it is the only one"),
}
