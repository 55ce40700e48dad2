"""Describe the engine `tei` (Text Embeddings Inference): launch form, environment, readiness.

Source: router/src/main.rs and the Dockerfiles of 1.9. Its parser is clap, which also reads every flag from a variable.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from modelgen.engines.api.probes import curl_probe
from modelgen.engines.api.warmup import is_classifier
from modelgen.engines.catalogues import catalogue
from modelgen.engines.catalogues.models import Models
from modelgen.engines.engine import Engine, Run
from modelgen.engines.facts import Opens, Program, ServerLine, Starter
from modelgen.engines.flags import owned
from modelgen.engines.flags.plain import format_flags
from modelgen.engines.images import Published
from modelgen.engines.images.versions import parse_capability
from modelgen.engines.weights import loaders
from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

NAME = "tei"
PORT = 80
HEALTH = "/health"
FLAGS = partial(catalogue, NAME, 2)
_SERVED_NAME_SINCE = (1, 9)
# Where the images expect the hub.
DATA = "/data"
# The capabilities of each prefix: README.md, "Docker Images", and `compute_cap_matching` in backends/candle.
_CAPABILITIES: Mapping[str, tuple[tuple[int, int], ...]] = {
    "turing": ((7, 5),),
    "": ((8, 0), (8, 6), (8, 7), (8, 9)),
    "86": ((8, 6), (8, 7), (8, 9)),
    "89": ((8, 9),),
    "hopper": ((9, 0),),
    "100": ((10, 0),),
    "120": ((12, 0),),
}
# Blackwell came with huggingface/text-embeddings-inference#735, first released in 1.9.
_SINCE = {"100": (1, 9), "120": (1, 9)}
_NEWEST = "1.9"
_WITH_PYTHON = re.compile(r"(?:cpu-ipex|xpu-ipex|hpu)-")  # Dockerfile-intel
_TAG = re.compile(r"(?:(?P<prefix>[a-z]+|\d{2,3})-)?(?P<version>\d+\.\d+(?:\.\d+)?|latest)(?:-grpc)?", re.ASCII)
# .github/workflows/matrix.json of 1.6 to 1.9.3; older releases have the same prefixes.
_NOT_FOR_NVIDIA = ("cpu", "hpu")
_LAST_KNOWN = (1, 9)


def runs_on(tag: str, _: Version | None, capability: str) -> bool | None:
    """Return whether a tag has kernels for a capability; `cuda-` chooses its program at start. None if not known."""
    found = _TAG.fullmatch(tag)
    if found is None or capability.startswith("gfx"):
        return None
    prefix, release = found["prefix"] or "", _release(found["version"])
    if prefix == "cuda":
        return any(release >= _SINCE.get(name, ()) for name in _prefixes(capability))
    if release < _SINCE.get(prefix, ()):
        return False
    if prefix not in _CAPABILITIES:
        return False if prefix not in _NOT_FOR_NVIDIA and release[:2] <= _LAST_KNOWN else None
    return parse_capability(capability) in _CAPABILITIES[prefix]


def tags_for(tag: str, capability: str) -> tuple[str, ...]:
    """Return the tags for a GPU, the one with a program for every GPU last; none if there is no image for it."""
    found = _TAG.fullmatch(tag)
    version = found["version"] if found else _NEWEST
    prefixes = [prefix for prefix in _prefixes(capability) if prefix != "86"][-1:]
    if prefixes and _release(version) < _SINCE.get(prefixes[0], ()):
        version = _NEWEST
    return tuple(f"{prefix}-{version}".removeprefix("-") for prefix in (*prefixes, "cuda")) if prefixes else ()


def _prefixes(capability: str) -> list[str]:
    return [prefix for prefix, known in _CAPABILITIES.items() if parse_capability(capability) in known]


def _release(version: str) -> tuple[int, ...]:
    return (999,) if version == "latest" else tuple(int(part) for part in version.split("."))


def image_choices(tag: str) -> Mapping[str, tuple[str, ...]]:
    """Return the types of numbers of an image: backends/src/dtype.rs has bfloat16 only in images with Python."""
    return {} if _WITH_PYTHON.match(tag) else {"dtype": ("float16", "float32")}


_ROUTER = Program(("text-embeddings-router",), reads_positional=False)
# README.md, "Docker Images": `cpu-1.9`, `89-1.9` and `1.9` (for an A100).
_IMAGES = (
    Published(
        re.compile(r"ghcr\.io/huggingface/text-embeddings-inference"),
        kinds=(
            (re.compile(r"^cpu-"), "none"),
            (re.compile(r"^(?:(?:cuda|turing|hopper|\d+)-|\d+\.|latest$)"), "nvidia"),
        ),
        version=re.compile(r"(?:^|-)(\d+\.\d+(?:\.\d+)?)(?:-grpc)?$", re.ASCII),
        is_release=True,
        runs_on=runs_on,
        prefix="",
        unpublished=re.compile(
            r"^1[02]0-(?:0|1\.[0-8])(?:\.|-|$)|^(?!(?:cuda|turing|hopper|[ch]pu|86|89|100|120)-)[a-z0-9]+-(?:0|1\.\d)(?:\.|-|$)"
        ),
        # The target `grpc` of the Dockerfiles, whose router has no HTTP.
        without_server=(re.compile("-grpc$"), ""),
    ),
)
ROUTES = ("/v1/embeddings", "/embed", "/embed_sparse", "/predict", "/rerank", "/similarity", "/tokenize")

OWNED_ARGS = {
    "api-key": owned.KEYS,
    "device-id": owned.GPUS,
    "hf-api-token": owned.TOKEN,
    "hf-token": owned.TOKEN,
    "hostname": owned.LISTEN,
    "huggingface-hub-cache": owned.HUB,
    "json-output": "it is always on, as in the image",
    "model-id": owned.REPO,
    "port": owned.PORT,
    "revision": owned.REVISION,
    "served-model-name": owned.NAME,
}


def launch(run: Run) -> Launch:
    """Return the arguments for one model.

    The entry point is the image's own: in the image for CUDA it is a script that selects the binary for the GPU. With a
    repository id, TEI always contacts the hub; a directory is served as it is (router/src/lib.rs). Docker sets
    HOSTNAME, which TEI would read as `--hostname`.
    """
    assert run.repo is not None, "checked by missing-repo"  # noqa: S101 - an invariant
    command = ["--model-id", run.snapshot or run.repo]
    if run.version is None or run.version.release >= _SERVED_NAME_SINCE:
        command += ["--served-model-name", run.upstream_name]
    command += ["--hostname", run.listen[0], "--port", run.listen[1], "--json-output"]
    if run.revision and not run.snapshot:
        command += ["--revision", run.revision]
    return Launch((), (*command, *format_flags(run.args, joined=True)))


def for_cards(vendors: set[str], _: Version | None) -> str:
    """Return the advice which image to use; none of its images is for AMD's GPUs (README.md, "Docker Images")."""
    if vendors == {"amd"}:
        return "use a tag cpu-… and `gpus = []`, or the engine `infinity`, whose tags with -rocm are for AMD"
    return "use the tag for the GPU: cuda-… for any of NVIDIA's, cpu-… for CPUs"


