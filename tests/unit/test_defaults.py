"""`[defaults]`: what merges, what replaces, and where a finding sits."""

from __future__ import annotations

import yaml

from compiling import build, complete, findings


def services(fragment: str) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, dict[str, object]]] = yaml.load(
        build(complete(fragment))["docker-compose.yml"], Loader=yaml.CSafeLoader
    )
    return document["services"]


DEFAULTS = """
[defaults]
gpus = ["gpu0"]
args = { max-model-len = 8192, seed = 1 }
env = { A = "default", B = "default" }
"""


def test_args_and_env_merge_key_by_key() -> None:
    built = services(f'{DEFAULTS}[models.qwen]\nrepo = "a/b"\nargs = {{ seed = 2 }}\nenv = {{ A = "own" }}')[
        "vllm-qwen"
    ]
    command = built["command"]
    assert isinstance(command, list)
    assert command[-4:] == ["--max-model-len", "8192", "--seed", "2"]
    assert isinstance(built["environment"], dict)
    assert (built["environment"]["A"], built["environment"]["B"]) == ("own", "default")


def test_all_else_is_replaced() -> None:
    built = services(f'{DEFAULTS}[models.qwen]\nrepo = "a/b"\ngpus = []')["vllm-qwen"]
    assert "deploy" not in built


def test_args_reach_vllm_models_only() -> None:
    built = services(
        f'{DEFAULTS}[models.qwen]\nrepo = "a/b"\n'
        '[models.tiny]\nengine = "command"\nimage = "x/y:1"\ncommand = ["serve"]\n'
    )["command-tiny"]
    assert built["command"] == []


def test_engine_env_is_the_weakest() -> None:
    engines = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\nenv = { A = "engine", C = "engine" }\n'
    built = services(f'{engines}{DEFAULTS}[models.qwen]\nrepo = "a/b"')["vllm-qwen"]
    assert isinstance(built["environment"], dict)
    assert (built["environment"]["A"], built["environment"]["C"]) == ("default", "engine")


def test_a_finding_sits_where_the_value_was_written() -> None:
    toml = complete('[defaults]\ngpus = ["gpu9"]\nargs = { max-model-len = 8 }\n\n[models.qwen]\nrepo = "a/b"\n')
    assert [(found.rule, found.span.line, found.span.column) for found in findings(toml)] == [("unknown-gpu", 2, 9)]
