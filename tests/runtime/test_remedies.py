"""No remedy names a key that the rules of models.toml refuse, and each speaks in the terms of its engine."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from compiling import complete, findings
from modelgen.engines import ENGINES
from modelgen_runtime.failures.explanation import explain_failure
from modelgen_runtime.failures.known import ANSWERS, CONSEQUENCES, EXITS, NOT_OWN_LIMIT, OWN_LIMIT, ExitRow, Saying
from modelgen_runtime.failures.known.flags import translate_key
from modelgen_runtime.failures.root_cause import find_cause
from modelgen_runtime.failures.sources import places_of
from modelgen_runtime.manifest import Container
from runtime_serving import engine

if TYPE_CHECKING:
    from modelgen_runtime.manifest import Model

REFUSED = {"unknown-key", "owned-compose-key", "owned-arg", "owned-env", "unknown-flag", "key-of-another-engine"}
REFUSED |= {"bad-flag", "unknown-variable", "unread-variable", "variable-is-flag"}
IMAGES = {
    "vllm": ("vllm/vllm-openai:v0.11.0", "vllm/vllm-openai:v0.24.0"),
    "sglang": ("lmsysorg/sglang:v0.5.9",),
    "llamacpp": ("ghcr.io/ggml-org/llama.cpp:server-cuda-b6500",),
    "tei": ("ghcr.io/huggingface/text-embeddings-inference:1.8",),
    "command": ("mine:1",),
}
PAIRS = [
    (row, name)
    for row in (*ANSWERS, *CONSEQUENCES, *EXITS, OWN_LIMIT, NOT_OWN_LIMIT)
    for name in IMAGES
    if getattr(row, "engine", None) in {None, name} or name == "command"
]


def in_container(name: str) -> Model:
    return replace(engine("a"), engine=name, process=None, container=Container("a", "a", 8000))


@pytest.mark.parametrize(("row", "name"), PAIRS, ids=lambda value: value if isinstance(value, str) else value.name)
def test_no_remedy_names_a_key_that_the_rules_refuse(row: Saying | ExitRow, name: str) -> None:
    is_shared = isinstance(row, Saying) and row.engine is None
    keys = [translate_key(key, name, is_shared=is_shared) for key in row.keys]
    flags = ENGINES[name].plain_flags if is_shared else None
    if flags is not None:  # the line is vLLM's or SGLang's: a file for this engine cannot have the flag
        keys = [key for key in keys if key[:5] != "args." or flags().lives(key.removeprefix("args."))]
    for image in IMAGES[name]:
        for path in places_of(in_container(name), keys):
            found = refusals(path, name, image)
            assert not found, (path, found)


@cache
def refusals(path: str, name: str, image: str) -> dict[str, str]:
    return {one.rule: one.message for one in findings(written(path, name, image)) if one.rule in REFUSED}


def written(path: str, name: str, image: str) -> str:
    """Return a models.toml with a model whose key at this path is set."""
    key = path.removeprefix("models.a.")
    table, _, last = path.rpartition(".")
    file = '[models.a]\nrepo = "a/b"\nengine = "{}"\ngpus = ["gpu0"]\n'
    text = file.replace("{}", name) if key != "engine" else file.replace("{}", "sglang")
    known = ("repo", "gpus", "engine")
    if key != path and "." not in key and key not in known:
        text += f'{key} = "1"\n'
    elif key != path and "." in key:
        text += f"{key} = 1\n" if key.startswith("args.") else f'{key} = "1"\n'
    elif key == path:
        text += f'[{table}]\n{last} = "1"\n'
    return complete(text) if key == path else complete(f'{text}[engines.{name}]\nimage = "{image}"\n')


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("command", "cudaMalloc failed: out of memory", "`--ctx-size`"),
        ("command", "cudaMalloc failed: out of memory", "in its `command`"),
        ("llamacpp", "cudaMalloc failed: out of memory", "`n-gpu-layers`"),
        ("sglang", "torch.OutOfMemoryError: CUDA out of memory.", "`context-length`"),
        ("command", "Not enough memory. Please try to increase --mem-fraction-static", "in its `command`"),
    ],
)
def test_a_remedy_names_the_flags_of_its_engine(name: str, line: str, told: str) -> None:
    failure = explain_failure(name, 1, find_cause([line]))
    assert failure is not None
    assert told in failure.remedy


def test_keys_that_do_not_count_are_no_places() -> None:
    process, command = replace(engine("a"), engine="vllm"), engine("a")
    assert places_of(process, ("image", "compose.mem_limit")) == ()
    assert places_of(command, ("file", "loras", "env.VLLM_CPU_KVCACHE_SPACE")) == ()
    assert places_of(in_container("vllm"), ("include", "exclude", "loras", "args.moe-backend")) == ()
    assert places_of(in_container("vllm"), ("engine", "image")) == ("models.a.engine", "models.a.image")


def test_a_removed_file_is_fetched_again() -> None:
    failure = explain_failure("vllm", 1, find_cause(["SafetensorError: Error while deserializing header: x"]))
    assert failure is not None
    assert failure.remedy == "run `modelgen verify --fix`, then `modelgen fetch`"
