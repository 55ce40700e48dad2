"""State what sizes the memory of a vLLM start by itself, by release.

Sources, read in the releases 0.8.5 to 0.33.0: vllm/engine/arg_utils.py (defaults), vllm/v1/core/kv_cache_utils.py
(groups, tokens), vllm/v1/worker/gpu_worker.py (what is counted), vllm/v1/sample/ops/topk_topp_sampler.py (sampler),
vllm/config/model.py (prefix caching of hybrid models), and vllm/config/vllm.py (which model runner).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from modelgen.engines.facts import MemoryFacts
from modelgen.engines.images.versions import vendor_of
from modelgen.engines.runners import LeanRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version
    from modelgen.engines.runners import Others

_LARGE = 70 * 2**30
_LARGEST = 160 * 2**30
_SORTS = 38
"""Bytes for each sequence and token of the vocabulary in the sampler that sorts: logits 2, as float32 4, sorted values
4, their indices 8, reversed indices 8, temporaries 12."""
_SORTED = (0, 17)
_SELECTS = 16
"""Bytes in the sampler that does not sort: logits 2, as float32 4, probabilities 4, random numbers 4, temporaries 2."""
_LEAN: dict[tuple[int, int], tuple[tuple[str, ...], Others, bool, bool]] = {
    (0, 22): (("qwen3",), "none", False, False),
    (0, 23): (("llama", "mistral", "qwen3"), "none", False, False),
    (0, 24): (("llama", "mistral", "qwen3", "qwen2_moe", "deepseek_v2", "granitemoe"), "none", True, False),
    (0, 25): (("qwen2_moe", "deepseek_v2", "granitemoe"), "dense", True, False),
    (0, 29): ((), "all", True, True),
}
"""The models of the second runner, from these releases on, and whether it counts CUDA graphs. Sources, read in 0.21.0
to 0.31.0: DEFAULT_V2_MODEL_RUNNER_ARCHITECTURES in vllm/config/vllm.py, and vllm/v1/worker/gpu/model_runner.py."""
_CACHE_AS_WRITTEN, _CACHE_AS_STORED = (0, 12), (0, 32)
"""The last release that was read without `kv_cache_scheme` as a default of the cache's type, and the first with it.
Some in between take it even against the flag (vllm#30141)."""


def memory_facts(version: Version, memory: int, card: str) -> MemoryFacts:
    """Return the defaults of a release on a GPU, and how it counts.

    Args:
        version: The release.
        memory: The memory of the GPU in bytes.
        card: Its name as models.toml has it; empty if it has none.
    """
    release = version.release
    # The A100 is excepted by name since 0.9.0 (vllm#17885). GB10 is by its capability since 0.33.0; before, its driver
    # reported no memory, as two logs in docs/starts.toml show.
    is_excepted = ("a100" in card.lower() and release >= (0, 9)) or "gb10" in card.lower()
    is_large = memory >= _LARGE and not is_excepted
    batch = 8192 if is_large else 2048
    if memory >= _LARGEST and release >= (0, 28):
        batch = 16_384
    sorts, counts_graphs = release < _SORTED, release >= (0, 20)
    return MemoryFacts(
        block=16,
        batch=batch,
        sequences=1024 if is_large else 256,
        batches=2 if release >= (0, 26) else 1,
        raises_batch=release >= (0, 22),
        mixes=release >= (0, 9, 1),
        resizes_pages=release >= (0, 12),
        pads_pages=release >= (0, 25),
        pads_below=1.5 if release >= (0, 18) else 1.25 if release >= (0, 12) else 1.0,
        latent_alignment=128 if release >= (0, 28) else 64,
        tokens_follow_length=release >= (0, 20, 1),
        states=2 if release >= (0, 26) else 1,
        sampler=_SORTS if sorts else _SELECTS,
        sorts=sorts,
        profile=_profile(release, card, counts_graphs=counts_graphs),
        counts_graphs=counts_graphs,
        lean=_lean(release),
        takes_stored_cache=_takes_stored_cache(release),
    )


def _profile(release: tuple[int, ...], card: str, *, counts_graphs: bool) -> str:
    # What other programs take of memory that is shared with the CPU while an engine starts counts as the engine's.
    if any(name in card.lower() for name in ("gb10", "jetson")):
        return "unified memory"
    if card in _amd_cards():
        return "ROCm"
    return "sorting sampler" if release < _SORTED else "with CUDA graphs" if counts_graphs else "without CUDA graphs"


def counts_others(version: Version, env: Mapping[str, str]) -> str | None:
    """Return the first release that does not count the memory of other programs on a GPU as its own, if this one does.

    Read in vllm/v1/worker/gpu_worker.py: 0.8.5 and 0.9.0 subtract all that is in use of the GPU but for PyTorch's own,
    0.9.1 what has come since its start (`memory_profiling`). The first engine has always done the latter.

    Args:
        version: The release.
        env: Its variables.
    """
    return "0.9.1" if version.release < (0, 9, 1) and env.get("VLLM_USE_V1") != "0" else None


@cache
def _amd_cards() -> frozenset[str]:
    """Return the names of AMD's GPUs: no public start on one has its name and all sizes."""
    from modelgen.engines.host.known_cards import CARDS

    return frozenset(one.name for one in CARDS if vendor_of(one.capability) == "amd")


def _lean(release: tuple[int, ...]) -> LeanRunner | None:
    since = max((first for first in _LEAN if release >= first), default=None)
    if since is None:
        return None
    families, others, quantized, counts_graphs = _LEAN[since]
    return LeanRunner(frozenset(families), others, quantized, counts_graphs)


def _takes_stored_cache(release: tuple[int, ...]) -> bool | None:
    if release[:2] <= _CACHE_AS_WRITTEN:
        return False
    return True if release >= _CACHE_AS_STORED else None
