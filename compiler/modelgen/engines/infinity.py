"""Describe the engine `infinity`, for embeddings, reranking and classification: launch form, environment, readiness.

Sources: github.com/michaelfeil/infinity, in libs/infinity_emb the files infinity_emb/cli.py (flags of `v2`), env.py (a
variable for each flag), infinity_server.py (routes; `/health` answers once the model is loaded), telemetry.py,
inference/select_model.py (a directory is served as it is), transformer/utils_optimum.py (with `optimum`, the files of
a repository id are listed online), Dockerfile.nvidia_auto and Dockerfile.cpu_auto (entry point `infinity_emb`, curl,
INFINITY_ENGINE); README.md, "Specialized docker images", for the tags.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.api.probes import curl_probe
from modelgen.engines.api.warmup import EMBEDDINGS, RERANK, is_classifier
from modelgen.engines.engine import Engine, Run
from modelgen.engines.facts import Opens, Program, ServerLine
from modelgen.engines.flags import owned
from modelgen.engines.flags.plain import format_flags
from modelgen.engines.images import ANY_TAG, ON_DOCKER_HUB, Published
from modelgen.ir import Launch
from modelgen.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

NAME = "infinity"
PORT = 7997
HEALTH = "/health"
# Without a prefix, the routes of the OpenAI API are at `/`.
PREFIX = "/v1"
BACKEND, OPTIMUM, TORCH = "engine", "optimum", "torch"

_IMAGES = (
    Published(
        re.compile(rf"{ON_DOCKER_HUB}michaelf34/infinity"),
        kinds=(
            (re.compile("-cpu$"), "none"),
            (re.compile("-(?:amd|rocm)$"), "amd"),
            (ANY_TAG, "nvidia"),
        ),
    ),
)
_TRUST = "write `trust_remote_code` in the model's table"
OWNED_ARGS = {
    "api-key": owned.KEYS,
    "host": owned.LISTEN,
    "model-id": owned.REPO,
    "no-trust-remote-code": _TRUST,
    "port": owned.PORT,
    "preload-only": "the engine would exit; `modelgen fetch` downloads the weights",
    "revision": owned.REVISION,
    "served-model-name": owned.NAME,
    "trust-remote-code": _TRUST,
    "url-prefix": f"the routes are below `{PREFIX}`, as clients of the OpenAI API expect them",
}
# In the order of preference: `torch` and `ctranslate2` read what transformers reads, `optimum` one ONNX file.
_TRANSFORMERS = (
    ("model.safetensors", "model-*-of-*.safetensors"),
    ("pytorch_model*.bin",),
    ("*/model.safetensors",),
)
_ONNX = (("model.onnx*", "*/model.onnx*"), ("*.onnx*", "*/*.onnx*"))


def launch(run: Run) -> Launch:
    """Return the arguments for one model.

    A directory is served as it is. The images for processors set `optimum`, for which most repositories have no ONNX
    file, so the backend is explicit; so is trust in a repository's code, which is on by default.
    """
    assert run.repo is not None, "checked by missing-repo"  # noqa: S101 - an invariant
    command = ["v2", "--model-id", run.snapshot or run.repo, "--served-model-name", run.upstream_name]
    command += ["--host", run.listen[0], "--port", run.listen[1], "--url-prefix", PREFIX]
    command.append("--trust-remote-code" if run.trust_remote_code else "--no-trust-remote-code")
    if run.revision and not run.snapshot:
        command += ["--revision", run.revision]
    if BACKEND not in run.args:
        command += [f"--{BACKEND}", TORCH]
    return Launch(("infinity_emb",), (*command, *format_flags(run.args, joined=False)))


def for_cards(_: set[str], __: Version | None) -> str:
    """Return the advice which image to use."""
    return "use the tag for the GPU: a version alone is for NVIDIA, -rocm for AMD, -cpu for CPUs"


def warmup(args: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the route of a model by its architecture."""
    return RERANK if is_classifier(args, config) else EMBEDDINGS


def loader(_: Version | None, args: Mapping[str, Any], __: str | None) -> Loader:
    """Return how a backend finds weights."""
    backend = args.get(BACKEND, TORCH)
    return Loader(f"Infinity with --{BACKEND} {backend}", _ONNX if backend == OPTIMUM else _TRANSFORMERS)


ENGINE = Engine(
    name=NAME,
    title="Infinity",
    launch=launch,
    port=PORT,
    health=HEALTH,
    keys=("args", "trust_remote_code"),
    images=_IMAGES,
    for_processors="the tags of michaelf34/infinity with -cpu",
    for_cards=for_cards,
    lists=f"{PREFIX}/models",
    probe=curl_probe(PORT, HEALTH, timeout=20),
    caches={
        "HF_MODULES_CACHE": "/modules",
        "TORCHINDUCTOR_CACHE_DIR": "/inductor",
        "TRITON_CACHE_DIR": "/triton",
    },
    line=ServerLine(
        programs=(Program(("infinity_emb", "v2")),),
        model=("model-id",),
        image_names=re.compile("infinity"),
        own_program=lambda *_: Program(("infinity_emb",)),
        names="served-model-name",
        several_models=True,
    ),
    environment={"INFINITY_ANONYMOUS_USAGE_STATS": "0"},
    variables="INFINITY_",
    owned_variables={"INFINITY_ANONYMOUS_USAGE_STATS": owned.QUIET, "INFINITY_API_KEY": owned.KEYS},
    routes=(EMBEDDINGS, RERANK, f"{PREFIX}/classify"),
    warmup=warmup,
    opens=Opens(embeds_only=True),
    short_flags={},
    from_config=True,
    from_snapshot=True,
    owned_args=OWNED_ARGS,
    loader=loader,
)
