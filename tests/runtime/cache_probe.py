"""Print how vLLM divides 1 GiB among the layers of tiny models: tokens, concurrency and blocks, one JSON line a model.

Runs inside an environment of vLLM for CPU, which loads random weights: no file but config.json is read.
usage: cache_probe.py FOLDER...
"""

from __future__ import annotations

import json
import os
import sys

os.environ |= {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCHDYNAMO_DISABLE": "1",
}

from vllm import LLM  # type: ignore[import-not-found, unused-ignore]
from vllm.v1.core import kv_cache_utils  # type: ignore[import-not-found, unused-ignore]


def probe(folder: str) -> dict[str, object]:
    """Start a model, and return what its scheduler got."""
    llm = LLM(
        model=folder,
        load_format="dummy",
        skip_tokenizer_init=True,
        enforce_eager=True,
        dtype="bfloat16",
        block_size=128,
        max_model_len=2048,
        max_num_batched_tokens=2048,
        max_num_seqs=4,
    )
    core = llm.llm_engine.engine_core.engine_core
    config = core.scheduler.kv_cache_config
    concurrency = kv_cache_utils.get_max_concurrency_for_kv_cache_config(llm.llm_engine.vllm_config, config)
    groups = [group.kv_cache_spec.block_size for group in config.kv_cache_groups]
    return {"blocks": config.num_blocks, "groups": groups, "concurrency": concurrency}


if __name__ == "__main__":
    for path in sys.argv[1:]:
        sys.stdout.write(json.dumps(probe(path)) + "\n")
        sys.stdout.flush()
