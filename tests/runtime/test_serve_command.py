"""`modelgen serve` and the commands that talk to it, as its guide has them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, modelgen, python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

DEMO = REPOSITORY / "tests" / "demo"
GUIDE = (REPOSITORY / "docs" / "guides" / "without-docker.md").read_text()
SECTION = GUIDE.partition("\n## Try it\n")[2].partition("\n## ")[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The demo, on a port that is free."""
    shutil.copytree(DEMO, tmp_path / "tests" / "demo", ignore=shutil.ignore_patterns(".modelgen"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path / "tests" / "demo" / "models.toml"
    path.write_text(f'{path.read_text()}\n[orchestrator]\nlisten = "127.0.0.1:{port}"\n')
    return tmp_path


@contextlib.contextmanager
def served(project: Path, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving on http://127.0.0.1:")
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def test_the_readme_can_be_followed(project: Path) -> None:
    """Line by line, save for the port, which may be somebody's here."""
    first, second = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    port = re.search(r"127\.0\.0\.1:(\d+)", (project / "tests" / "demo" / "models.toml").read_text())
    assert port is not None
    me = f"{shlex.quote(sys.executable)} -m modelgen"
    start = shlex.split(first.replace("modelgen ", f"{me} ", 1))
    script = second.replace("localhost:8080", f"localhost:{port[1]}").replace("\nmodelgen ", f"\n{me} ")
    with served(project, start):
        done = subprocess.run(
            f"set -e\n{script}",
            shell=True,
            executable="/bin/bash",
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    assert '"id": "owl"' in done.stdout
    assert '"delta": {"content": "hello "}' in done.stdout
    assert "data: [DONE]" in done.stdout
    assert '{"status": "ready", "models": ["parrot"], "evicted": ["owl"]' in done.stdout
    assert re.search(r"parrot +ready +0 +0 +idle for \d+s\n", done.stdout)
    assert re.search(r"owl: ready after \d\.\d s, in place of parrot\n\[modelgen\] start \w+\nowl loads\n", done.stdout)


def test_the_commands_talk_to_it(project: Path) -> None:
    folder = project / "tests" / "demo"
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        dry = modelgen("switch", "bird", "--dry-run", cwd=folder)
        assert "would start: owl\n" in dry.stdout
        switched = modelgen("switch", "--profile", "default", "--format", "json", cwd=folder)
        assert json.loads(switched.stdout)["models"] == ["parrot"]
        assert modelgen("why", "parrot", cwd=folder).stdout == "parrot is ready; it has not failed\n"
        assert json.loads(modelgen("status", "--format", "json", cwd=folder).stdout)["project"] == "demo"
        assert modelgen("status", cwd=folder).stdout.startswith("demo at http://127.0.0.1:")
        unknown = modelgen("switch", "parot", cwd=folder)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert unknown.stderr == "modelgen: there is no model `parot`: did you mean `parrot`?\n"
        assert modelgen("why", "parot", cwd=folder).returncode == 1
        assert modelgen("logs", "parot", cwd=folder).returncode == 1
        broken = folder / "models.toml"
        broken.write_text(broken.read_text().replace('"--seconds", "2"', '"--no-such-flag"'))
        assert modelgen("serve", "--reload", cwd=folder).stderr == ".modelgen/manifest.json: reloaded\n"
        failed = modelgen("switch", "owl", cwd=folder)
        assert failed.returncode == 3
        assert "`owl` ended before it was ready (exit code 2); the engine does not support one of its" in failed.stderr
        assert "\n  | program.py: error: unrecognized arguments: --no-such-flag" in failed.stderr
        why = modelgen("why", "owl", cwd=folder).stdout
        assert "  what to do: correct or remove the flag" in why
        assert "owl is failed: it ended before it was ready (exit code 2)\n" in why
        with subprocess.Popen(
            [sys.executable, "-m", "modelgen", "logs", "parrot", "--follow", "--lines", "1"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        ) as followed:
            assert followed.stdout is not None
            assert any("GET /health" in line for line in followed.stdout)
            followed.send_signal(signal.SIGINT)
            assert followed.wait(20) == 130


def test_a_model_is_loaded_and_unloaded_by_the_command_line(project: Path) -> None:
    folder = project / "tests" / "demo"

    def states() -> dict[str, str]:
        status = json.loads(modelgen("status", "--format", "json", cwd=folder).stdout)
        return {model["id"]: model["state"] for model in status["models"]}

    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        assert modelgen("load", "parrot", cwd=folder).returncode == 0
        dry = modelgen("load", "owl", "--dry-run", cwd=folder).stdout
        assert "would start: owl\nwould evict: parrot (0 running)" in dry
        assert re.match(r"owl: ready after \d+\.\d s, in place of parrot\n", modelgen("load", "owl", cwd=folder).stdout)
        assert re.match(r"owl: ready after 0\.\d s\n", modelgen("load", "owl", cwd=folder).stdout)
        assert states() == {"owl": "ready", "parrot": "stopped"}
        assert modelgen("unload", "owl", cwd=folder).stdout == "owl: stopped\n"
        unloaded = modelgen("unload", "owl", "--format", "json", cwd=folder)
        assert json.loads(unloaded.stdout)["state"] == "stopped"
        assert states() == {"owl": "stopped", "parrot": "stopped"}


def test_a_model_is_held_and_released_by_the_command_line(project: Path) -> None:
    folder = project / "tests" / "demo"
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        assert (
            modelgen("hold", "owl", cwd=folder).stdout
            == "owl: held; run `modelgen release owl` to let it start again\n"
        )
        why = modelgen("why", "owl", cwd=folder).stdout
        assert re.match(r"owl is held by \S.* on \S+: its requests wait\n", why)
        assert "  what to do: run `modelgen release owl`\n" in why
        assert re.search(r"owl +stopped +0 +0 +held by \S", modelgen("status", cwd=folder).stdout)
        refused = modelgen("switch", "owl", cwd=folder)
        assert refused.returncode == 1
        assert "it can run again after `modelgen release owl`" in refused.stderr
        released = modelgen("release", "owl", "--format", "json", cwd=folder)
        assert json.loads(released.stdout)["held"] is False
        assert modelgen("switch", "owl", cwd=folder).returncode == 0


def test_the_orchestrator_of_another_project_is_refused(project: Path) -> None:
    folder = project / "tests" / "demo"
    config = folder / "models.toml"
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        ours = config.read_text()
        config.write_text(re.sub(r'(?m)^name( *)= ".*"', r'name\1= "other"', ours))
        for command in (["status"], ["why", "owl"], ["logs", "owl"], ["switch", "owl"], ["hold", "owl"]):
            done = modelgen(*command, cwd=folder)
            assert done.returncode == 1, command
            assert "belongs to the project `demo`, but models.toml to `other`; pass the models.toml of" in done.stderr
        url = re.findall(r"http://[^ ]+", modelgen("status", cwd=folder).stderr)[0]
        assert modelgen("release", "owl", "--url", url, cwd=folder).returncode == 1
        (folder / "models.toml").rename(folder / "renamed.toml")
        assert '"demo"' in modelgen("status", "--url", url, "--format", "json", cwd=folder).stdout
        config.write_text(ours)


def test_a_second_instance_does_not_touch_the_manifest_of_the_first(project: Path) -> None:
    folder = project / "tests" / "demo"
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]) as first:
        manifest = (folder / ".modelgen" / "manifest.json").read_bytes()
        config = folder / "models.toml"
        config.write_text(re.sub(r'listen = ".*"', 'listen = "127.0.0.1:1"', config.read_text()))
        second = modelgen("serve", cwd=folder)
        assert second.returncode == 3
        assert f"`modelgen serve` is already running here (pid {first.pid}, at http://127.0.0.1:" in second.stderr
        assert "`modelgen serve --reload`" in second.stderr
        assert (folder / ".modelgen" / "manifest.json").read_bytes() == manifest


def test_another_address_needs_another_start(project: Path) -> None:
    folder = project / "tests" / "demo"
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        config = folder / "models.toml"
        config.write_text(re.sub(r'listen = ".*"', 'listen = "127.0.0.1:1"', config.read_text()))
        reloaded = modelgen("serve", "--reload", cwd=folder)
        assert reloaded.returncode == 0
        assert "`listen` has changed too; restart `modelgen serve` to apply it\n" in reloaded.stderr


def test_nothing_that_answers_is_said(project: Path) -> None:
    folder = project / "tests" / "demo"
    for command in (["status"], ["switch", "owl"], ["logs", "owl"], ["why", "owl"], ["serve", "--reload"]):
        done = modelgen(*command, cwd=folder)
        assert done.returncode == 3
        assert "no answer at http://127.0.0.1:" in done.stderr
        assert "start it with `modelgen up` or `modelgen serve`" in done.stderr
    (folder / "models.toml").write_text("[")
    assert modelgen("status", cwd=folder).returncode == 1


def test_it_says_that_windows_cannot_serve(project: Path) -> None:
    # Only then: click and the standard library look at the platform when they are imported.
    code = (
        "import sys, click, subprocess; from modelgen.cli import main, serve;"
        "sys.platform = 'win32'; sys.argv = ['modelgen', 'serve']; main()"
    )
    done = python("-c", code, cwd=project / "tests" / "demo")
    assert done.returncode == 3
    assert done.stderr == "modelgen: `serve` needs Linux or macOS; on Windows, run it in WSL2 or use Docker\n"


def test_a_file_with_errors_is_not_served(tmp_path: Path) -> None:
    toml = '[project]\nname = "x"\nhub = "hub"\n[models.a]\nengine = "command"\ncommand = []\n'
    (tmp_path / "models.toml").write_text(toml)
    done = modelgen("serve", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error[MG" in done.stderr
    assert not (tmp_path / ".modelgen").exists()


def test_what_lives_in_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(
        '[project]\nname = "x"\nhub = "hub"\n[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.4"\n[rules]\n'
        'image-without-gpu = "off"\n[models.a]\nengine = "sglang"\nrepo = "org/a"\n'
    )
    done = modelgen("serve", cwd=tmp_path)
    assert done.returncode == 1
    assert "`a` (sglang) can run only in a container; `serve` runs vllm, llamacpp and" in done.stderr


def test_a_limit_of_containers_is_explained(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(
        '[project]\nname = "x"\nhub = "hub"\n[models.a]\nengine = "command"\ncommand = ["serve"]\ncpus = 2.5\n'
        '[models.b]\nengine = "command"\ncommand = ["serve"]\n'
    )
    done = modelgen("serve", "--reload", cwd=tmp_path)
    assert "`cpus` limits containers, and has no effect on `a` here\n" in done.stderr


@pytest.mark.parametrize(
    ("engine", "advice"),
    [("vllm", 'write `version = "…"` in `[engines.vllm]`'), ("sglang", "SGLang runs only in a container")],
)
def test_a_version_that_nothing_tells_is_a_finding(tmp_path: Path, engine: str, advice: str) -> None:
    (tmp_path / "models.toml").write_text(
        f'[project]\nname = "x"\nhub = "hub"\n[models.a]\nengine = "{engine}"\nrepo = "org/a"\n'
        f"args = {{ {'max-model-len' if engine == 'vllm' else 'context-length'} = 1024 }}\n"
    )
    done = modelgen("serve", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"`a` has neither an image nor a `version` of {'vLLM' if engine == 'vllm' else 'SGLang'}" in done.stderr
    assert advice in done.stderr


def test_an_installed_vllm_is_started_for_this_host(tmp_path: Path) -> None:
    """As far as the manifest goes: there is no vLLM here."""
    (tmp_path / "models.toml").write_text(
        '[project]\nname = "x"\nhub = "./models/hub"\n[gpus.gpu0]\nmemory = "24GiB"\ndevice = "1"\n'
        '[engines.vllm]\nversion = "0.11.2"\n[orchestrator]\nkeys_file = "nowhere"\n'
        '[models.a]\nrepo = "org/a"\ngpus = ["gpu0"]\ngpu_memory = 0.5\nenv = { OWN = "1" }\nidle_timeout = "15m"\n'
        'args = { max-model-len = 8, chat-template = "./chat.jinja" }\n'
    )
    assert "nowhere cannot be read" in modelgen("serve", cwd=tmp_path).stderr  # with it, it would serve
    path = tmp_path / ".modelgen" / "manifest.json"
    [model] = json.loads(path.read_text())["models"]
    command = model["process"]["arguments"]
    assert command[:3] == ["vllm", "serve", "org/a"]
    assert command[command.index("--host") :][:4] == ["--host", "127.0.0.1", "--port", "{port}"]
    assert command[command.index("--chat-template") + 1] == f"{tmp_path}/chat.jinja"
    assert model["process"]["environment"] == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_CACHE": f"{tmp_path}/models/hub",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "OWN": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    assert (model["process"]["directory"], model["idle_timeout"]) == (str(tmp_path), 900.0)
    assert model["readiness"] == {"path": "/health", "timeout": 365.0, "lists": "/v1/models", "warmup": None}
    assert (path.parent.stat().st_mode & 0o777, (path.parent / ".gitignore").read_text()) == (0o700, "*\n")


def test_a_secret_reaches_the_one_program_that_needs_it(project: Path) -> None:
    """It is in a file that only this host has: neither in models.toml nor in the manifest nor in an argument."""
    folder = project / "tests" / "demo"
    (folder / "parrot.env").write_text("OPENAI_API_KEY=a-secret-of-this-host\n")
    text = (folder / "models.toml").read_text()
    program = "python3 program.py --port {port} --name {model}"
    script = f"set -a; . ./parrot.env; echo it is ${{#OPENAI_API_KEY}} long; exec {program}"
    command = json.dumps(["sh", "-c", script])
    first = re.search(r"^command +=.*$", text, re.MULTILINE)
    assert first is not None
    (folder / "models.toml").write_text(text.replace(first[0], f"command = {command}", 1))
    with served(folder, [sys.executable, "-m", "modelgen", "serve"]):
        assert modelgen("switch", "parrot", cwd=folder).returncode == 0
        assert "it is 21 long" in modelgen("logs", "parrot", cwd=folder).stdout
        assert "a-secret" not in (folder / ".modelgen" / "manifest.json").read_text()
        found = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        assert "program.py" in found
        assert "a-secret" not in found


def test_a_key_is_made(tmp_path: Path) -> None:
    done = modelgen("key", "--role", "admin", cwd=tmp_path)
    key = re.search(r"key:  (mg-[\w-]{43})\n", done.stdout)
    assert key is not None
    assert f"line: admin sha256:{hashlib.sha256(key[1].encode()).hexdigest()}\n" in done.stdout
    assert modelgen("key", cwd=tmp_path).returncode == 2
    assert modelgen("key", "--role", "user", cwd=tmp_path).stdout != done.stdout
