"""What the lock tells of a model's LoRA adapters, and what vLLM must be told to take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.assets import config_of
from modelgen.engines.vllm import MAX_RANK
from modelgen.lockfile.repos import is_repo_id
from modelgen.lockfile.wants import Want

if TYPE_CHECKING:
    from modelgen.config import Model
    from modelgen.engines.catalogue import Release
    from modelgen.lockfile.entries import Lock

# Of releases whose parser does not list them (vllm/config.py 0.8.5, LoRAConfig.__post_init__).
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def ranks(model: Model, lock: Lock | None) -> dict[str, int]:
    """Return the rank of each adapter whose adapter_config.json is in the lock, by the adapter's name."""
    found = {}
    for name, repo in (model.loras or {}).items():
        rank = config_of(Want(repo, role="lora"), lock).get("r") if is_repo_id(repo) else None
        if isinstance(rank, int) and not isinstance(rank, bool) and rank > 0:
            found[name] = rank
    return found


def least_limit(release: Release | None, rank: int) -> int | None:
    """Return the least `--max-lora-rank` that a release of vLLM takes and that holds a rank; None where none does."""
    flag = release.get(MAX_RANK) if release else None
    choices = sorted(map(int, flag.choices)) if flag and flag.choices else _RANKS
    return next((choice for choice in choices if rank <= choice), None)
