"""Describe the engine `llamacpp`: launch form, environment, readiness of llama.cpp's server.

Sources: common/arg.cpp, tools/server/README.md and .devops/*.Dockerfile; images are rebuilt with every commit, and old
builds keep their flags. `memory` reads what the flags mean for the memory of a GPU.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from modelgen.engines import api
from modelgen.engines.api.probes import curl_probe
from modelgen.engines.api.warmup import CHAT, EMBEDDINGS, RERANK, is_on
from modelgen.engines.catalogues import catalogue
from modelgen.engines.catalogues.architectures import Architectures
from modelgen.engines.engine import Engine, Run
from modelgen.engines.facts import Instead, Opens, Program, ServerLine, Starter
from modelgen.engines.flags import owned
from modelgen.engines.flags.plain import format_flags
from modelgen.engines.images import Published
from modelgen.engines.images.versions import parse_capability
from modelgen.engines.llamacpp.memory import CACHE_FLAGS, LAYERS, serving
from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

NAME = "llamacpp"
PORT = 8080
HEALTH = "/health"
# A version is a build: the number after `b` in tags and in the names of releases.
FLAGS = partial(catalogue, NAME, 1)
_NO_WEBUI_SINCE = (4297,)
CTX_SIZE = "ctx-size"
_DRAFT_LAYERS = ("n-gpu-layers-draft", "gpu-layers-draft", "spec-draft-ngl")
_LAYERS_VARIABLE = "LLAMA_ARG_N_GPU_LAYERS"
# More layers than any model has.
_ALL_LAYERS = "999"


def runs_on(tag: str, _: Version | None, capability: str) -> bool | None:
    """Return whether an image of llama.cpp has kernels for a capability; None if that is not known.

    Images for CUDA contain PTX, which newer GPUs compile at the first start: 5.0 and newer with CUDA 12, 7.5 and newer
    with CUDA 13 (ggml/src/ggml-cuda/CMakeLists.txt; `server-cuda` on an RTX 5090: Osmantic/ODS#49).
    """
    if capability.startswith("gfx") or "-cuda" not in tag:
        return None
    return parse_capability(capability) >= ((7, 5) if "-cuda13" in tag else (5, 0))


def tags_for(tag: str, capability: str) -> tuple[str, ...]:
    """Return the tag of the same build for an older GPU; empty if there is none."""
    older = tag.replace("-cuda13", "-cuda")
    return (older,) if runs_on(older, None, capability) else ()


# docs/parameters.md of ikawrakow/ik_llama.cpp. Each has one dash.
_OF_IK_LLAMA = "amb fmoe ger khad mla mqkv muge rtr ser"
# docs/docker.md. Tags move with every commit, except those that name a build.
_IMAGES = (
    Published(
        re.compile(r"ghcr\.io/gg(?:ml-org|erganov)/llama\.cpp"),
        kinds=(
            (re.compile(r"^[a-z]+-cuda"), "nvidia"),
            (re.compile(r"^[a-z]+-rocm"), "amd"),
            (re.compile(r"^[a-z]+-intel"), "intel"),
            (re.compile(r"^[a-z]+-musa"), "musa"),
            (re.compile(r"^[a-z]+(?:-b\d+)?$"), "none"),
        ),
        version=re.compile(r"-(b\d+)$", re.ASCII),
        is_release=True,
        cuda_tags=((re.compile("-cuda13"), (13, 0)),),
        pinned=re.compile(r"-b\d+$"),
        # Images are built once a day, of the newest build (llama.cpp#13203: none between b5174 and b5223).
        skips_releases=True,
        # docs/docker.md: "This image only includes the `llama-cli` and `llama-completion` executables."
        without_server=(re.compile("^light(?=-|$)"), "server"),
        runs_on=runs_on,
    ),
    # A fork with flags of its own; its tags name no build of llama.cpp.
    Published(re.compile(r"ghcr\.io/[a-z0-9._-]+/ik[_-]llama(?:[._-]?cpp)?"), is_fork=True),
)
# LLM_CHAT_TEMPLATES in src/llama-chat.cpp; another text is a template itself.
_TEMPLATES = """
    chatml llama2 llama2-sys llama2-sys-bos llama2-sys-strip mistral-v1 mistral-v3 mistral-v3-tekken mistral-v7
    mistral-v7-tekken phi3 phi4 falcon3 zephyr monarch gemma orion openchat vicuna vicuna-orca deepseek deepseek2
    deepseek3 command-r llama3 chatglm3 chatglm4 glmedge minicpm exaone3 exaone4 rwkv-world granite gigachat megrez
    yandex bailing llama4 smolvlm hunyuan-moe gpt-oss hunyuan-dense kimi-k2 seed_oss grok-2
    bailing-think bailing2 pangu-embedded solar-open exaone-moe deepseek-ocr
"""
ROUTES = (*api.OPENAI, *api.ANTHROPIC, *api.RERANK, *api.TOKENS, "/infill")
_SERVER = Program(("llama-server",), reads_positional=False)
_OWNED_VARIABLES = {
    "LLAMA_API_KEY": owned.KEYS,
    "LLAMA_ARG_OFFLINE": owned.OFFLINE,
    "LLAMA_OFFLINE": owned.OFFLINE,
    "LLAMA_CACHE": owned.HUB,
}

_REPO = "write `repo` and `file` in the model's table, or `quant` for `file`"
_DRAFT = 'write `draft = { repo = "…", quant = "…" }` in the model\'s table'
_OFFLINE = "engines are always offline: name the file in the model's table, or by a path beside models.toml"
_ROUTER = "one service is one model; modelgen's own gateway switches between them"
_EXITS = "llama-server would print and exit"
OWNED_ARGS = {
    **dict.fromkeys(("cache-list", "completion-bash", "help", "list-devices", "version"), _EXITS),
    "alias": owned.NAME,
    "api-key": owned.KEYS,
    "api-key-file": owned.KEYS,
    "api-prefix": "the orchestrator reads health and names below `/`",
    "docker-repo": _OFFLINE,
    "hf-file": _REPO,
    "hf-file-v": _OFFLINE,
    "hf-repo": _REPO,
    "hf-repo-draft": _DRAFT,
    "hf-repo-v": _OFFLINE,
    "hf-token": owned.TOKEN,
    "host": owned.LISTEN,
    "metrics": owned.METRICS,
    "mmproj": "write `mmproj` in the model's table",
    "mmproj-url": _OFFLINE,
    "model": _REPO,
    "model-url": _OFFLINE,
    "models-dir": _ROUTER,
    "models-preset": _ROUTER,
    "no-webui": "it is always set",
    "offline": "it is always on",
    "port": owned.PORT,
    "spec-draft-hf": _DRAFT,
    "ssl-cert-file": owned.TLS,
    "ssl-key-file": owned.TLS,
}

# From common/arg.cpp. Of several long names, the one that the oldest builds know.
_SHORT = """
    C=cpu-mask Cb=cpu-mask-batch Cr=cpu-range Crb=cpu-range-batch a=alias b=batch-size c=ctx-size cb=cont-batching
    cmoe=cpu-moe cram=cache-ram ctk=cache-type-k ctkd=cache-type-k-draft ctv=cache-type-v ctvd=cache-type-v-draft
    ctxcp=ctx-checkpoints dev=device devd=device-draft dr=docker-repo dt=defrag-thold fa=flash-attn fit=fit
    fitc=fit-ctx fitt=fit-target gpu-layers=n-gpu-layers hf=hf-repo hfd=hf-repo-draft hff=hf-file hffv=hf-file-v
    hfr=hf-repo hfrd=hf-repo-draft hfrv=hf-repo-v hft=hf-token hfv=hf-repo-v j=json-schema jf=json-schema-file
    kvo=kv-offload kvu=kv-unified l=logit-bias lv=verbosity m=model md=model-draft mg=main-gpu mm=mmproj
    mmu=mmproj-url mu=model-url n=n-predict ncmoe=n-cpu-moe ngl=n-gpu-layers ngld=n-gpu-layers-draft
    nkvo=no-kv-offload no-ui=no-webui nocb=no-cont-batching np=parallel nr=no-repack ot=override-tensor
    r=reverse-prompt s=seed sm=split-mode sp=special sps=slot-prompt-similarity t=threads tb=threads-batch
    to=timeout ts=tensor-split ub=ubatch-size v=verbose
"""
SHORT_FLAGS: dict[str, str] = dict(pair.split("=") for pair in _SHORT.split())

# From common/arg.cpp: what these name must be there when the server starts.
_FILES = """
    binary-file chat-template-file control-vector file grammar-file json-schema-file lookup-cache-static lora media-path
    model-draft model-vocoder path spec-draft-model system-prompt-file webui-config-file
"""


def launch(run: Run) -> Launch:
    """Return entry point and arguments for one model.

    The file is given by its path: with a repository id, llama.cpp follows refs/main instead of the locked commit.
    `--fit` would shrink the context and leave layers on the processor, so both are explicit.
    """
    assert run.snapshot is not None, "checked by no-snapshot"  # noqa: S101 - an invariant
    command = ["-m", f"{run.snapshot}/{run.file}"]
    if run.mmproj:
        command += ["--mmproj", f"{run.snapshot}/{run.mmproj}"]
    if run.draft:
        # Newer builds call it --spec-draft-model, and take both.
        command += ["--model-draft", run.draft]
    command += ["--alias", run.upstream_name, "--host", run.listen[0], "--port", run.listen[1]]
    command.append("--metrics")
    if run.version is None or run.version.release >= _NO_WEBUI_SINCE:
        command.append("--no-webui")
    # A flag counts before its variable.
    if run.has_cards and LAYERS not in run.args and _LAYERS_VARIABLE not in run.env:
        command += [f"--{LAYERS}", _ALL_LAYERS]
    sets_draft = f"{_LAYERS_VARIABLE}_DRAFT" in run.env or any(name in run.args for name in _DRAFT_LAYERS)
    if run.draft and run.has_cards and not sets_draft:
        command += [f"--{_DRAFT_LAYERS[0]}", _ALL_LAYERS]
    # The image has it in a folder that is not on its PATH; on the host, it is installed anywhere.
    program = "llama-server" if run.on_host else "/app/llama-server"
    return Launch((program,), (*command, *format_flags(run.args, joined=False)))


def _of_ik_llama(name: str) -> Instead:
    return Instead(f'it is a flag of ik_llama.cpp: use an image of it, with `fork = true` and the key `"-{name}"`')


def for_cards(vendors: set[str], version: Version | None) -> str:
    """Return the advice which image to use: of the same build, if it is known."""
    if version is not None and vendors in ({"nvidia"}, {"amd"}):
        return f"write `ghcr.io/ggml-org/llama.cpp:server-{'cuda' if vendors == {'nvidia'} else 'rocm'}-{version.text}`"
    return "use the tag for the GPU: `server-cuda-b…` or `server-rocm-b…`; `server-b…` is for CPUs"


def warmup(args: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    """Return the route that the flags enable."""
    if is_on(args, "rerank", "reranking"):
        return RERANK
    return EMBEDDINGS if is_on(args, "embedding", "embeddings") else CHAT


ENGINE = Engine(
    name=NAME,
    title="llama.cpp",
    on_host=True,
    launch=launch,
    port=PORT,
    health=HEALTH,
    keys=("args", "file", "quant", "mmproj", "draft", "version", "fork"),
    images=_IMAGES,
    for_processors="the tags of llama.cpp without a suffix: `server-b…`",
    for_cards=for_cards,
    tags_for=tags_for,
    starter=Starter(
        "gguf", "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500", "ghcr.io/ggml-org/llama.cpp:server-rocm-b6500"
    ),
    lists="/v1/models",
    probe=curl_probe(PORT, HEALTH, timeout=20),
    line=ServerLine(
        programs=(_SERVER, Program(("llama-server.exe",), reads_positional=False)),
        model=("model",),
        image_names=re.compile(r"llama[-_.]?cpp|llama-server"),
        own_program=lambda image, _: _SERVER if (image.tag or "").startswith("server") else None,
        names="alias",
    ),
    # A variable, since builds older than `--offline` exit on an unknown flag.
    # LLAMA_OFFLINE is its name from b5501 to b9359.
    environment={"LLAMA_ARG_OFFLINE": "1", "LLAMA_OFFLINE": "1"},
    variables="LLAMA_ARG_",
    owned_variables=_OWNED_VARIABLES,
    plain_flags=FLAGS,
    short_flags=SHORT_FLAGS,
    instead={name: _of_ik_llama(name) for name in _OF_IK_LLAMA.split()},
    file_flags=frozenset(_FILES.split()),
    named_values={"chat-template": tuple(_TEMPLATES.split())},
    json_flags=frozenset({"chat-template-kwargs", "json-schema"}),
    routes=ROUTES,
    warmup=warmup,
    opens=Opens(gguf=True),
    from_snapshot=True,
    needs_snapshot=True,
    length=CTX_SIZE,
    slots="parallel",
    needs_length=True,
    gguf=partial(serving, FLAGS),
    architectures=Architectures(NAME),
    cache_flags=CACHE_FLAGS,
    owned_args=OWNED_ARGS,
    # common/arg.cpp; a build from sources without Git prints 0.
    build_line=re.compile(r"^version: (\d{4,6}) ", re.ASCII | re.MULTILINE),
    constant_args={"metrics": True, "no-webui": True, "offline": True},
)
