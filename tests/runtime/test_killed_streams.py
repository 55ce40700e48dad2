"""A real vLLM is killed in the middle of a stream: the official clients raise an error that says so.

Opt-in, see tests/e2e/README.md. MODELGEN_NEWER_VLLM names the `vllm` command of a version for CPU with /v1/messages.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from failing_engine import kill_process, serving
from real_failures import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from runtime_serving import Served

    Open = Callable[[str], AbstractContextManager[Iterator[object]]]

pytestmark = pytest.mark.vllm

HEALTHY = Case("healthy", (), "", args="max-model-len = 16384")
LONG: dict[str, Any] = {"max_tokens": 16000, "extra_body": {"ignore_eos": True}}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    program = os.environ.get("MODELGEN_NEWER_VLLM")
    if not program:
        pytest.skip("MODELGEN_NEWER_VLLM names no vLLM for CPU")
    with serving(HEALTHY, Path(program), tmp_path) as found:
        status, answer = found.chat("a")
        assert status == 200, answer
        yield found


@contextlib.contextmanager
def by_openai(url: str) -> Iterator[Iterator[object]]:
    import openai

    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
        client.chat.completions.create(
            model="a", messages=[{"role": "user", "content": "hello"}], stream=True, **LONG
        ) as stream,
    ):
        yield iter(stream)


@contextlib.contextmanager
def by_anthropic(url: str) -> Iterator[Iterator[object]]:
    import anthropic

    with (
        anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client,
        client.messages.create(
            model="a", messages=[{"role": "user", "content": "hello"}], stream=True, **LONG
        ) as stream,
    ):
        yield iter(stream)


CLIENTS = pytest.mark.parametrize(
    ("open_stream", "package"),
    [pytest.param(by_openai, "openai", id="openai"), pytest.param(by_anthropic, "anthropic", id="anthropic")],
)


@CLIENTS
def test_killed_engine_raises_what_happened_to_the_model(served: Served, open_stream: Open, package: str) -> None:
    [record] = json.loads((served.folder / ".modelgen" / "processes.json").read_text())["engines"]
    client = importlib.import_module(package)
    with open_stream(served.url) as stream:
        next(stream)
        os.kill(record["pid"], signal.SIGKILL)
        with pytest.raises(client.APIError) as raised:
            list(stream)
    assert not isinstance(raised.value, client.APIConnectionError)
    assert "`a`" in raised.value.message


@CLIENTS
def test_killed_core_raises_what_vllm_itself_says(served: Served, open_stream: Open, package: str) -> None:
    client = importlib.import_module(package)
    with open_stream(served.url) as stream:
        next(stream)
        kill_process(served, "VLLM::EngineCor")
        with pytest.raises(client.APIError) as raised:
            list(stream)
    assert not isinstance(raised.value, client.APIConnectionError)
    assert raised.value.message
