"""`modelgen verify --load`: what a transformers beside modelgen corrects, and what nobody answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, modelgen
from loading import CONFIG, as_json, checkpoint, load, model, place

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = """
import os
class AutoConfig:
    @staticmethod
    def from_pretrained(name, **options):
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
        assert "HF_TOKEN" not in os.environ
        assert options["trust_remote_code"] is False
        print("a line of some library")
        {config}
class AutoTokenizer:
    @staticmethod
    def from_pretrained(name, **options):
        {tokenizer}
"""


def installed(folder: Path, *, config: str = "pass", tokenizer: str = "return [1]") -> dict[str, str]:
    """Install a transformers of a few lines, and return the variables by which modelgen finds it."""
    package = folder / "site" / "transformers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_PACKAGE.format(config=config, tokenizer=tokenizer))
    metadata = folder / "site" / "transformers-9.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 9.9\n")
    return {"PYTHONPATH": f"{folder / 'site'}:{REPOSITORY / 'compiler'}", "HF_TOKEN": "hf_secret"}


def test_an_installed_transformers_answers(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    asked = load(tmp_path, env=installed(tmp_path))
    assert (asked.wrong, asked.verdicts["m"]["by"], asked.code) == ([], "transformers 9.9", 0)


def test_what_transformers_does_not_find_is_an_error(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    asked = load(tmp_path, env=installed(tmp_path, config='raise OSError("there is no such file")'))
    assert asked.wrong == ["config: config.json does not load"]
    assert asked.findings[0]["engine_says"] == "transformers 9.9 reports: OSError: there is no such file"
    assert asked.code == 1


def test_what_transformers_does_not_know_is_no_fault_of_the_hub(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    asked = load(tmp_path, env=installed(tmp_path, config='raise ValueError("model type `new` is not known")'))
    assert (asked.wrong, asked.code) == ([], 0)


def test_a_tokenizer_that_transformers_finds_is_one(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint("tokenizer.json")})
    assert len(load(tmp_path).wrong) == 1
    assert load(tmp_path, env=installed(tmp_path)).wrong == []


def test_an_empty_tokenizer_is_none(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint("tokenizer.json")})
    asked = load(tmp_path, env=installed(tmp_path, tokenizer="return []"))
    assert len(asked.wrong) == 1
    assert "the tokenizer has no vocabulary" in asked.findings[0]["engine_says"]


def test_no_code_of_a_repository_runs_on_the_host(tmp_path: Path) -> None:
    config = {**CONFIG, "auto_map": {"AutoConfig": "configuration_x.X"}}
    files = checkpoint(config__json=config) | {"configuration_x.py": b"raise SystemExit('it ran')"}
    place(tmp_path, model(keys="trust_remote_code = true"), {"org/model": files})
    asked = load(tmp_path, env=installed(tmp_path, config='raise OSError("asked")'))
    assert (asked.wrong, asked.verdicts["m"]["by"]) == ([], "modelgen's own table")


@pytest.mark.parametrize("config", ["os._exit(0)", "os._exit(3)", "os.write(3, b'[') and os._exit(0)"])
def test_a_transformers_that_does_not_answer_leaves_the_table(tmp_path: Path, config: str) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    environment = installed(tmp_path, config=config)
    done = modelgen("verify", "--quick", "--load", cwd=tmp_path, env=environment)
    assert done.stdout == "m: loadable\n"
    assert "modelgen's own table was used" in done.stderr


def test_images_without_docker(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.returncode == 3
    assert done.stdout == "m: not looked up by its engine; no problem found by modelgen's own table\n"
    assert "modelgen: the command `docker` is not installed; install Docker, and try again\n" in done.stderr


DOCKER = """#!{python}
# Docker as far as the look-ups use it: an image's own Python is this one, which has no vLLM.
import os, sys
arguments = sys.argv[1:]
if arguments[0] == "run":
    os.execv(sys.executable, [sys.executable, "-I", "-c", arguments[-1]])
print("[]")
"""


def test_an_image_without_the_engine_names_the_import_that_failed(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(python=sys.executable))
    program.chmod(0o755)
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path, env={"PATH": str(program.parent)})
    assert done.returncode == 3
    assert done.stdout == "m: not looked up by its engine; no problem found by modelgen's own table\n"
    assert "ModuleNotFoundError: No module named 'vllm'" in done.stderr
    assert "modelgen: the image vllm/vllm-openai:" in done.stderr
    assert "; set one that can with `image`\n" in done.stderr
    assert "cannot look up without loading" not in done.stderr


def test_what_is_wrong_goes_before_what_could_not_be_asked(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint("tokenizer.json")})
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stdout.endswith("m: not loadable, 1 error\n")


def test_an_engine_that_cannot_look_up_without_loading_says_so(tmp_path: Path) -> None:
    image = "ghcr.io/huggingface/text-embeddings-inference:1.9"
    tei = f'[models.m]\nengine = "tei"\nimage = "{image}"\nrepo = "org/model"\nargs = {{ pooling = "cls" }}\n'
    place(tmp_path, tei, {"org/model": checkpoint()})
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert (done.stdout, done.returncode) == ("m: loadable\n", 0)
    assert "modelgen: TEI cannot look up without loading: modelgen's own table was used\n" in done.stderr


def test_mistakes_in_models_toml_stop_the_images(tmp_path: Path) -> None:
    place(tmp_path, model(args="max-model-lengths = 8"), {"org/model": checkpoint()})
    assert load(tmp_path).code == 0
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path)
    assert done.returncode == 1
    assert "max-model-lengths" in done.stderr


def test_settings_that_are_an_empty_table_are_right(tmp_path: Path) -> None:
    place(
        tmp_path, model(), {"org/model": checkpoint(tokenizer_config__json={}) | {"chat_template.jinja": as_json("")}}
    )
    assert load(tmp_path).wrong == []


def test_a_checkpoint_that_the_release_does_not_load_stops_the_images(tmp_path: Path) -> None:
    """`modelgen lock` does not change it, as it adds what is missing."""
    config = {**CONFIG, "quantization_config": {"quant_method": "no-such-method"}}
    place(tmp_path, model(), {"org/model": checkpoint(config__json=config)})
    done = modelgen("verify", "--quick", "--load", "--image", cwd=tmp_path)
    assert done.returncode == 1
    assert "MG571" in done.stderr
