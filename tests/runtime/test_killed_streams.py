"""A real vLLM is killed in the middle of a stream: the official clients raise an error that says so.

Opt-in, see tests/e2e/README.md. MODELGEN_NEWER_VLLM names the `vllm` command of a version for CPU with /v1/messages.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic
import openai
import pytest
from failing_engine import kill_process, serving
from real_failures import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime_serving import Served

pytestmark = pytest.mark.vllm

HEALTHY = Case("healthy", (), "", args="max-model-len = 16384")
TOKENS = 16000
ENDLESS = {"ignore_eos": True}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    program = os.environ.get("MODELGEN_NEWER_VLLM")
    if not program:
        pytest.skip("MODELGEN_NEWER_VLLM names no vLLM for CPU")
    with serving(HEALTHY, Path(program), tmp_path) as found:
        status, answer = found.chat("a")
        assert status == 200, answer
        yield found


def kill_server(served: Served) -> None:
    [record] = json.loads((served.folder / ".modelgen" / "processes.json").read_text())["engines"]
    os.kill(record["pid"], signal.SIGKILL)


def kill_core(served: Served) -> None:
    kill_process(served, "VLLM::EngineCor")


KILLS = pytest.mark.parametrize("kill", [kill_server, kill_core])


@KILLS
def test_openai_client_raises_the_reason(served: Served, kill: Callable[[Served], None]) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)
    stream = client.chat.completions.create(
        model="a",
        messages=[{"role": "user", "content": "hello"}],
        max_tokens=TOKENS,
        stream=True,
        extra_body=ENDLESS,
    )
    next(stream)
    kill(served)
    with pytest.raises(openai.APIError) as raised:
        list(stream)
    print(repr(raised.value), raised.value.body)
    assert not isinstance(raised.value, openai.APIConnectionError)
    assert raised.value.message


@KILLS
def test_anthropic_client_raises_the_reason(served: Served, kill: Callable[[Served], None]) -> None:
    client = anthropic.Anthropic(base_url=served.url, api_key="none", max_retries=0)
    stream = client.messages.create(
        model="a",
        messages=[{"role": "user", "content": "hello"}],
        max_tokens=TOKENS,
        stream=True,
        extra_body=ENDLESS,
    )
    next(stream)
    kill(served)
    with pytest.raises(anthropic.APIError) as raised:
        list(stream)
    print(repr(raised.value), raised.value.body)
    assert not isinstance(raised.value, anthropic.APIConnectionError)
    assert raised.value.message
