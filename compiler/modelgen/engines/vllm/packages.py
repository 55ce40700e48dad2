"""List packages of the code in repositories that vLLM's own images do not have.

Sources: requirements/common.txt and cuda.txt of the releases 0.8.5 to 0.33.0, and docker/Dockerfile of 0.8.5, 0.9.2,
0.11.0, 0.17.0, 0.19.0, 0.24.0 and 0.33.0, which do not install these packages. vLLM has its own copy of FlashAttention.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.images import ON_DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.engines.images.versions import Image

_OFFICIAL = re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai")
# The name in an import → the name for pip.
_MISSING = {
    "addict": "addict",
    "attrdict": "attrdict",
    "causal_conv1d": "causal-conv1d",
    "decord": "decord",
    "deepspeed": "deepspeed",
    "easydict": "easydict",
    "flash_attn": "flash-attn",
    "fla": "flash-linear-attention",
    "moviepy": "moviepy",
    "natten": "natten",
    "open_clip": "open_clip_torch",
}


def missing_packages(image: Image, imports: Iterable[str]) -> dict[str, str]:
    """Return the packages that an official image lacks, as code imports them, each with its name for pip."""
    if not _OFFICIAL.fullmatch(image.name):
        return {}
    return {name: _MISSING[name] for name in imports if name in _MISSING}
