"""`modelgen lock --check`: nobody is asked, nothing is written, and what disagrees is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

REMOTE = b'{"auto_map": {"AutoModel": "org/code--modeling.Model"}}'


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    hub.add("org/text", {"config.json": REMOTE, "model.safetensors": safetensors(a=("F16", 2))})
    hub.add("org/code", {"modeling.py": b"pass\n"})
    project = Project(tmp_path, hub, model("text", "org/text", "trust_remote_code = true"))
    project.lock()
    hub.clear()
    return project


def test_they_agree(project: Project, hub: Hub) -> None:
    done = project.run("--check")
    assert (done.returncode, done.stdout, done.stderr, hub.requests) == (0, "", "", [])


def test_there_is_no_lock(project: Project) -> None:
    project.path.unlink()
    done = project.run("--check")
    assert (done.returncode, project.path.exists()) == (4, False)
    assert done.stderr == "modelgen: models.lock: does not exist\nmodelgen: run `modelgen lock`\n"


@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        (model("text", "org/text"), ["nothing needs org/code"]),
        (
            model("text", "org/text", 'trust_remote_code = true\nrevision = "v1"'),
            ["text: org/text at v1 is not in it, only another `revision`", "nothing needs org/text"],
        ),
        (
            model("text", "org/text", 'trust_remote_code = true\nexclude = ["x"]'),
            [
                "text: org/text (exclude x) is not in it, only with another `include` or `exclude`",
                "nothing needs org/text",
            ],
        ),
        (
            model("text", "org/text", "trust_remote_code = true")
            + model("more", "org/text", 'trust_remote_code = true\nservice = "s"'),
            ["org/text is for text, more, not for text", "org/code is for text, more, not for text"],
        ),
        (
            model("text", "org/text", 'trust_remote_code = true\nimage = "vllm/vllm-openai:v0.11.1"'),
            [
                "text: the image vllm/vllm-openai:v0.11.1 is not in it",
                "nothing runs on the image vllm/vllm-openai:v0.11.0",
            ],
        ),
    ],
)
def test_each_disagreement_is_told(project: Project, hub: Hub, fragment: str, told: list[str]) -> None:
    before = project.path.read_bytes()
    project.write(fragment)
    done = project.run("--check", "--format", "json")
    assert done.returncode == 4
    found = json.loads(done.stdout)["disagreements"]
    assert [text for text in found if text in told] == told
    assert (project.path.read_bytes(), hub.requests) == (before, [])


def test_a_lock_cures_it(project: Project) -> None:
    project.write(model("text", "org/text", 'image = "vllm/vllm-openai:v0.11.1"'))
    assert project.run("--check").returncode == 4
    project.lock()
    assert project.run("--check").returncode == 0
