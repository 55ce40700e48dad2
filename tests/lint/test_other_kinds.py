"""Scripts, systemd units, llama-swap configs and recipes: what lint reads of them, and where it finds what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modelgen.engines.images.versions import parse_version
from modelgen.foreign import read_files
from modelgen.linting import lint

if TYPE_CHECKING:
    from modelgen.linting import Linted

OTHERS = Path(__file__).parent / "others"
COMMANDS = {
    "serve.sh": [
        ("vLLM", "Qwen/Qwen3-8B", "max-model-len gpu-memory-utilization served-model-name"),
        ("SGLang", "Qwen/Qwen3-4B", "model-path port tp-size"),
        ("llama.cpp", "/models/a.gguf", "model ctx-size gpu-layers host"),
    ],
    "engine.service": [("vLLM", "Qwen/Qwen3-8B", "max-model-len port")],
    "run.sh": [("vLLM", "Qwen/Qwen3-8B", "model tensor-parallel-size")],
    "swap.yaml": [
        ("llama.cpp", "/models/qwen.gguf", "port host gpu-layers flash-attn model ctx-size"),
        ("llama.cpp", "/models/a.gguf", "model"),
        ("vLLM", "Qwen/Qwen3-8B", ""),
        ("vLLM", "Qwen/Qwen3-4B", ""),
        ("vLLM", "Qwen/Qwen3-4B", "port max-model-len"),
    ],
    "recipe.yaml": [
        ("vLLM", "Qwen/Qwen3-8B", "max-model-len enable-auto-tool-choice tool-call-parser tensor-parallel-size"),
        ("vLLM", "Qwen/Qwen3-8B-FP8", "max-model-len enable-auto-tool-choice tool-call-parser kv-cache-dtype"),
    ],
}
CHANGES = [
    ("serve.sh", "--served-model-name chat", "--served-model-title chat", "MG216 10:3"),
    ("serve.sh", "--tp 1", "--tpsize 1", "MG216 11:96"),
    ("engine.service", "--port 8001", "--prot 8001", "MG216 11:5"),
    ("run.sh", "device=0,1", "device=0", "MG606 8:50"),
    ("run.sh", "~/.cache/huggingface:/root/.cache/huggingface", "./m:/m", ""),
    ("run.sh", "--model Qwen/Qwen3-8B", "--model /models/Qwen3-8B", "MG601 8:13"),
    ("run.sh", "--tensor-parallel-size 2", "--tensor-parallel-size 2 --swap-space 4", "MG216 8:52"),
    ("run.sh", "127.0.0.1:8000", "8000", "MG625 5:8"),
    ("swap.yaml", "-m /models/a.gguf", "-m /models/a.gguf --such-flag", "MG216 20:65"),
    ("swap.yaml", "/mnt/models:/models", "/mnt/models:/weights", "MG601 20:50"),
    ("swap.yaml", "Qwen/Qwen3-4B --port", "Qwen/Qwen3-4B --dtipe auto --port", "MG216 27:35"),
    ("recipe.yaml", '"--kv-cache-dtype", "fp8"', '"--kv-cache-type", "fp8"', "MG216 15:18"),
]


def linted(name: str, text: str) -> Linted:
    return lint(read_files([(name, text.encode())]))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_read(name: str) -> None:
    found = linted(name, (OTHERS / name).read_text())
    assert [one.message for one in found.diagnostics] == []
    read = [
        (one.server.engine.title, one.model.text if one.model else "", " ".join(one.line.entries))
        for one in found.lifted
    ]
    assert read == COMMANDS[name]


@pytest.mark.parametrize(("name", "old", "new", "expected"), CHANGES)
def test_what_is_wrong_is_found_at_its_place(name: str, old: str, new: str, expected: str) -> None:
    text = (OTHERS / name).read_text()
    assert text.count(old) == 1
    places = [
        f"{one.code} {one.span.line}:{one.span.column}" for one in linted(name, text.replace(old, new)).diagnostics
    ]
    assert places == [expected] * bool(expected)


def test_a_version_is_assumed_for_programs_on_the_host() -> None:
    data = b"#!/bin/sh\nvllm serve a/b --swap-space 4\n"
    version = parse_version("0.30.0")
    assert version is not None
    assert [one.rule for one in lint(read_files([("-", data)])).diagnostics] == []
    found = lint(read_files([("-", data)]), assumed={"vllm": version}).diagnostics
    assert [(one.rule, one.span.line, one.span.column) for one in found] == [("unknown-flag", 2, 16)]


def test_what_is_no_command_is_none() -> None:
    text = "X=(llama-server a b)\ncat <<'EOF' > unit\nvllm serve a/b --bad-flag\nEOF\necho vllm serve\n# vllm serve x\n"
    assert lint(read_files([("x.sh", text.encode())])).lifted == []


def test_what_the_script_computes_is_not_known() -> None:
    text = 'for m in a b; do\n  vllm serve "$m" $(cat flags) --no-such-flag-either "${ARGS[@]}" --x=$?\ndone\n'
    found = linted("x.sh", text)
    assert [one.server.engine.name for one in found.lifted] == ["vllm"]
    assert found.lifted[0].model is None


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.sh", "docker run vllm/vllm-openai:v0.11.0 --model x/y --port 8000 foo\n", ["MG612"]),
        ("a.sh", "TOOLS='\"--enable-auto-tool-choice --tool-call-parser hermes\"'\nvllm serve x/y $TOOLS\n", []),
        ("a.sh", "docker run vllm/vllm-openai:v0.30.0 x/y $EXTRA foo\n", []),
        (
            "c.yaml",
            "models: {a: {cmd: docker run -p 127.0.0.1:1:8000 vllm/vllm-openai:v0.11.0 --model x/y b}}\n",
            ["MG612"],
        ),
    ],
)
def test_words_that_belong_to_no_flag(name: str, text: str, wanted: list[str]) -> None:
    version = parse_version("0.30.0")
    assert version is not None
    found = lint(read_files([(name, text.encode())]), assumed={"vllm": version})
    assert [one.code for one in found.diagnostics if one.severity == "error"] == wanted
