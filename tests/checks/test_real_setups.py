"""Compose files that people run, written as models.toml: what is right passes, what is wrong has one clear finding."""

from __future__ import annotations

import pytest

from compiling import complete, findings

COMMIT = "cdbee75f17c01a7cc42f958dc650907174af0554"
CARD = '[gpus.g]\nmemory = "24GiB"\ndevice = "0"\n'
TWO_CARDS = '[gpus.a]\nmemory = "24GiB"\ndevice = "0"\n[gpus.b]\nmemory = "24GiB"\ndevice = "1"\n'
ARGS = "args = { max-model-len = 4096"


def served(name: str, image: str = "", args: str = "", gpus: str = '["g"]') -> str:
    """Return a vLLM model with a pinned repository."""
    lines = [f"[models.{name}]", f'repo = "o/{name}"', f'revision = "{COMMIT}"', f"gpus = {gpus}", f"{ARGS}{args} }}"]
    return "\n".join([*lines, *([image] if image else []), ""])


def program(name: str, *lines: str) -> str:
    return "\n".join([f"[models.{name}]", 'engine = "command"', 'image = "me/server:1"', *lines, ""])


FORK = '[engines.vllm]\nimage = "me/vllm-fork:1"\nversion = "0.14.1"\n'
SERVE = 'command = ["serve", "--port", "{port}"]'
RIGHT = {
    "--tp of SGLang": '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n'
    f'[models.a]\nengine = "sglang"\nrepo = "o/m"\nrevision = "{COMMIT}"\ngpus = ["a", "b"]\nargs = {{ tp = 2 }}\n',
    "names that clients send": program("a", SERVE, 'aliases = ["a:x", "claude-opus-4-8[1m]", "openai/gpt-4o"]'),
    "the program of the image, on its own port": program("a", "port = 8880", 'publish = "127.0.0.1:8880"'),
    "an entry point with other arguments": program("a", "entrypoint = []", 'command = ["--fast"]', "port = 8188"),
    "caches of a program": program("a", SERVE, 'compose = { volumes = ["./cache:/root/.cache/vllm"] }'),
    "weights of a program": program("a", SERVE, 'compose = { volumes = ["./hf:/root/.cache/huggingface"] }'),
    "a named volume": program("a", SERVE, 'compose = { volumes = ["mycache:/cache"], networks = ["lan"] }'),
    "variables of a program's own caches": program(
        "a", SERVE, f'repo = "o/m"\nrevision = "{COMMIT}"\nenv = {{ VLLM_CACHE_ROOT = "/c", TRITON_CACHE_DIR = "/t" }}'
    ),
    "a program that downloads": program("a", "port = 8188", 'cache = ["/root/.cache"]', "offline = false"),
    "defaults of llama.cpp": '[defaults]\nengine = "llamacpp"\n'
    'image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b10236"\n'
    'gpus = ["g"]\nargs = { ctx-size = 8192, jinja = true, np = 1 }\n'
    f'[models.a]\nrepo = "o/m"\nrevision = "{COMMIT}"\nfile = "m.gguf"\n',
    "arguments of an engine": f"[engines.vllm]\nargs = {{ max-model-len = 4096 }}\n"
    f'image = "vllm/vllm-openai:v0.11.0"\n[models.a]\nrepo = "o/m"\nrevision = "{COMMIT}"\ngpus = ["g"]\n',
    "vLLM-Omni on two GPUs": (
        '[engines.vllm]\nimage = "vllm/vllm-omni:v0.20.0"\nversion = "0.20.0"\n'
        + served("a", args=", omni = true", gpus='["a", "b"]')
    ),
    "two forks of two versions": FORK
    + served("a")
    + served("b", 'image = "scitrera/dgx-spark-vllm:0.16.0-t5"\nversion = "0.16.0"')
    + served("c", 'image = "vllm/vllm-openai:v0.8.5"'),
}
WARNED = {
    "a flag of a fork": (FORK + "fork = true\n" + served("a", args=', mxfp4-backend = "CUTLASS"'), "unverified-flag"),
}
WRONG = {
    "no program": (program("a", "command = []", "port = 1"), "bad-command", "the image's own runs"),
    "an unnamed port": (
        program("a", 'command = ["/start.sh"]', 'publish = "127.0.0.1:8188"'),
        "bad-command",
        "port = 8188",
    ),
    "a flag that only a fork has": (FORK + served("a", args=", mxfp4-backend = 'x'"), "unknown-flag", "fork = true"),
    "another project's number": (
        served("a", 'image = "lmcache/vllm-openai:1.4.7"\nversion = "1.4.7"'),
        "bad-version",
        "the version of vLLM that is in the image",
    ),
    "an image for Gaudi": (
        served("a", 'image = "opea/vllm-gaudi:1.22.0"\nversion = "1.22.0"'),
        "image-for-unsupported",
        'engine = "command"',
    ),
    "the version of another image": (
        FORK + served("a", 'image = "scitrera/dgx-spark-vllm:0.16.0-t5"'),
        "unknown-version",
        "in the model's table",
    ),
    "a removed flag is no abbreviation": (
        served("a", 'image = "vllm/vllm-openai:v0.33.0"', args=", swap-space = 4"),
        "unknown-flag",
        "it was removed",
    ),
    "two GPUs of vLLM": (
        served("a", 'image = "vllm/vllm-openai:v0.20.0"', gpus='["a", "b"]'),
        "parallel-mismatch",
        "tensor-parallel-size = 2",
    ),
    "the incident's volume": (
        served("a", 'compose = { volumes = ["./models:/root/.cache/huggingface"] }'),
        "volume-over-ours",
        "elsewhere",
    ),
    "a variable of vLLM's caches": (served("a", 'env = { TRITON_CACHE_DIR = "/t" }'), "owned-env", "cache volume"),
}


def rules(toml: str) -> list[str]:
    cards = TWO_CARDS if '["a", "b"]' in toml else CARD
    return [found.rule for found in findings(complete(f"{cards}{toml}"))]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_setup_has_no_finding(name: str) -> None:
    assert rules(RIGHT[name]) == []


@pytest.mark.parametrize("name", WARNED)
def test_what_cannot_be_verified_is_a_warning(name: str) -> None:
    toml, rule = WARNED[name]
    assert rules(toml) == [rule]


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_run_is_an_error(name: str) -> None:
    toml, rule, offered = WRONG[name]
    cards = TWO_CARDS if '["a", "b"]' in toml else CARD
    [found] = findings(complete(f"{cards}{toml}"))
    assert (found.rule, found.severity) == (rule, "error")
    assert offered in found.help
