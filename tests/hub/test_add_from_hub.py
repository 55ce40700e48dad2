"""`modelgen add REPO`: a table is appended and locked, or both files stay as they were."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen, start
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

CONFIG = json.dumps({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 8192})
FILES: dict[str, bytes | Path] = {
    "config.json": CONFIG.encode(),
    "model.safetensors": safetensors(a=("BF16", 400)),
    "tokenizer.json": b"{}",
}
GGUF: dict[str, bytes | Path] = {
    "Qwen3-8B-Q4_K_M.gguf": b"GGUF" + b"x" * 100,
    "Qwen3-8B-Q8_0.gguf": b"GGUF" + b"x" * 200,
    "big/Qwen3-8B-BF16-00001-of-00002.gguf": b"GGUF" + b"x" * 300,
    "big/Qwen3-8B-BF16-00002-of-00002.gguf": b"GGUF" + b"x" * 300,
    "mmproj-F16.gguf": b"GGUF",
}
ONE = model("one", "org/one", 'gpus = ["gpu0"]') + '[profiles.text]\nmodels = ["one"] # first\ndefault = true\n'


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    """A project with one locked model."""
    hub.add("org/one", FILES)
    project = Project(tmp_path, hub, ONE)
    project.lock()
    return project


def add(project: Project, *args: str, code: int = 0, **environment: str) -> tuple[str, str]:
    """Run `modelgen add`; if it fails, both files must be as they were."""
    before = contents(project)
    done = modelgen("add", *args, cwd=project.folder, env={**project.environment, **environment})
    assert done.returncode == code, done.stderr + done.stdout
    if code:
        assert contents(project) == before
        assert done.stdout == ""
    return done.stdout, done.stderr


def contents(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.folder.iterdir() if path.is_file()}


def tables(project: Project) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads((project.folder / "models.toml").read_text())["models"]
    return found


def test_a_model_is_appended_and_locked_and_builds(project: Project, hub: Hub) -> None:
    path = project.folder / "models.toml"
    before, lock = path.read_bytes(), project.path.read_bytes()
    hub.add("Qwen/Qwen3-8B", FILES)
    out, err = add(project, "Qwen/Qwen3-8B")
    table = '[models.Qwen3-8B]\nrepo = "Qwen/Qwen3-8B"\ngpus = ["gpu0"]\nargs = { max-model-len = 8192 }\n'
    assert out == table
    assert path.read_bytes() == before + b"\n" + table.encode()
    assert project.entry("Qwen/Qwen3-8B").models == ["Qwen3-8B"]
    assert [line for line in lock.splitlines() if line not in project.path.read_bytes().splitlines()] == []
    for text in (
        "added [models.Qwen3-8B] to models.toml and locked it in models.lock",
        "engine: vLLM: the hub lists it as text-generation",
        " in 3 files of Qwen/Qwen3-8B, license apache-2.0",
        "memory: it reserves 22.8 GiB of gpu0: all that its limit allows",
        "profile: in none, so it is loaded by a request for `Qwen3-8B` or by `modelgen load Qwen3-8B`",
        "next: modelgen up\n",
    ):
        assert text in err
    for command in (["build"], ["lock", "--check"], ["fetch", "Qwen3-8B"]):
        done = modelgen(*command, cwd=project.folder, env=project.environment)
        assert done.returncode == 0, done.stderr
    _, err = add(project, "qwen/qwen3-8b", code=1)
    assert "models.toml has Qwen/Qwen3-8B already, as `Qwen3-8B`; choose an id with --id" in err
    add(project, "https://huggingface.co/Qwen/Qwen3-8B?library=vllm", "--id", "second")
    assert [*tables(project)] == ["one", "Qwen3-8B", "second"]


@pytest.mark.parametrize("start_", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "# last"])
def test_the_rest_of_the_file_stays_as_it_was(project: Project, hub: Hub, start_: str, end: str, last: str) -> None:
    hub.add("org/two", FILES)
    path = project.folder / "models.toml"
    path.write_bytes((start_ + path.read_text() + last).replace("\n", end).encode())
    path.chmod(0o640)
    before = path.read_bytes()
    add(project, "org/two")
    after = path.read_bytes()
    assert after.startswith(before)
    rest = after.removeprefix(before).decode()
    assert rest.removeprefix(end).startswith(f"{end if last else ''}[models.two]{end}repo")
    assert rest.count("\n") == rest.count(end)
    assert path.stat().st_mode & 0o777 == 0o640


def test_without_a_lock_all_models_are_locked(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    project.path.unlink()
    add(project, "org/two")
    assert [entry.repo for entry in project.read().snapshots] == ["org/one", "org/two"]
    done = modelgen("lock", "--check", cwd=project.folder, env=project.environment)
    assert done.returncode == 0, done.stderr


def test_an_id_is_free_and_valid(project: Project, hub: Hub) -> None:
    for repo in ("other/one", "more/One", "org/text", "x/_odd"):
        hub.add(repo, FILES)
        add(project, repo)
    assert [*tables(project)] == ["one", "other-one", "more-One", "org-text", "odd"]
    for given, said in (("one", "in [models.one]"), ("text", "in [profiles.text]"), ("a b", "is not an id")):
        assert said in add(project, "org/one", "--id", given, code=2)[1]


def test_the_card_is_named_where_there_are_several(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    path = project.folder / "models.toml"
    path.write_text(path.read_text() + '[gpus.gpu1]\nmemory = "24GiB"\ndevice = "1"\n')
    assert "has 2 GPUs; choose one: --gpu gpu0, --gpu gpu1" in add(project, "org/two", code=2)[1]
    assert "has no GPU `gpu2`: did you mean" in add(project, "org/two", "--gpu", "gpu2", code=2)[1]
    add(project, "org/two", "--gpu", "gpu1")
    assert tables(project)["two"]["gpus"] == ["gpu1"]
    defaults = '[defaults]\ngpus = ["gpu0"]\nargs = { max-model-len = 4096 }\ngpu_memory = "4GiB"\n'
    path.write_text(path.read_text() + defaults)
    hub.add("org/three", FILES)
    _, err = add(project, "org/three")
    assert tables(project)["three"] == {"repo": "org/three"}
    assert "it reserves 4 GiB of gpu0\n" in err


@pytest.mark.parametrize(
    ("task", "files", "engine", "said"),
    [
        ("sentence-similarity", {}, "tei", "the hub lists it as sentence-similarity"),
        ("text-ranking", {}, "tei", "the hub lists it as text-ranking"),
        (None, {"modules.json": b"[]"}, "tei", "it is a model of sentence-transformers"),
        (None, {}, None, "the hub lists no task of it, so this is a guess: check `engine`"),
        (
            "text-to-image",
            {},
            None,
            "text-to-image, which is no task of an engine here, so this is a guess",
        ),
    ],
)
def test_the_engine_by_the_task(
    project: Project, hub: Hub, *, task: str | None, files: dict[str, bytes | Path], engine: str | None, said: str
) -> None:
    hub.add("org/two", FILES | files, task=task or "")
    out, err = add(project, "org/two")
    assert said in err
    assert tables(project)["two"].get("engine") == engine
    assert ("[engines.tei]" in out) == (engine == "tei")


def test_the_only_engine_of_the_file_is_used(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/two", FILES)
    image = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.3"\n'
    project = Project(tmp_path, hub, image)
    out, err = add(project, "org/two")
    assert tables(project)["two"]["engine"] == "sglang"
    assert "engine: SGLang" in err
    assert "[engines" not in out


def test_a_gguf_is_chosen_by_quantization_or_file(project: Project, hub: Hub) -> None:
    hub.add("Qwen/Qwen3-8B-GGUF", GGUF)
    _, err = add(project, "Qwen/Qwen3-8B-GGUF", code=2)
    assert "there are 3 files; choose one with --quant or --file:\n" in err
    assert "  Q4_K_M  104 bytes  Qwen3-8B-Q4_K_M.gguf\n" in err
    assert "  BF16    608 bytes  big/Qwen3-8B-BF16-00001-of-00002.gguf\n" in err
    assert "there is no Q5_K_M; choose one" in add(project, "Qwen/Qwen3-8B-GGUF", "--quant", "Q5_K_M", code=2)[1]
    out, err = add(project, "Qwen/Qwen3-8B-GGUF", "--quant", "q4_k_m")
    assert '[engines.llamacpp]\nimage = "ghcr.io/ggml-org/llama.cpp:' in out
    assert tables(project)["Qwen3-8B-GGUF"] == {
        "repo": "Qwen/Qwen3-8B-GGUF",
        "engine": "llamacpp",
        "file": "Qwen3-8B-Q4_K_M.gguf",
        "mmproj": "mmproj-F16.gguf",
        "gpus": ["gpu0"],
        "args": {"ctx-size": 4096},
    }
    path = "big/Qwen3-8B-BF16-00001-of-00002.gguf"
    out, _ = add(project, "Qwen/Qwen3-8B-GGUF", "--id", "whole", "--file", path)
    assert tables(project)["whole"]["file"] == path
    assert "[engines" not in out
    done = modelgen("build", cwd=project.folder, env=project.environment)
    assert done.returncode == 0, done.stderr
    _, err = add(project, "org/one", "--id", "again", "--quant", "Q4_K_M", code=2)
    assert "org/one has no GGUF files" in err


def test_a_gguf_is_asked_for_on_a_terminal(project: Project, hub: Hub) -> None:
    hub.add("Qwen/Qwen3-8B-GGUF", GGUF)
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "modelgen", "add", "Qwen/Qwen3-8B-GGUF"],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=side,
    )
    os.close(side)
    shown = b""
    while b"Number (" not in shown and b"Number:" not in shown:
        shown += os.read(main, 1000)
    assert b"  2  Q8_0" in shown
    os.write(main, b"9\n2\n")
    table, _ = process.communicate(timeout=30)
    assert process.returncode == 0, table
    assert b'file = "Qwen3-8B-Q8_0.gguf"' in table
    os.close(main)


def refused_repositories(hub: Hub) -> None:
    hub.add("org/gated", FILES, gated=True)
    hub.add("org/empty", {"README.md": b"x"})
    hub.add("org/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"})


@pytest.mark.parametrize(
    ("repo", "code", "said"),
    [
        ("org/none", 1, "org/none is not at http"),
        ("qwen3", 1, "correct the repository's name, which is usually `namespace/name`"),
        ("org/gated", 3, "is gated and there is no token"),
        ("org/empty", 1, "has no config.json, so no engine can load it"),
        ("org/lora", 1, 'org/lora is a LoRA adapter: write `loras = { NAME = "org/lora" }`'),
        ("local/x", 2, "run `modelgen add PATH --as local/x`"),
        ("no repo", 2, "is neither a repository id"),
        ("bin", 2, "bin exists here: add it with `--as local/NAME`"),
    ],
)
def test_what_cannot_be_added_changes_nothing(project: Project, hub: Hub, repo: str, code: int, said: str) -> None:
    refused_repositories(hub)
    error = add(project, repo, code=code)[1]
    assert said in error
    assert code == 2 or "modelgen: models.toml and models.lock are unchanged" in error


@pytest.mark.parametrize("start", ["hf.co/", "", "https://huggingface.co/"])
def test_a_quantization_after_a_colon(project: Project, hub: Hub, start: str) -> None:
    hub.add("Qwen/Qwen3-8B-GGUF", GGUF)
    assert "there is no Q5_K_M" in add(project, f"{start}Qwen/Qwen3-8B-GGUF:Q5_K_M", code=2)[1]
    both = add(project, f"{start}Qwen/Qwen3-8B-GGUF:Q8_0", "--quant", "Q8_0", code=2)[1]
    assert "remove --quant and --file" in both
    assert 'file = "Qwen3-8B-Q8_0.gguf"' in add(project, f"{start}Qwen/Qwen3-8B-GGUF:Q8_0")[0]


def test_a_hub_that_does_not_answer_changes_nothing(project: Project) -> None:
    _, err = add(project, "org/two", code=3, HF_ENDPOINT="http://modelgen.invalid")
    assert "cannot be reached" in err


def test_a_file_with_errors_is_not_changed(project: Project) -> None:
    path = project.folder / "models.toml"
    path.write_text(path.read_text().replace('"gpu0"]', '"gpu9"]'))
    _, err = add(project, "org/one", code=1)
    assert "unknown GPU `gpu9`" in err
    assert "fix models.toml first; nothing was added" in err


def test_what_the_compiler_refuses_is_not_added(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    name = "x" * 70
    _, err = add(project, "org/two", "--id", name, code=1)
    assert f"[models.{name}]" in err
    assert "error[MG404 bad-service]" in err
    assert "this table was not added; models.toml and models.lock are unchanged" in err


def test_a_file_that_changes_meanwhile_is_not_overwritten(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    path = project.folder / "models.toml"
    edit = (
        "import modelgen.cli.table.change as change, pathlib\n"
        "real = change.compiled\n"
        "def edited(files):\n"
        "    path = pathlib.Path('models.toml')\n"
        "    path.write_text(path.read_text() + '# mine\\n')\n"
        "    return real(files)\n"
        "import modelgen.cli.table.entering as entering\n"
        "entering.compiled = edited\n"
    )
    before, lock = path.read_text(), project.path.read_bytes()
    done = modelgen("add", "org/two", cwd=project.folder, env=project.environment, before=edit)
    assert done.returncode == 1
    assert "were changed by another program meanwhile" in done.stderr
    assert (path.read_text(), project.path.read_bytes()) == (before + "# mine\n", lock)


# Kills its own process at the n-th call that renames or removes a file, as a power cut would.
KILLED = """
import os, signal, sys
calls, last = 0, int(sys.argv.pop(1))
def hook(event, args):
    global calls
    if event in ("os.rename", "os.remove") and "models." in str(args[0]):
        calls += 1
        if calls > last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


