"""The same as at the hub, through a real mirror: olah drops `?blobs=true`, pages of listings, and redirects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_double import Token
from lock_project import Project, model, program, safetensors

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from hub_double import Hub

GOOD = "hf_" + "g" * 34
FILES: dict[str, bytes | Path] = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b'{"x": "%s"}' % (b"y" * 20_000),
    "model.safetensors": safetensors(a=("BF16", 40_000)),
    "sub/notes.json": b"[]",
}


class Mirrored(Project):
    """A project whose hub is the mirror."""

    def __init__(self, folder: Path, hub: Hub, mirror: str, fragment: str) -> None:
        super().__init__(folder, hub, fragment)
        self.mirror = mirror
        self.environment["HF_ENDPOINT"] = mirror

    def modelgen(self, *args: str, **environment: str) -> CompletedProcess[str]:
        return modelgen(*args, cwd=self.folder, env={**self.environment, **environment})

    def succeed(self, *args: str, **environment: str) -> str:
        done = self.modelgen(*args, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, hub: Hub, olah: str) -> Mirrored:
    hub.tokens = {GOOD: Token(accepts={"org/*"})}
    hub.add("org/text", FILES)
    return Mirrored(tmp_path, hub, olah, model("text", "org/text"))


def test_what_is_locked_through_the_mirror_is_what_the_hub_says(project: Mirrored, hub: Hub) -> None:
    through = project.lock()
    project.path.unlink()
    assert project.lock(HF_ENDPOINT=hub.endpoint) == through
    assert through.snapshots[0].weights == {"BF16": 40_000}


def test_fetch_verify_and_nothing_to_do(project: Mirrored, hub: Hub) -> None:
    project.lock()
    project.succeed("fetch")
    project.succeed("verify")
    hub.clear()
    project.succeed("fetch")
    assert hub.requests == []


def test_an_upgrade(project: Mirrored, hub: Hub) -> None:
    project.lock()
    project.succeed("fetch")
    commit = hub.add("org/text", {"config.json": b'{"model_type": "qwen3"}'})
    assert project.lock("--upgrade").snapshots[0].commit == commit
    project.succeed("fetch")
    project.succeed("verify")


def test_more_files_than_the_mirror_shows_of_the_listing(project: Mirrored, hub: Hub) -> None:
    hub.page_size = 5
    hub.add("org/text", {f"{number}.json": b"%d" % number for number in range(12)})
    entry = project.lock().snapshots[0]
    assert len(entry.files) == 12 + len(FILES)
    assert {request.path for request in hub.requests if request.method == "POST"}
    project.succeed("fetch")
    project.succeed("verify")


def test_a_gated_repository(project: Mirrored, hub: Hub) -> None:
    hub.add("org/text", {}, gated=True)
    done = project.run()
    assert done.returncode == 3
    assert "text: org/text is gated and there is no token; accept its terms at" in done.stderr
    project.lock(HF_TOKEN=GOOD)
    assert "is gated and there is no token" in project.modelgen("fetch").stderr
    project.succeed("fetch", HF_TOKEN=GOOD)
    project.succeed("verify")
    assert {request.token_sent for request in hub.requests if request.host == "cdn"} == {False}


def test_a_gated_repository_of_which_lock_reads_no_file(project: Mirrored, hub: Hub) -> None:
    hub.add("org/text", {"notes.txt": b""}, gated=True)
    project.write(program("text", "org/text", 'include = ["notes.txt"]'))
    assert "text: org/text is gated and there is no token" in project.run().stderr
    assert project.lock(HF_TOKEN=GOOD).snapshots[0].gated


def test_a_private_repository_and_one_that_is_not_there(project: Mirrored, hub: Hub) -> None:
    hub.add("org/text", {}, private=True)
    project.write(model("text", "org/text") + model("gone", "org/gone"))
    told = project.run().stderr
    assert f"gone: org/gone is not at {project.mirror}, or it is private and there is no token" in told
    assert "; the same applies to text: org/text" in told
    project.write(model("text", "org/text"))
    project.lock(HF_TOKEN=GOOD)
    project.succeed("fetch", HF_TOKEN=GOOD)


def test_a_large_file_is_resumed_after_a_kill(project: Mirrored, hub: Hub, large: Path) -> None:
    with large.open("rb") as file:
        content = file.read()
    whole = safetensors(a=("BF16", len(content) - 200))
    weights = project.folder / "weights"
    weights.write_bytes(whole[: -len(content) + 200] + content[: len(content) - 200])
    hub.add("org/text", {"model.safetensors": weights})
    project.lock()
    first = project.modelgen("fetch", "--format", "json", HF_HUB_DISABLE_XET="1")
    assert first.returncode == 0, first.stderr
    [part] = [path for path in project.hub_folder.glob("models--org--text/blobs/*") if path.stat().st_size > 10**8]
    kept = project.hub_folder / ".locks/modelgen/partial/models--org--text" / part.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(part.read_bytes()[:60_000_000])
    part.unlink()
    events = [json.loads(line) for line in project.modelgen("fetch", "--format", "json").stdout.splitlines()]
    assert next(event["resumed"] for event in events if event["event"] == "planned") == 60_000_000
    assert sum(event["bytes"] for event in events if event["event"] == "advanced") < 45_000_000
    project.succeed("verify")


def test_bytes_that_the_mirror_damages_are_never_presented(project: Mirrored, hub: Hub) -> None:
    project.lock()
    hub.faults.corrupt(5, path="tokenizer.json")
    done = project.modelgen("fetch")
    assert done.returncode == 3, done.stderr
    assert "tokenizer.json arrived twice with a hash that differs from models.lock" in done.stderr
    assert not [*project.hub_folder.glob("models--org--text/snapshots/*/tokenizer.json")]


def test_a_connection_that_breaks_behind_the_mirror(project: Mirrored, hub: Hub) -> None:
    project.lock()
    hub.faults.reset(5_000, path="tokenizer.json")
    project.succeed("fetch")
    project.succeed("verify")
