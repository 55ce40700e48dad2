"""List replacements for flags of vLLM that were removed or are deprecated.

Sources: the differences between the releases' own parsers and from their deprecation messages.
"""

from __future__ import annotations

from modelgen.engines.facts import Instead

_EPLB = Instead("write it inside `eplb-config = { … }`", ("eplb-config",))
_STRUCTURED = Instead("write it inside `structured-outputs-config = { … }`", ("structured-outputs-config",))
_ROPE = Instead("write it inside `hf-overrides = { … }`", ("hf-overrides",))
_NOTHING = Instead("remove it: vLLM decides by itself")
_PROMPT_ADAPTER = Instead("remove it: vLLM has no prompt adapters any more; LoRA adapters are declared by `loras`")
_TOKENIZER_POOL = Instead("remove it: there is no pool of tokenizers any more")
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
    "calculate-kv-scales": Instead("remove it: scales come from the checkpoint"),
    "cuda-graph-sizes": Instead("write `cudagraph-capture-sizes`", ("cudagraph-capture-sizes",)),
    "device": Instead("remove it: the image decides"),
    "disable-async-output-proc": _NOTHING,
    "disable-cascade-attn": Instead("remove it: cascade attention is gone"),
    "disable-frontend-multiprocessing": _NOTHING,
    "disable-log-requests": Instead(
        "remove it: nothing is logged unless `enable-log-requests` is set", ("enable-log-requests",)
    ),
    "disable-mm-preprocessor-cache": Instead("write `mm-processor-cache-gb = 0`", ("mm-processor-cache-gb",)),
    "enable-lora-bias": Instead("remove it: adapters with a bias are not served any more"),
    "enable-multimodal-encoder-data-parallel": Instead('write `mm-encoder-tp-mode = "data"`', ("mm-encoder-tp-mode",)),
    "enable-prompt-adapter": _PROMPT_ADAPTER,
    "enable-reasoning": Instead("remove it: `reasoning-parser` alone is enough", ("reasoning-parser",)),
    "eplb-log-balancedness": _EPLB,
    "eplb-step-interval": _EPLB,
    "eplb-window-size": _EPLB,
    "expand-tools-even-if-tool-choice-none": Instead("remove it: tools are in the prompt whatever the tool choice is"),
    "guided-decoding-backend": _STRUCTURED,
    "guided-decoding-disable-additional-properties": _STRUCTURED,
    "guided-decoding-disable-any-whitespace": _STRUCTURED,
    "guided-decoding-disable-fallback": _STRUCTURED,
    "ir-op-priority": Instead("remove it: it goes with vLLM IR"),
    "log-config-file": Instead("write `logging-config = { pylogging_config_file = … }`", ("logging-config",)),
    "logits-processor-pattern": Instead("write `logits-processors`", ("logits-processors",)),
    "long-lora-scaling-factors": Instead("remove it: adapters with a longer context are not served any more"),
    "lora-extra-vocab-size": Instead("remove it: adapters cannot add tokens any more"),
    "mamba-cache-mode": Instead("remove it: it follows `enable-prefix-caching`", ("enable-prefix-caching",)),
    "max-long-partial-prefills": Instead("remove it: chunked prefill schedules by itself"),
    "max-num-partial-prefills": Instead("remove it: chunked prefill schedules by itself"),
    "max-prompt-adapter-token": _PROMPT_ADAPTER,
    "max-prompt-adapters": _PROMPT_ADAPTER,
    "max-seq-len-to-capture": Instead(
        "remove it: what is captured follows from the batch sizes of `compilation-config`", ("compilation-config",)
    ),
    "multi-step-stream-outputs": Instead("remove it: multi-step scheduling is gone"),
    "num-lookahead-slots": Instead("remove it: it follows from `speculative-config`", ("speculative-config",)),
    "num-redundant-experts": _EPLB,
    "num-scheduler-steps": Instead("remove it: multi-step scheduling is gone"),
    "override-attention-dtype": _NOTHING,
    "override-neuron-config": Instead("write `additional-config`", ("additional-config",)),
    "override-pooler-config": Instead("write `pooler-config`", ("pooler-config",)),
    "preemption-mode": Instead("remove it: preempted requests are always computed again"),
    "prompt-adapters": _PROMPT_ADAPTER,
    "qlora-adapter-name-or-path": Instead("remove it: declare the adapter by `loras`"),
    "rope-scaling": _ROPE,
    "rope-theta": _ROPE,
    "scheduler-delay-factor": _NOTHING,
    "swap-space": Instead("remove it: preempted requests are computed again rather than swapped out"),
    "task": Instead(
        'write `runner = "pooling"` and a `convert` for embeddings and scores', ("runner", "convert"), _INSTEAD_OF_TASK
    ),
    "tokenizer-pool-extra-config": _TOKENIZER_POOL,
    "tokenizer-pool-size": _TOKENIZER_POOL,
    "tokenizer-pool-type": _TOKENIZER_POOL,
    "use-v2-block-manager": Instead("remove it: it is the only one"),
}