def test_a_kill_at_any_moment_leaves_a_project_that_builds_as_before(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    path = project.folder / "models.toml"
    old = path.read_bytes(), project.path.read_bytes()
    new_locks = set()
    for last in range(20):
        done = modelgen(str(last), "add", "org/two", cwd=project.folder, env=project.environment, before=KILLED)
        now = path.read_bytes(), project.path.read_bytes()
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert now[0] == old[0]
        new_locks.add(now[1])
        built = modelgen("build", cwd=project.folder, env=project.environment)
        assert built.returncode == 0, built.stderr
        project.path.write_bytes(old[1])
    assert len(new_locks) == 2, "it was killed before and after the lock was written"
    assert [*tables(project)] == ["one", "two"]
    assert not [name for name in contents(project) if name.endswith(".modelgen-new")]


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_hub_does_not_answer(
    project: Project, hub: Hub, number: signal.Signals, *, is_listed: bool
) -> None:
    hub.add("org/two", FILES)
    if is_listed:
        hub.faults.status(503, retry_after=60, path="*config.json", count=None)
    else:
        hub.faults.api(503, retry_after=60, count=None)
    before = contents(project)
    with start("add", "org/two", cwd=project.folder, env=project.environment) as process:
        assert process.stderr is not None
        assert "trying again in 60.0 s" in process.stderr.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert err.endswith("modelgen: interrupted; models.toml and models.lock are unchanged\n")
    assert contents(project) == before


def test_options_that_do_not_belong_together(project: Project) -> None:
    for args, said in (
        (["org/one", "--no-table"], "--no-table needs --as"),
        ([".", "--as", "local/x", "--quant", "Q4"], "remove them"),
        ([".", "--as", "local/x", "--no-table", "--gpu", "gpu0"], "remove --gpu, --id and --engine"),
    ):
        assert said in add(project, *args, code=2)[1]


def test_without_a_file_there_is_a_next_step(tmp_path: Path) -> None:
    done = modelgen("add", "org/one", cwd=tmp_path)
    assert done.returncode == 3
    assert "there is no models.toml here or in a folder above; run `modelgen init`" in done.stderr


def test_the_engine_is_chosen(project: Project, hub: Hub) -> None:
    hub.add("org/two", FILES)
    table, said = add(project, "org/two", "--engine", "sglang")
    written = tomllib.loads(table)
    assert written["models"] == {"two": {"repo": "org/two", "engine": "sglang", "gpus": ["gpu0"]}}
    assert written["engines"]["sglang"]["image"].startswith("lmsysorg/sglang:v0.")
    assert "engine: SGLang: chosen with --engine" in said


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("llamacpp", "llama.cpp does not load such a checkpoint; use --engine vllm or"),
        ("vlm", "`vlm` is not one of vllm, "),
        ("command", "`command` is not one of vllm, "),
    ],
)
def test_an_engine_that_cannot_be_chosen(project: Project, hub: Hub, engine: str, message: str) -> None:
    hub.add("org/two", FILES)
    _, said = add(project, "org/two", "--engine", engine, code=1 if engine == "llamacpp" else 2)
    assert message in said


def test_an_amd_gpu_gets_the_image_for_it(project: Project, hub: Hub) -> None:
    hub.add("org/q-gguf", GGUF)
    path = project.folder / "models.toml"
    text = path.read_text()
    amd = 'device = "/dev/dri/renderD128"\nkind = "amd"\ngroups = [44]'
    path.write_text(text.replace('device = "0"', amd).replace("vllm-openai:", "vllm-openai-rocm:"))
    table, _ = add(project, "org/q-gguf", "--quant", "Q4_K_M")
    assert tomllib.loads(table)["engines"] == {"llamacpp": {"image": "ghcr.io/ggml-org/llama.cpp:server-rocm-b6500"}}
