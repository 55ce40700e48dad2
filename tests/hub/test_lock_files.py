"""Which repositories and files a lock holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub_double.child import ask
from lock_project import Project, model, program, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

REMOTE = b'{"auto_map": {"AutoConfig": "org/code--conf.C", "AutoModel": ["org/code--model.M", null]}}'
QUANTIZATIONS = ("Q4_K_M", "Q8_0", "BF16-00001-of-00002", "BF16-00002-of-00002")
GGUF: dict[str, bytes | Path] = {
    **{f"model-{name}.gguf": b"GGUF" + b"q" * 3000 for name in QUANTIZATIONS},
    "README.md": b"# quantizations\n",
    "mmproj.gguf": b"GGUF",
}


WEIGHTS: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("F32", 8))}


def paths(project: Project, repo: str) -> list[str]:
    return [file.path for file in project.entry(repo).files]


def test_what_a_model_needs_beside_its_weights_is_locked_too(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/model", WEIGHTS | {"config.json": REMOTE})
    hub.add("org/code", {"conf.py": b"", "model.py": b"", "model.safetensors": b"never read"})
    hub.add("org/tokens", WEIGHTS | {"tokenizer.json": b"{}"})
    hub.add("org/draft", WEIGHTS)
    hub.add("org/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": safetensors(l=("F16", 4))})
    project = Project(
        tmp_path,
        hub,
        '[models.m]\nrepo = "org/model"\ntrust_remote_code = true\nloras = { style = "org/lora" }\n'
        'args = { max-model-len = 8, tokenizer = "org/tokens", '
        'speculative-config = { model = "org/draft", num_speculative_tokens = 2 } }\n',
    )
    lock = project.lock()
    assert {entry.repo: sorted(file.path for file in entry.files) for entry in lock.snapshots} == {
        "org/code": ["conf.py", "model.py"],
        "org/draft": ["config.json", "model.safetensors"],
        "org/lora": ["adapter_config.json", "adapter_model.safetensors"],
        "org/model": ["config.json", "model.safetensors"],
        "org/tokens": ["config.json", "tokenizer.json"],
    }
    assert {tuple(entry.models) for entry in lock.snapshots} == {("m",)}
    moved = hub.add("org/code", {"model.py": b"pass\n"})
    project.lock("--upgrade", "m")
    assert project.entry("org/code").commit == moved


def test_code_is_looked_for_in_what_is_locked_already(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/model", WEIGHTS | {"config.json": REMOTE})
    hub.add("org/code", {"model.py": b""})
    project = Project(tmp_path, hub, model("m", "org/model"))
    assert len(project.lock().snapshots) == 1
    project.write(model("m", "org/model", "trust_remote_code = true"))
    hub.clear()
    assert len(project.lock().snapshots) == 2
    assert [request.path for request in hub.requests_for("/api/*")] == ["/api/models/org/code"]


def test_a_config_that_is_too_large_is_not_kept(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/model", WEIGHTS | {"config.json": b'{"x": "%s"}' % (b"x" * 70_000)})
    project = Project(tmp_path, hub, model("m", "org/model"))
    assert project.lock().snapshots[0].config is None


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ('include = ["*Q4_K_M.gguf"]', ["model-Q4_K_M.gguf"]),
        ('include = ["model-BF16*"]', ["model-BF16-00001-of-00002.gguf", "model-BF16-00002-of-00002.gguf"]),
        ('exclude = ["*BF16*", "*Q8*"]', ["README.md", "mmproj.gguf", "model-Q4_K_M.gguf"]),
    ],
)
def test_one_quantization_of_several(tmp_path: Path, hub: Hub, keys: str, kept: list[str]) -> None:
    hub.add("org/gguf", GGUF)
    project = Project(tmp_path, hub, program("m", "org/gguf", keys))
    done = project.run()
    assert paths(project, "org/gguf") == kept, done.stderr
    if "include" in keys:
        assert f"left out {6 - len(kept)} files" in done.stderr


def test_a_pattern_that_names_nothing_is_told_with_the_nearest_file(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", GGUF)
    project = Project(tmp_path, hub, model("m", "org/gguf", 'include = ["model-Q4_KM.gguf"]'))
    done = project.run()
    assert (done.returncode, project.path.exists()) == (1, False)
    assert "m: org/gguf has no file `model-Q4_KM.gguf`; the nearest are `model-Q4_K_M.gguf`" in done.stderr
    project.write(model("m", "org/gguf", 'exclude = ["*"]'))
    assert "m: org/gguf has no file that `include` and `exclude` select" in project.run().stderr


def test_the_file_of_gpt_oss_that_is_on_no_hub(tmp_path: Path, hub: Hub) -> None:
    hub.add("openai/gpt-oss-20b", WEIGHTS | {"config.json": b'{"model_type": "gpt_oss"}', "metal/model.bin": b"m"})
    project = Project(tmp_path, hub, model("m", "openai/gpt-oss-20b"))
    nobody = "http://127.0.0.1:9"
    [asset] = project.lock(HTTPS_PROXY=nobody, https_proxy=nobody).assets
    assert (asset.name, asset.size, asset.models) == ("o200k_base.tiktoken", None, ["m"])
    there = project.hub_folder / ".locks/modelgen" / "assets" / asset.sha256 / asset.name
    there.parent.mkdir(parents=True)
    there.write_bytes(b"ranks")
    assert project.lock("--offline").assets[0].size == 5
    assert project.run("--check").returncode == 0


def test_the_size_of_what_is_on_no_hub_is_asked_for(hub: Hub) -> None:
    hub.add("org/model", {"config.json": b"12345"})
    [size, none] = ask(
        hub,
        *(
            f"__import__('modelgen.hub.locking.elsewhere', fromlist=['x']).size_at('{hub.endpoint}/{path}')"
            for path in ("org/model/resolve/main/config.json", "nowhere")
        ),
        PYTHONPATH="compiler",
    )
    assert (size, none) == (5, None)
