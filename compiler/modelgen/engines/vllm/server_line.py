"""Describe how vLLM's server is started by hand.

Sources: docker/Dockerfile (ENTRYPOINT) and entrypoints/cli/serve.py of the releases 0.8.5 to 0.33.0; the default of
`--gpu-memory-utilization` in config/cache.py; the shared memory was measured with 0.11.0 and 0.32.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.facts import Program, ServerLine

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Image, Version

SERVE = Program(("vllm", "serve"), reads_positional=True)
API_SERVER = Program(("python", "-m", "vllm.entrypoints.openai.api_server"), reads_positional=False)
_SERVE_SINCE = (0, 11, 1)
_OFFICIAL = re.compile(r"(?:docker\.io/)?vllm/vllm-openai")


def own_program(image: Image, version: Version | None) -> Program | None:
    """Return what the project's image starts: `vllm serve` since 0.11.1."""
    if version is None or not _OFFICIAL.fullmatch(image.name):
        return None
    return SERVE if version.release >= _SERVE_SINCE else API_SERVER


def refuses_model_flag(version: Version, program: Program) -> bool:
    """Return whether `--model` stops it: "With `vllm serve`, you should provide the model as a positional argument"."""
    return program.words == SERVE.words and version.release < _SERVE_SINCE


def default_share(version: Version | None) -> float:
    """Return the default of --gpu-memory-utilization: 0.92 since 0.20."""
    return 0.92 if version is not None and version.release >= (0, 20) else 0.9


LINE = ServerLine(
    programs=(
        SERVE,
        API_SERVER,
        Program(("python", "-m", "vllm.entrypoints.cli.main", "serve"), reads_positional=True),
    ),
    model=("model",),
    image_names=re.compile(r"(?:^|[-_.])vllm(?:$|[-_.])"),
    own_program=own_program,
    refuses_model_flag=refuses_model_flag,
    fork_flags=("omni",),
    names="served-model-name",
    share="gpu-memory-utilization",
    default_share=default_share,
    unset_share=("kv-cache-memory-bytes", "num-gpu-blocks-override", "enable-sleep-mode"),
    several_hosts=(
        "data-parallel-address",
        "data-parallel-backend",
        "data-parallel-hybrid-lb",
        "distributed-executor-backend",
        "headless",
        "nnodes",
        "node-rank",
        "omni",
        "worker-cls",
    ),
    shm_since=(0, 32),
    images_lack_health=True,
    # Before, `StoreBoolean` reads a word such as `false` after some of them (utils.py, 0.8.5).
    bare_pairs_since=(0, 10),
)
