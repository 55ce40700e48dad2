"""vLLM: launch form by version, environment, readiness.

Sources: docker/Dockerfile and entrypoints of the releases 0.8.5 to 0.33.0; the incident was run again on 0.11.0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.ir import Launch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.engines.versions import Version

NAME = "vllm"
PORT = 8000
OLDEST = (0, 8, 5)
CACHE = "/root/.cache/vllm"
HEALTH = "/health"
LISTS = "/v1/models"

# http.client rather than urllib: it starts faster and never asks a proxy about 127.0.0.1. curl is not in every image.
PROBE = (
    "python3",
    "-c",
    (
        f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {PORT}, timeout=20); "
        f"c.request('GET', '{HEALTH}'); raise SystemExit(c.getresponse().status != 200)"
    ),
)

ENVIRONMENT = {
    "HF_MODULES_CACHE": f"{CACHE}/modules",
    "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
    "TRITON_CACHE_DIR": f"{CACHE}/triton",
    "VLLM_CACHE_ROOT": CACHE,
    "VLLM_NO_USAGE_STATS": "1",
}

OWNED_ARGS = {
    "api-key": "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`",
    "config": "write its entries in `args`, where they are checked",
    "download-dir": "the hub directory is `[project] hub`, mounted where the engine looks",
    "enable-sleep-mode": 'write `switch = "sleep"` in the model\'s table',
    "gpu-memory-utilization": "write `gpu_memory` in the model's table: a size or a share of the card",
    "headless": "a model is one service on one host",
    "hf-token": "engines run offline and need no token",
    "host": "the engine listens on all addresses of its own container",
    "kv-cache-memory-bytes": "it would void the card's budget: write `gpu_memory` in the model's table",
    "model": "write `repo` in the model's table",
    "model-tag": "write `repo` in the model's table",
    "port": "it is fixed inside the container; write `publish` to reach the engine from the host",
    "revision": "write `revision` in the model's table",
    "served-model-name": "it is the id, the repository id and `aliases` of the model's table",
    "ssl-ca-certs": "TLS ends before the engine: its health is asked for in plain HTTP",
    "ssl-certfile": "TLS ends before the engine: its health is asked for in plain HTTP",
    "ssl-keyfile": "TLS ends before the engine: its health is asked for in plain HTTP",
    "tokenizer-revision": "it is the `revision` of the model's table",
    "trust-remote-code": "write `trust_remote_code = true` in the model's table",
    "uds": "the engine is reached by TCP on the internal network",
}

# Short options, which argparse takes with one dash; the same in all versions that have them.
ALIASES = {
    "ac": "attention-config",
    "asc": "api-server-count",
    "cc": "compilation-config",
    "dcp": "decode-context-parallel-size",
    "dp": "data-parallel-size",
    "dpa": "data-parallel-address",
    "dpl": "data-parallel-size-local",
    "dpn": "data-parallel-rank",
    "dpp": "data-parallel-rpc-port",
    "dpr": "data-parallel-start-rank",
    "ep": "enable-expert-parallel",
    "n": "nnodes",
    "pcp": "prefill-context-parallel-size",
    "pp": "pipeline-parallel-size",
    "q": "quantization",
    "r": "node-rank",
    "sc": "speculative-config",
    "tp": "tensor-parallel-size",
}

# Flags that the checks read. argparse takes any unique prefix for the whole, so a prefix of these or of an owned flag
# must not slip by; two flags of vLLM's own are such prefixes.
PARALLEL_SIZES = ("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "data-parallel-size-local")
MAX_MODEL_LEN = "max-model-len"
_FLAGS_LIKE_PREFIXES = frozenset({"tokenizer", "data-parallel-size"})

# Lists that vLLM reads as one JSON argument; every other list is several arguments.
_JSON_LISTS = frozenset({"allowed-origins", "allowed-methods", "allowed-headers", "middleware"})


def flag_name(key: str) -> str:
    """Return the canonical name of a flag: `tp` and `tensor_parallel_size` are `tensor-parallel-size`.

    As in vLLM's parser, underscores count as hyphens only before the first dot.
    """
    head, dot, rest = key.partition(".")
    head = head.replace("_", "-")
    return ALIASES.get(head, head) + dot + rest


def unabbreviated(name: str) -> str | None:
    """Return the flag that matters here and of which `name` is an abbreviation, if it is one."""
    if name in _FLAGS_LIKE_PREFIXES or name in OWNED_ARGS:
        return None
    matter = (*OWNED_ARGS, *PARALLEL_SIZES, MAX_MODEL_LEN)
    return next((flag for flag in matter if flag != name and flag.startswith(name)), None)


def launch(  # noqa: PLR0913 - what a command line consists of
    version: Version,
    *,
    repo: str,
    revision: str | None,
    served_names: Iterable[str],
    share: str | None,
    trust_remote_code: bool,
    args: Mapping[str, Any],
) -> Launch:
    """Return entry point and arguments for one model.

    Until 0.11.0 the image runs api_server, which ignores a positional model and serves its default model instead;
    from 0.11.1 on it is `vllm serve`, where `--model` is deprecated and an error before 0.11.1. The entry point is
    always explicit, since some images have none. `--served-model-name` takes several values, so a flag follows it.

    Args:
        version: Of the engine in the image.
        repo: Repository id on the hub.
        revision: Commit, tag or branch; None follows what `refs/main` says in the hub directory.
        served_names: All names that clients may use, the id first: answers carry the first.
        trust_remote_code: Whether code from the repository may run.
        args: The user's own flags, in their order.
        share: Of the card, as text with at most 4 decimals; None without a card.
    """
    if version.release < (0, 11, 1):
        entrypoint: tuple[str, ...] = ("python3", "-m", "vllm.entrypoints.openai.api_server")
        command = ["--model", repo]
    else:
        entrypoint = ("vllm", "serve")
        command = [repo]
    command += ["--served-model-name", *served_names, "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104
    if revision:
        command += ["--revision", revision]
        if "tokenizer" not in map(flag_name, args):
            command += ["--tokenizer-revision", revision]
    if share:
        command += ["--gpu-memory-utilization", share]
    if trust_remote_code:
        command.append("--trust-remote-code")
    for key, value in args.items():
        command += format_flag(key, value)
    return Launch(entrypoint, tuple(command))


def format_flag(key: str, value: Any) -> list[str]:  # noqa: ANN401 - whatever TOML holds
    """Return the arguments for one entry of `args`; flag and value are two items, as Compose never splits one."""
    name = flag_name(key)
    flag = f"--{name}"
    if isinstance(value, bool) and "." not in name:
        return [flag if value else f"--no-{name}"]
    if isinstance(value, list) and name not in _JSON_LISTS and not any(isinstance(item, dict | list) for item in value):
        return [flag, *map(_text, value)]
    text = _text(value)
    # argparse takes a value that begins with a hyphen for the next flag.
    return [f"{flag}={text}"] if text.startswith("-") and isinstance(value, str) else [flag, text]


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def whole_number(value: Any) -> int | None:  # noqa: ANN401 - whatever TOML holds
    """Return a size of at least 1, also where it is written as a string, or None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None


def parallel_size(args: Mapping[str, Any]) -> tuple[int, dict[str, str]] | None:
    """Return how many cards the parallel sizes ask for, and the keys that say so; None where they are no numbers.

    A data-parallel size counts by its local part where that is written: the rest is on other hosts.
    """
    written = {flag_name(key): key for key in args}
    data = "data-parallel-size-local" if "data-parallel-size-local" in written else "data-parallel-size"
    keys = {name: written[name] for name in ("tensor-parallel-size", "pipeline-parallel-size", data) if name in written}
    product = 1
    for key in keys.values():
        size = whole_number(args[key])
        if size is None:
            return None
        product *= size
    return product, keys
