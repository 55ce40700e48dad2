"""Services that are no known engine, but serve the OpenAI API, become models of engine `command`."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from imports import errors, imported, services

VLLM = """
  text:
    image: vllm/vllm-openai:v0.30.0
    command: [Qwen/Qwen3-8B, --max-model-len, "8192", --gpu-memory-utilization, "0.6"]
    gpus: all
"""
PROGRAM = """
  talk:
    image: openmmlab/lmdeploy:v0.7.1-cu12
    command: lmdeploy serve api_server internlm/internlm2_5-7b-chat --server-port 23333 --api-keys sk-of-a-client
    ports: ["23333:23333"]
    gpus: all
    volumes: ["~/.cache/huggingface:/root/.cache/huggingface"]
    environment: [HF_TOKEN, LOG=info]
    healthcheck: {test: [CMD, curl, -f, "http://localhost:23333/v1/models"], interval: 30s, retries: 30, timeout: 5s}
"""
CLIENT = """
  web:
    image: ghcr.io/open-webui/open-webui:v0.6.36
    environment: {OPENAI_API_BASE_URL: "http://text:8000/v1"}
    depends_on: [text]
"""


def table(text: str) -> tuple[dict[str, Any], str, str]:
    """Return the models of a file, the text, and the notes."""
    found = imported(f"services:{text}")
    assert errors(found) == []
    return tomllib.loads(found.text)["models"], found.text, "\n".join(found.notes)


def test_a_program_beside_an_engine() -> None:
    models, text, notes = table(VLLM + PROGRAM)
    assert models["talk"] == {
        "engine": "command",
        "service": "talk",
        "image": "openmmlab/lmdeploy:v0.7.1-cu12",
        "gpus": ["gpu0"],
        "gpu_memory": 0.35,
        "entrypoint": [],
        "command": ["lmdeploy", "serve", "api_server", "internlm/internlm2_5-7b-chat", "--server-port", "23333"],
        "port": 23333,
        "health": "/v1/models",
        "upstream_name": "internlm/internlm2_5-7b-chat",
        "offline": False,
        "start_timeout": "900s",
        "env": {"LOG": "info"},
        "compose": {"volumes": ["~/.cache/huggingface:/root/.cache/huggingface"]},
    }
    assert "# was: 30 retries, each after 30s, of the health check" in text
    assert "what the other models leave" in text
    assert "`environment: [HF_TOKEN]`" in notes
    assert "sk-of-a-client" not in text + notes
    assert services(imported(f"services:{VLLM}{PROGRAM}"))["talk"]["command"] == models["talk"]["command"]


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (
            "{image: 'me/tts:1', gpus: all, ports: ['8880:8880']}",
            "`a` serves the OpenAI API, but",
        ),
        ("{image: 'me/x:${TAG}', command: [--model, o/m], ports: ['1:1']}", "does not tell its image"),
        ("{image: 'me/x:1', command: [--model, o/m]}", ""),
        (
            "{image: 'me/x:1', command: [--model, o/m, --key, '${KEY}'], ports: ['1:1']}",
            "tell its whole command",
        ),
        ("{image: 'me/proxy:1', environment: {MODEL: o/m, UP: 'http://text:8000/v1'}}", "`a` is no model"),
    ],
)
def test_a_file_that_does_not_say_enough(service: str, said: str) -> None:
    client = "\n  c: {image: 'me/c:1', environment: {URL: 'http://a:8000/v1'}}\n"
    models, text, _ = table(f"{VLLM}  a: {service}{client}")
    assert ("a" in models) is (said == "")
    assert said in text


def test_what_changes_for_services_that_stay() -> None:
    _, _, notes = table(VLLM + CLIENT)
    assert "`web` calls http://text:8000/v1: write `http://orchestrator:8080/v1` there" in notes
    assert "`web` depends on `text`: let it depend on `orchestrator`" in notes
    assert "remove `text` there" in notes


def test_a_container_of_llama_swap() -> None:
    text = """
models:
  tts:
    cmd: docker run --rm -p ${PORT}:8880 --gpus all me/tts:1 --voice alloy
    checkEndpoint: /health/ready
    useModelName: kokoro
"""
    found = imported(text, "config.yaml")
    assert errors(found) == []
    model = tomllib.loads(found.text)["models"]["tts"]
    assert (model["port"], model["health"], model["upstream_name"]) == (8880, "/health/ready", "kokoro")
    assert model["command"] == ["--voice", "alloy"]


@pytest.mark.parametrize(
    ("times", "timeout"),
    [
        ("start_period: 60s", None),
        ("start_period: 10m, interval: 30s, retries: 3", "600s"),
        ("start_period: 60s, interval: 10s, retries: 100", "1000s"),
        ("interval: 30s", None),
    ],
)
def test_health_checks_give_starts_time(times: str, timeout: str | None) -> None:
    """Docker stops no container that is unhealthy, so a short time is no limit."""
    check = f"    healthcheck: {{test: [CMD, 'true'], {times}}}\n"
    models, text, _ = table(VLLM + check)
    assert models["text"].get("start_timeout") == timeout
    assert all(f"{key.partition(':')[0].strip()} " in text for key in times.split(","))
