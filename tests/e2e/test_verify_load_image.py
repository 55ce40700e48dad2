"""`modelgen verify --load --image`: the look-ups run inside the engine's image, without a network.

The engine is a stub with vLLM's functions on the real huggingface_hub; real vLLM is in test_real_vllm.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker
from load_image import load_image

from compiling import REPOSITORY, modelgen
from loading import CONFIG, TOKENIZER, checkpoint, load, model, place

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

TRUST = "trust_remote_code = true"
# The one that is not stdin, stdout or stderr is the answer's.
WRITES = """
import os
def write(data):
    for number in range(3, 20):
        try: os.write(number, data)
        except OSError: pass
"""
POOLING = [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]


@pytest.fixture(scope="module")
def image(double: str) -> str:
    """An image that has the look-ups; its tag tells no release of vLLM."""
    return load_image(double)


def engine(image: str) -> str:
    return f'[engines.vllm]\nimage = "{image}"\nversion = "0.11.0"\n'


def containers() -> str:
    return docker("ps", "--all", "--quiet", "--filter", "label=modelgen.load")


def test_what_is_right_is_loadable(tmp_path: Path, image: str) -> None:
    place(
        tmp_path,
        engine(image) + model() + model("org/other", name="n"),
        {"org/model": checkpoint(), "org/other": checkpoint()},
    )
    done = modelgen("verify", "--load", "--image", cwd=tmp_path)
    assert done.stdout == "m: loadable\nn: loadable\n"
    assert done.returncode == 0
    assert done.stderr.count(f"looking up in {image}: m, n") == 1
    asked = load(tmp_path, "--image")
    assert {verdict["by"] for verdict in asked.verdicts.values()} == {image}
    assert not containers()


@pytest.mark.parametrize(
    ("args", "keys", "files", "wrong", "said"),
    [
        ('load-format = "mistral"', "", checkpoint(), "weights", "Cannot find any model weights with `org/model`"),
        (
            "max-model-len = 8",
            TRUST,
            checkpoint(config__json={**CONFIG, "auto_map": {"AutoConfig": "org/code--configuration_x.X"}}),
            "config",
            "LocalEntryNotFoundError",
        ),
        (
            "max-model-len = 8",
            TRUST,
            checkpoint(
                tokenizer_config__json={**TOKENIZER, "auto_map": {"AutoTokenizer": ["org/code--tok_x.X", None]}}
            ),
            "tokenizer",
            "LocalEntryNotFoundError",
        ),
        ("max-model-len = 8", "", checkpoint(modules__json=POOLING), "modules", ""),
        ("max-model-len = 8", "", checkpoint("tokenizer.json"), "tokenizer", "EntryNotFoundError"),
    ],
    ids=["consolidated", "auto_map of config.json", "auto_map of tokenizer_config.json", "pooling", "tokenizer"],
)
def test_what_an_engine_does_not_find(  # noqa: PLR0917
    tmp_path: Path, image: str, args: str, keys: str, files: dict[str, bytes], wrong: str, said: str
) -> None:
    place(tmp_path, engine(image) + model(args=args, keys=keys), {"org/model": files})
    asked = load(tmp_path, "--image")
    assert asked.code == 1
    assert [found["look_up"] for found in asked.findings if found["severity"] == "error"] == [wrong]
    assert said in asked.findings[0]["engine_says"]
    assert bool(said) == asked.findings[0]["engine_says"].startswith("vLLM 0.11.0 reports: ")


def test_a_chat_model_without_a_chat_template_is_reported(tmp_path: Path, image: str) -> None:
    place(tmp_path, engine(image) + model(), {"org/model": checkpoint(tokenizer_config__json={})})
    asked = load(tmp_path, "--image")
    assert (asked.warnings, asked.code) == (["chat-template: tokenizer_config.json"], 0)


def trusted(code: str, image: str, root: Path) -> None:
    config = {**CONFIG, "auto_map": {"AutoConfig": "configuration_x.X"}}
    files = checkpoint(config__json=config) | {"configuration_x.py": code.encode()}
    place(root, engine(image) + model(keys=TRUST), {"org/model": files})


def test_code_of_a_repository_runs_in_a_cage(tmp_path: Path, image: str) -> None:
    code = """
import os, socket
found = []
try:
    socket.create_connection(("192.0.2.1", 80), 2)
except OSError as error:
    found.append(f"network: {error.errno}")
try:
    open(os.environ["HF_HUB_CACHE"] + "/x", "w")
except OSError as error:
    found.append(f"hub: {error.errno}")
try:
    open("/opt/x", "w")
except OSError as error:
    found.append(f"root: {error.errno}")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
found += [status[key].strip() for key in ("CapEff", "NoNewPrivs")]
found.append(os.environ["HF_HUB_OFFLINE"] + os.environ["NVIDIA_VISIBLE_DEVICES"])
raise ValueError("; ".join(found))
"""
    trusted(code, image, tmp_path)
    [found] = load(tmp_path, "--image").findings
    assert found["engine_says"] == (
        "vLLM 0.11.0 reports: ValueError: network: 101; hub: 30; root: 30; 0000000000000000; 1; 1void"
    )
    assert not [*(tmp_path / "hub").glob("x")]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"{WRITES}\nwrite(b'{{')", "cannot be read"),
        ("import os\nos._exit(0)", "cannot be read"),
        ("import os\nos._exit(7)", "ended with 7"),
        (f"{WRITES}\nwhile True: write(b'x' * 9999)", "it printed more than the limit"),
    ],
)
def test_output_that_is_no_answer(tmp_path: Path, image: str, code: str, why: str) -> None:
    trusted(code, image, tmp_path)
    asked = load(tmp_path, "--image")
    assert asked.verdicts["m"]["status"] == "not-looked-up"
    assert why in asked.verdicts["m"]["message"]
    assert asked.code == 3
    assert not containers()


def test_an_interrupted_run_leaves_no_container(tmp_path: Path, image: str) -> None:
    trusted("import time\ntime.sleep(600)", image, tmp_path)
    command = [sys.executable, "-m", "modelgen", "verify", "--quick", "--load", "--image"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not containers() and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "modelgen: interrupted; nothing was changed; run it again\n" in said
    assert not containers()


def test_an_image_that_is_not_here(tmp_path: Path, image: str) -> None:
    own = f'image = "{image}"\nversion = "0.11.0"'
    text = engine("modelgen-e2e/engine:nowhere") + model() + model("org/other", keys=own, name="n")
    place(tmp_path, text, {"org/model": checkpoint(), "org/other": checkpoint()})
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path)
    assert done.returncode == 3
    assert "m: not looked up by its engine; no problem found by modelgen's own table\nn: loadable\n" in done.stdout
    image = "modelgen-e2e/engine:nowhere"
    assert f"the image {image} is not on this host; run `docker pull {image}`" in done.stderr


def test_the_variables_of_a_model_are_there(tmp_path: Path, image: str) -> None:
    code = "import os\nraise ValueError(os.environ['SOME_SETTING'] == 'a = b, \"x\"')"
    trusted(code, image, tmp_path)
    text = (tmp_path / "models.toml").read_text().replace(TRUST, f"{TRUST}\nenv = {{ SOME_SETTING = 'a = b, \"x\"' }}")
    (tmp_path / "models.toml").write_text(text)
    [found] = load(tmp_path, "--image").findings
    assert found["engine_says"].endswith("ValueError: True")
