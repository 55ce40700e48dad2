"""A lock holds what the loaders of its models read, and says when it was made for others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_double.child import hf
from lock_project import Project, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = json.dumps({"weight_map": dict(zip("ab", SHARDS, strict=True))}).encode()
BOTH: dict[str, bytes | Path] = {
    "config.json": b"{}",
    "consolidated.safetensors": safetensors(a=("BF16", 40)),
    "model.safetensors.index.json": INDEX,
    "params.json": b"{}",
    "tekken.json": b"{}",
    **{name: safetensors(a=("BF16", 20)) for name in SHARDS},
}


def table(name: str, args: str = "", version: str = "0.11.0", more: str = "") -> str:
    image = f'image = "vllm/vllm-openai:v{version}"'
    return f'[models.{name}]\nrepo = "org/text"\n{image}\nargs = {{ max-model-len = 8{args} }}\n{more}\n'


MISTRAL = ', load-format = "mistral"'


def weights(project: Project) -> list[str]:
    return [file.path for file in project.entry("org/text").files if file.path.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("fragment", "kept", "told"),
    [
        (table("m"), SHARDS, "not needed for serving: vLLM 0.11.0 reads model-00001-of-00002.safetensors"),
        (table("m", version="0.13.0"), ["consolidated.safetensors"], "vLLM 0.13.0 reads consolidated.safetensors"),
        (table("m", MISTRAL), ["consolidated.safetensors"], "with --load-format mistral reads consolidated"),
        (table("m", ', load-format = "hf"', "0.13.0"), SHARDS, "vLLM 0.13.0 with --load-format hf reads model-00001"),
        (table("m") + table("n", MISTRAL), ["consolidated.safetensors", *SHARDS], ""),
    ],
)
def test_one_form_is_locked_by_release_and_arguments(
    tmp_path: Path, hub: Hub, fragment: str, kept: list[str], told: str
) -> None:
    hub.add("org/text", BOTH)
    project = Project(tmp_path, hub, fragment)
    done = project.run()
    assert (done.returncode, weights(project)) == (0, kept), done.stderr
    assert told in done.stderr
    assert project.run("--check").returncode == 0
    hub.clear()
    project.lock()
    assert hub.requests == []


def other(project: Project, *command: str) -> tuple[int, str]:
    done = modelgen(*command, cwd=project.folder, env=project.environment)
    return done.returncode, done.stdout + done.stderr


def test_an_entry_for_other_loaders_is_looked_up_again_at_its_commit(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", BOTH)
    project = Project(tmp_path, hub, table("m"))
    commit = project.lock().snapshots[0].commit
    hub.add("org/text", {"README.md": b"newer"})
    project.write(table("m", MISTRAL))
    fault = "org/text was locked without consolidated*.safetensors, which vLLM 0.11.0 with --load-format mistral reads"
    done = project.run("--check")
    assert (done.returncode, fault in done.stderr) == (4, True), done.stderr
    for command in (("fetch",), ("fetch", "--dry-run"), ("verify",), ("validate",)):
        code, output = other(project, *command)
        assert (code, fault in output, "modelgen lock" in output) == (1, True, True), (command, output)
    entry = project.lock().snapshots[0]
    assert (entry.commit, weights(project)) == (commit, ["consolidated.safetensors"])
    assert project.run("--check").returncode == 0
    assert other(project, "fetch")[0] == 0
    assert other(project, "verify")[0] == 0


@pytest.mark.parametrize("option", [(), ("--offline",)])
def test_a_repository_without_what_its_loader_reads_is_refused(
    tmp_path: Path, hub: Hub, option: tuple[str, ...]
) -> None:
    hub.add("org/text", {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 20))})
    project = Project(tmp_path, hub, table("m", MISTRAL))
    assert hf(hub, "download", "org/text", "--cache-dir", str(project.hub_folder)).returncode == 0
    done = project.run(*option)
    assert (done.returncode, project.path.exists()) == (1, False)
    assert (
        "m: org/text has no consolidated*.safetensors, which vLLM 0.11.0 with --load-format mistral reads; it has "
        "model.safetensors; choose another `load-format` in the model's `args`\n"
    ) in done.stderr


TEXT: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 20))}
FOREIGN = b'{"auto_map": {"AutoX": ["org/code--mod.X", null]}}'
LARGE = json.dumps(
    {"auto_map": {"AutoModel": "org/code--mod.X"}, "model_type": "own", "num_attention_heads": 8}
    | {"quantization_config": {"ignore": [f"model.layers.{number}.mlp.gate" for number in range(3000)]}}
).encode()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("config.json", FOREIGN),
        ("config.json", LARGE),
        ("config.json", b'{"text_config": {"auto_map": {"AutoModel": "org/code--mod.X"}}}'),
        ("tokenizer_config.json", FOREIGN),
        ("processor_config.json", FOREIGN),
        ("preprocessor_config.json", FOREIGN),
        ("video_preprocessor_config.json", b'{"auto_map": {"AutoVideoProcessor": {"a": "org/code--mod.X"}}}'),
    ],
)
def test_code_of_another_repository_is_locked_wherever_a_config_names_it(
    tmp_path: Path, hub: Hub, path: str, data: bytes
) -> None:
    hub.add("org/text", TEXT | {path: data})
    hub.add("org/code", {"mod.py": b"pass\n"})
    project = Project(tmp_path, hub, table("m", more="trust_remote_code = true"))
    lock = project.lock()
    assert [entry.repo for entry in lock.snapshots] == ["org/code", "org/text"]
    assert project.entry("org/text").code == ["org/code"]
    assert project.run("--check").returncode == 0
    online = project.path.read_bytes()
    assert other(project, "fetch")[0] == 0
    project.path.unlink()
    project.lock("--offline")
    assert project.read().snapshots[1].code == ["org/code"]
    assert online.count(b'code = ["org/code"]') == 1
    project.write(table("m"))
    assert [entry.repo for entry in project.lock().snapshots] == ["org/text"]


def test_a_large_config_is_kept_without_its_long_lists(tmp_path: Path, hub: Hub) -> None:
    assert len(LARGE) > 64 * 1024
    hub.add("org/text", TEXT | {"config.json": LARGE})
    lock = Project(tmp_path, hub, table("m")).lock()
    assert lock.snapshots[0].config is not None
    assert json.loads(lock.snapshots[0].config) == json.loads(LARGE) | {"quantization_config": {}}


def test_a_lock_of_an_older_modelgen_is_read_and_completed(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", TEXT | {"tokenizer_config.json": FOREIGN})
    hub.add("org/code", {"mod.py": b"pass\n"})
    project = Project(tmp_path, hub, table("m"))
    project.lock()
    assert b"code =" not in project.path.read_bytes()
    project.write(table("m", more="trust_remote_code = true"))
    done = project.run("--check")
    assert (done.returncode, "without the names of the repositories that its code is in" in done.stderr) == (4, True)
    assert [entry.repo for entry in project.lock().snapshots] == ["org/code", "org/text"]
    assert project.run("--check").returncode == 0


def test_the_model_that_a_speculator_belongs_to_is_locked(tmp_path: Path, hub: Hub) -> None:
    config = {"speculators_config": {"verifier": {"name_or_path": "org/verifier"}}}
    hub.add("org/text", TEXT | {"config.json": json.dumps(config).encode()})
    hub.add("org/verifier", TEXT)
    lock = Project(tmp_path, hub, table("m")).lock()
    assert [entry.repo for entry in lock.snapshots] == ["org/text", "org/verifier"]


MODULES = [
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


@pytest.mark.parametrize("option", [(), ("--offline",)])
def test_a_module_that_is_not_there_is_refused(tmp_path: Path, hub: Hub, option: tuple[str, ...]) -> None:
    hub.add("org/text", TEXT | {"modules.json": json.dumps(MODULES).encode()})
    project = Project(tmp_path, hub, table("m"))
    assert hf(hub, "download", "org/text", "--cache-dir", str(project.hub_folder)).returncode == 0
    done = project.run(*option)
    assert (done.returncode, project.path.exists()) == (1, False)
    assert "m: org/text has no 1_Pooling/config.json, which its modules.json names" in done.stderr
    more = [*MODULES, {"path": "3_Dense", "type": "sentence_transformers.models.Dense"}]
    hub.add("org/text", {"modules.json": json.dumps(more).encode(), "1_Pooling/config.json": b"{}"})
    told = project.run().stderr
    assert "has no 3_Dense/config.json or 3_Dense/model.safetensors, which its modules.json names" in told
    hub.add("org/text", {"modules.json": json.dumps(MODULES).encode()})
    project.lock()


def test_a_model_that_a_config_names_is_locked_for_all_its_loaders(tmp_path: Path, hub: Hub) -> None:
    config = {"speculators_config": {"verifier": {"name_or_path": "org/text"}}}
    hub.add("org/draft", TEXT | {"config.json": json.dumps(config).encode()})
    hub.add("org/text", BOTH)
    sglang = '[models.s]\nengine = "sglang"\nimage = "lmsysorg/sglang:v0.5.9"\nrepo = "org/text"\n'
    draft = table("m", version="0.13.0").replace("org/text", "org/draft")
    project = Project(tmp_path, hub, f"{draft}{sglang}")
    project.lock()
    assert weights(project) == ["consolidated.safetensors", *SHARDS]
    assert project.run("--check").returncode == 0


def test_a_lock_without_onnx_is_completed_and_serves_until_then(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", TEXT | {"onnx/model.onnx": b"x" * 20_000})
    image = "ghcr.io/huggingface/text-embeddings-inference"
    tei = f'[models.e]\nengine = "tei"\nimage = "{image}:89-1.9"\nrepo = "org/text"\n'
    project = Project(tmp_path, hub, tei)
    assert project.lock().snapshots[0].left_out == ["*.onnx"]
    project.write(tei.replace(":89-", ":cpu-"))
    assert project.run("--check").returncode == 4
    assert other(project, "fetch")[0] == 0
    assert "onnx/model.onnx" in project.lock().snapshots[0].by_path
    assert project.run("--check").returncode == 0


@pytest.mark.parametrize("flag", ["load-format", "quantization"])
def test_a_repository_of_gguf_files_is_not_for_vllm(tmp_path: Path, hub: Hub, flag: str) -> None:
    hub.add("org/text", {"config.json": b"{}", "q4.gguf": b"GGUF", "mmproj.gguf": b"GGUF"})
    project = Project(tmp_path, hub, table("m", f', {flag} = "gguf"'))
    done = project.run()
    assert (done.returncode, project.path.exists()) == (1, False)
    assert f"m: org/text cannot be loaded by vLLM 0.11.0 with --{flag} gguf, which needs the path of " in done.stderr
    code, told = other(project, "validate")
    assert (code, "gguf-repository" in told) == (1, True), told


def test_the_advice_on_gguf_files_leads_to_a_lock(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", {"config.json": b"{}", "q4.gguf": b"GGUF", "mmproj.gguf": b"GGUF"})
    lines = 'engine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nfile = "q4.gguf"'
    project = Project(tmp_path, hub, f'[models.m]\nrepo = "org/text"\n{lines}\nargs = {{ ctx-size = 8 }}\n')
    assert [file.path for file in project.lock().snapshots[0].files] == ["q4.gguf"]
