"""`modelgen lock` pins nothing that no engine could load: it would be found out when a host starts without internet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

ONE = safetensors(a=("BF16", 400))
WEIGHTS: dict[str, bytes | Path] = {"model.safetensors": ONE}
WHOLE = {"config.json": b"{}"} | WEIGHTS
LORA: dict[str, bytes | Path] = {
    "adapter_config.json": b'{"peft_type": "LORA", "r": 64}',
    "adapter_model.safetensors": ONE,
}


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (WEIGHTS, "has no config.json, so no engine can load it"),
        (LORA, "has no config.json, so no engine serves it by itself: it is a LoRA adapter; add it to `loras = {"),
        ({"model-Q4_K_M.gguf": b"GGUF"}, 'GGUF files are for `engine = "llamacpp"` with `file`'),
        ({"config.json": b"[]"} | WEIGHTS, "cannot be used: config.json is not JSON, or not a table"),
        ({"config.json": b""} | WEIGHTS, "cannot be used: config.json is not JSON, or not a table"),
        ({"config.json": b"{}", "tokenizer.json": b"{}"}, "has no weights (*.safetensors) among the files to fetch"),
        ({"config.json": b"{}", "training_args.bin": b"x"}, "has no weights (*.safetensors) among the files to fetch"),
        (
            {"config.json": b"{}", "model-00001-of-00003.safetensors": ONE},
            "lacks 2 of 3 shards (such as model-00002-of-00003.safetensors)",
        ),
    ],
)
def test_a_model(tmp_path: Path, hub: Hub, files: dict[str, bytes | Path], fault: str) -> None:
    hub.add("org/text", files)
    done = Project(tmp_path, hub, model("text", "org/text")).run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("modelgen: text: org/text ")
    assert fault in done.stderr
    assert "; correct `repo`, `revision`, `include` or `exclude` in models.toml\n" in done.stderr
    assert not (tmp_path / "models.lock").exists()


@pytest.mark.parametrize(
    "files",
    [
        WHOLE,
        {"params.json": b"{}", "consolidated.safetensors": ONE},
        {"config.json": b"{}", "pytorch_model.bin": b"PK"},
        # The index names the whole set alone.
        {"config.json": b"{}"}
        | {f"m-0000{n}-of-00002.safetensors": ONE for n in (1, 2)}
        | {"m-00001-of-00009.bin": b""},
    ],
)
def test_what_an_engine_can_load_is_locked(tmp_path: Path, hub: Hub, files: dict[str, bytes | Path]) -> None:
    hub.add("org/text", files)
    Project(tmp_path, hub, model("text", "org/text")).lock()


@pytest.mark.parametrize("args", ['load-format = "dummy"', 'hf-config-path = "org/other"'])
def test_flags_may_make_do_without(tmp_path: Path, hub: Hub, args: str) -> None:
    hub.add("org/text", WEIGHTS)
    hub.add("org/other", {"config.json": b"{}"})
    project = Project(tmp_path, hub, f'[models.text]\nrepo = "org/text"\nargs = {{ max-model-len = 8, {args} }}\n')
    project.lock()


def with_adapter(folder: Path, hub: Hub, files: dict[str, bytes | Path]) -> Project:
    hub.add("org/text", WHOLE)
    hub.add("org/lora", files)
    return Project(folder, hub, model("text", "org/text", 'loras = { sql = "org/lora" }'))


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (WHOLE, "has no adapter_config.json, so no engine can load it"),
        (LORA | {"adapter_config.json": b"null"}, "cannot be used: adapter_config.json is not JSON, or not a table"),
        (
            LORA | {"adapter_config.json": b'{"peft_type": "IA3"}'},
            "cannot be used: adapter_config.json is of type IA3; engines load only LORA",
        ),
        ({"adapter_config.json": b"{}", "x.safetensors": ONE}, "has no weights (adapter_model.safetensors)"),
    ],
)
def test_an_adapter(tmp_path: Path, hub: Hub, files: dict[str, bytes | Path], fault: str) -> None:
    done = with_adapter(tmp_path, hub, files).run()
    assert done.returncode == 1
    assert fault in done.stderr


@pytest.mark.parametrize("is_offline", [False, True])
def test_the_rank_of_an_adapter_gets_into_the_command(tmp_path: Path, hub: Hub, *, is_offline: bool) -> None:
    project = with_adapter(tmp_path, hub, LORA)
    project.lock()
    if is_offline:
        assert modelgen("fetch", cwd=tmp_path, env=project.environment).returncode == 0
        project.path.unlink()
        project.lock("--offline")
    assert json.loads(project.entry("org/lora").config or "") == {"peft_type": "LORA", "r": 64}
    built = modelgen("build", cwd=tmp_path, env=project.environment)
    assert built.returncode == 0, built.stderr
    assert '- "--max-lora-rank"\n      - "64"\n' in (tmp_path / "build" / "docker-compose.yml").read_text()


def test_what_is_locked_already_may_be_of_no_use_to_another_model(tmp_path: Path, hub: Hub) -> None:
    project = with_adapter(tmp_path, hub, LORA)
    project.lock()
    before = project.path.read_bytes()
    hub.clear()
    project.write(model("text", "org/lora", 'loras = { sql = "org/lora" }'))
    fault = "org/lora has no config.json, so no engine serves it by itself"
    done, checked = project.run(), project.run("--check")
    assert (done.returncode, checked.returncode) == (1, 4)
    assert f"modelgen: text: {fault}" in done.stderr
    assert f"modelgen: models.lock: text: {fault}" in checked.stderr
    assert (project.path.read_bytes(), hub.requests) == (before, [])
