"""List replacements for flags of SGLang that were removed, and for vLLM's names of flags.

Sources: the deprecation messages in srt/server_args.py of the last releases that had the flags: 0.4.6.post5
(`enable-flashmla`), 0.5.4 (`enable-…-moe`), 0.5.9 (`hybrid-kvcache-ratio`), 0.5.19 (all of CUDA graphs, context
parallelism, NSA and elastic EP). Where there is no message, the flags of two neighbouring releases have the same help:
0.5.2 and 0.5.4 (`max-micro-batch-size`), 0.5.4 and 0.5.6.post2 (`kt-amx-…`, `oltp-…`), 0.5.15 and 0.5.19 (waterfill).
"""

from __future__ import annotations

from typing import Any

from modelgen.engines.facts import Instead, removed, renamed


def _choice(flag: str, value: Any) -> Instead:  # noqa: ANN401 - any TOML value
    """Return the replacement for a switch that became a value of another flag."""
    shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
    return Instead(f"write `{flag} = {shown}`", (flag,), becomes=lambda is_on: {flag: value} if is_on else {})


def _choices(flag: str, words: dict[str, str]) -> Instead:
    """Return the replacement for a flag whose values have other names."""
    return Instead(
        f"write `{flag}`",
        (flag,),
        {old: f'write `{flag} = "{new}"`' for old, new in words.items()},
        becomes=lambda value: {flag: words.get(str(value), str(value))},
    )


_SPLITS = {"in-seq-split": "zigzag", "round-robin-split": "interleave"}
_PREFILL = "cuda-graph-backend-prefill"
_SPARSITY = removed("SGLang has no double sparsity any more")

INSTEAD = {
    # vLLM's names for flags that have another name in SGLang.
    "enable-auto-tool-choice": Instead("remove it: `tool-call-parser` alone is enough", ("tool-call-parser",)),
    "enable-prefix-caching": Instead(
        "remove it: it is on unless `disable-radix-cache` is set", ("disable-radix-cache",)
    ),
    "enforce-eager": Instead("write `disable-cuda-graph`", ("disable-cuda-graph",)),
    "gpu-memory-utilization": Instead(
        "write `gpu_memory` in the model's table, or `mem-fraction-static` on a command line of your own",
        ("mem-fraction-static",),
    ),
    "max-model-len": Instead("write `context-length`", ("context-length",)),
    "max-num-batched-tokens": Instead("write `chunked-prefill-size`", ("chunked-prefill-size",)),
    "max-num-seqs": Instead("write `max-running-requests`", ("max-running-requests",)),
    "tokenizer": Instead("write `tokenizer-path`", ("tokenizer-path",)),
    # SGLang's own.
    "collect-tokens-histogram": removed("`enable-metrics` alone collects them", "enable-metrics"),
    "cuda-graph-bs": renamed("cuda-graph-bs-decode"),
    "cuda-graph-max-bs": renamed("cuda-graph-max-bs-decode"),
    "disable-piecewise-cuda-graph": _choice(_PREFILL, "disabled"),
    **dict.fromkeys(
        (
            *("enable-double-sparsity", "ds-channel-config-path", "ds-heavy-channel-num", "ds-heavy-channel-type"),
            *("ds-heavy-token-num", "ds-sparse-decode-threshold"),
        ),
        _SPARSITY,
    ),
    "dsa-prefill-cp-mode": _choices("cp-strategy", _SPLITS),
    "elastic-ep-rejoin": _choice("elastic-ep-join-mode", "recover"),
    "enable-breakable-cuda-graph": _choice(_PREFILL, "breakable"),
    "enable-deepep-moe": _choice("moe-a2a-backend", "deepep"),
    "enable-deepep-waterfill": renamed("enable-waterfill"),
    "enable-dsa-prefill-context-parallel": renamed("enable-prefill-cp"),
    "enable-ep-moe": Instead("write `ep-size` with the value of `tp-size`", ("ep-size", "tp-size")),
    "enable-expert-distribution-metrics": Instead(
        "write `expert-balancedness-report-mode`: `server_log`, `prometheus` or `both`",
        ("expert-balancedness-report-mode",),
    ),
    "enable-flashinfer-cutedsl-moe": _choice("moe-runner-backend", "flashinfer_cutedsl"),
    "enable-flashinfer-cutlass-moe": _choice("moe-runner-backend", "flashinfer_cutlass"),
    "enable-flashinfer-mla": _choice("attention-backend", "flashinfer"),
    "enable-flashinfer-mxfp4-moe": _choice("moe-runner-backend", "flashinfer_mxfp4"),
    "enable-flashinfer-trtllm-moe": _choice("moe-runner-backend", "flashinfer_trtllm"),
    "enable-flashmla": _choice("attention-backend", "flashmla"),
    "enable-gdn-replayssm-spec": renamed("enable-linear-replayssm-spec"),
    "enable-nsa-prefill-context-parallel": renamed("enable-prefill-cp"),
    "enable-prefill-context-parallel": renamed("enable-prefill-cp"),
    "enable-triton-kernel-moe": _choice("moe-runner-backend", "triton_kernel"),
    "enforce-piecewise-cuda-graph": _choice(_PREFILL, "tc_piecewise"),
    "hybrid-kvcache-ratio": Instead("write `swa-full-tokens-ratio`, another ratio", ("swa-full-tokens-ratio",)),
    "impl": renamed("model-impl"),
    "keep-mm-feature-on-device": _choice("mm-feature-transport", "cuda_ipc"),
    "kt-amx-method": renamed("kt-method"),
    "kt-amx-weight-path": renamed("kt-weight-path"),
    "mamba-scheduler-strategy": renamed("mamba-radix-cache-strategy"),
    "max-micro-batch-size": renamed("pp-max-micro-batch-size"),
    "nsa-decode": Instead("write `dsa-decode-backend`, whose values differ", ("dsa-decode-backend",)),
    "nsa-decode-backend": renamed("dsa-decode-backend"),
    "nsa-prefill": Instead("write `dsa-prefill-backend`, whose values differ", ("dsa-prefill-backend",)),
    "nsa-prefill-backend": renamed("dsa-prefill-backend"),
    "nsa-prefill-cp-mode": _choices("cp-strategy", _SPLITS),
    "oltp-traces-endpoint": renamed("otlp-traces-endpoint"),
    "optimistic-prefill-retries": renamed("optimistic-prefill-attempts"),
    "piecewise-cuda-graph-compiler": renamed("cuda-graph-tc-compiler"),
    "piecewise-cuda-graph-max-tokens": renamed("cuda-graph-max-bs-prefill"),
    "piecewise-cuda-graph-tokens": renamed("cuda-graph-bs-prefill"),
    "prefill-cp-mode": _choices("cp-strategy", _SPLITS),
    "prefill-round-robin-balance": removed("it has had no effect since it was deprecated"),
    "speculative-dflash-draft-window-size": renamed("speculative-draft-window-size"),
    "stream-output": renamed("incremental-streaming-output"),
}
