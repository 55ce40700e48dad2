"""`modelgen verify --load --image` with real vLLM for CPU: opt-in, see README.md in this folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker

from compiling import modelgen
from loading import load, model

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.vllm

TINY_MODEL = Path(__file__).parent / "tiny_model.py"  # imports what only the image has
POOLING = [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]


@pytest.fixture(scope="module")
def image() -> str:
    """An image of vLLM whose tag is its release, such as modelgen-e2e/vllm-cpu:0.32.0."""
    name = os.environ.get("MODELGEN_VLLM_IMAGE")
    return name or pytest.skip("MODELGEN_VLLM_IMAGE names no image of vLLM for CPU")


@pytest.fixture(scope="module")
def files(image: str, docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 - it has to be there
    """The files of a model that vLLM can load."""
    hub = tmp_path_factory.mktemp("tiny") / "hub"
    hub.mkdir()
    program = ["--volume", f"{TINY_MODEL}:/tiny_model.py:ro", "--entrypoint", "python3", image, "/tiny_model.py"]
    account = f"{os.getuid()}:{os.getgid()}"
    docker(
        *("run", "--rm", "--pull", "never", "--network", "none", "--memory", "2g", "--user", account),
        *("--volume", f"{hub}:/hub", *program, "/hub", "org/tiny"),
    )
    (snapshot,) = hub.glob("models--org--tiny/snapshots/*")
    return Path(shutil.copytree(snapshot, hub.parent / "files"))


def edit(file: str, **keys: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))

    return change


CODE = "org/code--module.Class"
CASES: dict[str, tuple[Callable[[Path], object], str, str, list[str]]] = {
    "no problems": (lambda _: None, "", "", []),
    "consolidated": (lambda _: None, ', load-format = "mistral"', "", ["weights"]),
    "code of config.json": (
        edit("config.json", auto_map={"AutoConfig": CODE}, model_type="new"),
        "",
        "trust_remote_code = true",
        ["config"],
    ),
    "code of tokenizer_config.json": (
        edit("tokenizer_config.json", auto_map={"AutoTokenizer": [CODE, None]}, tokenizer_class="NewTokenizer"),
        "",
        "trust_remote_code = true",
        ["tokenizer"],
    ),
    "pooling": (
        lambda folder: (folder / "modules.json").write_text(json.dumps(POOLING)),
        ', runner = "pooling"',
        "",
        ["modules"],
    ),
    "tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "", "", ["tokenizer"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_real_vllm_finds(tmp_path: Path, image: str, files: Path, case: str) -> None:
    change, args, keys, wrong = CASES[case]
    base = (
        '[project]\nname = "demo"\nhub = "hub"\n[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n'
        f'[engines.vllm]\nimage = "{image}"\nversion = "{image.rpartition(":")[2]}"\n'
    )
    (tmp_path / "models.toml").write_text(base + model("local/tiny", keys='gpus = ["gpu0"]'))
    shutil.copytree(files, tmp_path / "files")  # `add` makes hard links
    for command in (["add", "files", "--as", "local/tiny"], ["lock", "--offline"]):
        done = modelgen(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    # After that, since `add` and `lock` refuse most of it.
    (snapshot,) = (tmp_path / "hub").glob("models--local--tiny/snapshots/*")
    change(snapshot)
    written = model("local/tiny", f"max-model-len = 8{args}", f'gpus = ["gpu0"]\n{keys}')
    (tmp_path / "models.toml").write_text(base + written)
    asked = load(tmp_path, "--image")
    assert asked.verdicts["m"]["by"] == image
    found = [item for item in asked.findings if item["severity"] == "error"]
    assert [item["look_up"] for item in found] == wrong
    if wrong and wrong != ["modules"]:  # vLLM 0.32 goes on with another pooling
        assert all("says: " in item["engine_says"] for item in found)
