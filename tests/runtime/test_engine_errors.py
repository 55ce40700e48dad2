"""A model that is ready and fails its requests says so, and one whose engine has died inside is started again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiling import complete, modelgen
from modelgen_runtime.engines.engine_errors import EngineErrors
from modelgen_runtime.failures.explanation import explain_answer
from runtime_serving import engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template"
)
DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."


def failing(status: int, saying: str) -> list[str]:
    return ["--fail-inference", str(status), "--fail-saying", saying]


def test_the_state_and_why_show_what_a_ready_engine_answers_and_what_it_means(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(complete('[models.a]\nrepo = "a/b"\n'))
    with serving(tmp_path, manifest(engine("a", *failing(400, NO_TEMPLATE)))) as served:
        for _ in range(3):
            status, body = served.chat("a")
            assert (status, body) == (400, {"error": {"message": NO_TEMPLATE}})
        [model] = served.ask("/models")[1]["models"]
        assert (model["state"], model["failure"]) == ("ready", None)
        [error] = model["errors"]
        assert (error["status"], error["count"], error["message"]) == (400, 3, NO_TEMPLATE)
        assert (error["name"], error["places"][0]) == ("chat-template-missing", "models.a.command")
        why = modelgen("why", "a", "--url", served.url, cwd=tmp_path).stdout
        assert why.startswith("a is ready; it has not failed\n  it answered 400 3 times, ")
        [remedy] = [line for line in why.splitlines() if line.startswith("  what to do: ")]
        assert "chat-template" in remedy
        assert "`command`" in remedy  # where the flags of this engine are


@pytest.mark.parametrize("said", [DEAD, "Failed to initialize NVML: Unknown Error"])
def test_an_engine_that_says_that_it_has_died_is_started_again_at_once(tmp_path: Path, said: str) -> None:
    with serving(tmp_path, manifest(engine("a", *failing(500, said)))) as served:
        assert served.chat("a")[0] == 500
        before = served.engines()
        wait_for(lambda: served.engines() not in ([], before) and served.state("a") == "ready")
        assert served.ask("/models")[1]["models"][0]["errors"] == []  # of another engine


def test_an_engine_that_says_so_in_a_stream_is_started_again_too(tmp_path: Path) -> None:
    event = json.dumps({"error": {"message": DEAD, "type": "InternalServerError", "code": 500}})
    with serving(tmp_path, manifest(engine("a", "--end-streams-with", event))) as served:
        asked = {"model": "a", "stream": True, "messages": [{"role": "user", "content": DEAD}]}
        assert DEAD in served.ask("/v1/chat/completions", asked)[1]
        before = served.engines()
        wait_for(lambda: served.engines() not in ([], before) and served.state("a") == "ready")


def test_a_stream_that_quotes_a_client_ends_no_engine(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"))) as served:
        asked = {"model": "a", "stream": True, "messages": [{"role": "user", "content": DEAD}]}
        assert DEAD in served.ask("/v1/chat/completions", asked)[1]
        before = served.engines()
        assert served.chat("a")[0] == 200
        assert (served.engines(), served.state("a")) == (before, "ready")


@pytest.mark.parametrize("arguments", [(400, DEAD), (500, f"no such file: '{DEAD}'")])
def test_words_that_a_client_may_have_put_there_end_no_engine(tmp_path: Path, arguments: tuple[int, str]) -> None:
    with serving(tmp_path, manifest(engine("a", *failing(*arguments)))) as served:
        served.chat("a")
        before = served.engines()
        assert served.chat("a")[0] == arguments[0]
        assert (served.engines(), served.state("a")) == (before, "ready")


def test_errors_that_differ_in_numbers_alone_are_of_one_kind_and_few_kinds_are_kept() -> None:
    errors = EngineErrors()
    for number in range(100):
        errors.note(400, json.dumps({"error": {"message": f"the request {number} is too long"}}).encode(), number)
    [kind] = errors.kinds.values()
    assert (kind.count, kind.last, kind.message) == (100, 99, "the request 99 is too long")
    for letter in "abcdefgh":
        errors.note(500, letter.encode() * 10_000, 100)
    assert [kind.message[0] for kind in errors.kinds.values()] == [*"defgh"]
    assert all(len(kind.message) <= 1_000 for kind in errors.kinds.values())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "one", "code": 400}}', "one"),
        (b'{"object": "error", "message": "two"}', "two"),
        (b'{"error": "three", "error_type": "Validation"}', "three"),
        (b'{"detail": [{"msg": "four"}]}', '[{"msg": "four"}]'),
        (b"five\nsix", "five six"),
        (b"\xff", "\ufffd"),
        (b"", ""),
        (b"[" * 4_096, "[" * 1_000),
    ],
)
def test_the_message_is_found_in_the_shape_of_each_engine(body: bytes, message: str) -> None:
    assert EngineErrors().note(400, body, 0.0).message == message


@pytest.mark.parametrize(
    ("engine_name", "message", "name"),
    [
        ("vllm", NO_TEMPLATE, "chat-template-missing"),
        ("vllm", "The model does not support Rerank (Score) API", "route-not-of-model"),
        ("tei", "model is not a re-ranker model", "not-a-reranker"),
        ("tei", "Model is not an embedding model", "not-an-embedding-model"),
        ("llamacpp", "This server does not support embeddings. Start it with `--embeddings`", "not-an-embedding-model"),
        ("vllm", "Call to add_lora method failed: vLLM does not yet support DoRA.", "lora-not-supported"),
        ("vllm", '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser', "no-auto-tool-choice"),
        ("vllm", "This model's maximum context length is 4096 tokens. However, you requested 5000", "request-too-long"),
        ("tei", "`inputs` must have less than 512 tokens. Given: 600", "request-too-long"),
        ("vllm", "At most 1 image(s) may be provided in one request.", "too-many-images"),
        ("vllm", "ModuleNotFoundError: No module named 'decord'", "module-missing"),
        ("vllm", DEAD, "engine-dead"),
    ],
)
def test_what_an_engine_answers_is_understood(engine_name: str, message: str, name: str) -> None:
    meaning = explain_answer(engine_name, message)
    assert meaning is not None
    assert meaning.name == name
    assert not explain_answer(engine_name, "a field is missing")
