"""Each kind of model is asked its one question on a route that it has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiling import build, complete
from modelgen.engines import ENGINES
from modelgen.engines.engine import warmup_route

CLASSIFIER = {"architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "LABEL_0"}}
SCORED = {"architectures": ["Qwen3ForSequenceClassification"]}


@pytest.mark.parametrize(
    ("engine", "args", "config", "route"),
    [
        ("vllm", {}, {}, "/v1/chat/completions"),
        ("vllm", {}, {"architectures": ["Qwen3ForCausalLM"]}, "/v1/chat/completions"),
        ("vllm", {"runner": "pooling"}, {}, "/v1/embeddings"),
        ("vllm", {"task": "embed"}, {}, "/v1/embeddings"),
        ("vllm", {}, {"architectures": ["BertModel"]}, "/v1/embeddings"),
        ("vllm", {"runner": "pooling", "hf-overrides": SCORED}, {"architectures": ["Qwen3ForCausalLM"]}, "/v1/rerank"),
        ("vllm", {"task": "score"}, {}, "/v1/rerank"),
        ("vllm", {}, CLASSIFIER, "/v1/rerank"),
        ("vllm", {}, {"architectures": ["WhisperForConditionalGeneration"]}, None),
        ("vllm", {"hf-overrides": "text", "task": ["x"]}, {"architectures": [1]}, "/v1/chat/completions"),
        ("sglang", {}, {}, "/v1/chat/completions"),
        ("sglang", {"is-embedding": True}, {}, "/v1/embeddings"),
        ("sglang", {"is-embedding": True}, CLASSIFIER, "/v1/rerank"),
        ("tei", {}, {}, "/embed"),
        ("tei", {}, CLASSIFIER, "/rerank"),
        ("tei", {}, {**CLASSIFIER, "id2label": {"0": "joy", "1": "anger"}}, "/predict"),
        ("llamacpp", {}, {}, "/v1/chat/completions"),
        ("llamacpp", {"embeddings": True}, {}, "/v1/embeddings"),
        ("llamacpp", {"embedding": True, "reranking": True}, {}, "/v1/rerank"),
        ("command", {}, {}, "/v1/chat/completions"),
    ],
)
def test_a_model_is_asked_on_a_route_that_it_has(
    engine: str, args: dict[str, Any], config: dict[str, Any], route: str | None
) -> None:
    assert warmup_route(ENGINES[engine], args, config) == route
    assert route is None or route in ENGINES[engine].routes


def test_the_manifest_has_the_route() -> None:
    text = '[models.a]\nrepo = "a/b"\nwarmup = true\nargs = { max-model-len = 8192, runner = "pooling" }\n'
    files = build(complete(text))
    [path] = [name for name in files if name.endswith("manifest.json")]
    assert json.loads(files[path])["models"][0]["readiness"]["warmup"] == "/v1/embeddings"
