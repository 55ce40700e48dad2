"""Two real vLLM processes on CPU that take turns, by `modelgen serve`: opt-in.

MODELGEN_NEWER_VLLM names the command of vLLM 0.32.0 for CPU, see tests/e2e/README.md. Random weights answer noise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from runtime_serving import Served, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.vllm

REPO = "Qwen/Qwen3-4B-Instruct-2507"
TABLE = """
[models.{name}]
repo = "Qwen/Qwen3-4B-Instruct-2507"
service = "vllm-{name}"
gpus = ["gpu0"]
gpu_memory = "16GiB"
args = {{ max-model-len = 512, enforce-eager = true, dtype = "float32" }}
env = {{ VLLM_CPU_KVCACHE_SPACE = "1", TORCHDYNAMO_DISABLE = "1" }}
"""


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Served]:
    program = os.environ.get("MODELGEN_NEWER_VLLM")
    if not program:
        pytest.skip("MODELGEN_NEWER_VLLM names no vLLM for CPU")
    folder = Path(program).parent
    tiny = REPOSITORY / "tests" / "e2e" / "tiny_model.py"
    subprocess.run([folder / "python", tiny, tmp_path / "hub", REPO], check=True)
    toml = '[project]\nname = "real"\nhub = "./hub"\n[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n'
    toml += '[engines.vllm]\nversion = "0.32.0"\n[orchestrator]\nlisten = "127.0.0.1:18080"\n'
    (tmp_path / "models.toml").write_text(toml + TABLE.format(name="one") + TABLE.format(name="two"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), "PATH": f"{folder}:{os.environ['PATH']}"}
    with subprocess.Popen(
        [sys.executable, "-m", "modelgen", "serve"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving")
        try:
            yield Served(tmp_path, process, 18080)
        finally:
            process.terminate()
            process.wait(60)


def test_two_models_take_turns_by_their_chats(serving: Served) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        status, answer = serving.chat(name)
        assert status == 200, answer
        assert answer["model"] == name
        assert answer["usage"]["completion_tokens"] > 0
        assert (serving.state(name), serving.state(other)) == ("ready", "stopped")
    status, stream = serving.ask("/v1/chat/completions", {"model": "two", "stream": True, "messages": MESSAGES})
    assert status == 200
    assert stream.endswith("data: [DONE]\n\n")
    assert serving.ask("/v1/load_lora_adapter", {"model": "two"})[0] == 404
    failed = serving.ask("/v1/chat/completions", {"model": "two", "messages": "no list"})
    assert failed[0] == 400
    log = json.dumps(serving.ask("/logs/two?lines=1000")[1])
    assert "HF_HUB_OFFLINE" in log
    serving.ask("/models/two/stop", {})
    wait_for(lambda: serving.state("two") == "stopped")


MESSAGES = [{"role": "user", "content": "hello"}]