def warmup(args: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the route of a model by its architecture, and by the number of its labels."""
    if not is_classifier(args, config):
        return "/embed"
    labels = config.get("id2label")
    return "/predict" if isinstance(labels, dict) and len(labels) > 1 else "/rerank"


ENGINE = Engine(
    name=NAME,
    title="TEI",
    launch=launch,
    port=PORT,
    health=HEALTH,
    keys=("args", "version", "fork"),
    images=_IMAGES,
    for_processors="the tags of text-embeddings-inference with cpu-",
    for_cards=for_cards,
    tags_for=tags_for,
    starter=Starter("embedding", "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9"),
    probe=curl_probe(PORT, HEALTH, timeout=20),
    line=ServerLine(
        programs=(_ROUTER,),
        model=("model-id",),
        image_names=re.compile("text-embeddings-inference"),
        own_program=lambda *_: _ROUTER,
        names="served-model-name",
    ),
    environment={"HUGGINGFACE_HUB_CACHE": DATA},
    # The entry point of the image for CUDA runs nvidia-smi, and exits without it.
    defaults={"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"},
    hub=DATA,
    variables="",
    # backends/src/lib.rs: images for GPUs have only Candle, which ends with "Model is not supported". Those for
    # processors try ONNX Runtime first, which serves other types.
    model_types=Models(NAME, 2),
    image_choices=image_choices,
    plain_flags=FLAGS,
    short_flags={"p": "port"},
    repeats_flags=True,
    from_config=True,
    routes=ROUTES,
    warmup=warmup,
    opens=Opens(embeds_only=True, fast_tokenizer=True, processor=False, pooling=True),
    from_snapshot=True,
    one_card=True,
    loader=loaders.tei,
    owned_args=OWNED_ARGS,
    constant_args={"json-output": True},
)
