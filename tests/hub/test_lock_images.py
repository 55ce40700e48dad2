"""Images in a lock: what a `docker` that is a program tells of them, in time or not at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

NAME, REPO = "vllm/vllm-openai:v0.11.0", "vllm/vllm-openai"
HERE = {NAME: {"Id": "sha256:" + "1" * 64, "RepoDigests": [f"{REPO}@sha256:{'2' * 64}"], "Architecture": "amd64"}}


def manifest(arch: str, digit: str, config: str, kind: str = "SchemaV2Manifest") -> dict[str, Any]:
    return {
        "Ref": f"docker.io/{NAME}",
        "Descriptor": {"digest": "sha256:" + digit * 64, "platform": {"architecture": arch, "os": "linux"}},
        kind: {"schemaVersion": 2, "config": {"digest": "sha256:" + config * 64}},
    }


INDEX = [manifest("arm64", "5", "6"), manifest("amd64", "3", "4", "OCIManifest"), manifest("unknown", "7", "8")]


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    hub.add("org/text", {"config.json": b"{}", "model.safetensors": safetensors(a=("F16", 2))})
    return Project(tmp_path, hub, model("text", "org/text"))


def digests(project: Project, *args: str) -> tuple[str | None, str | None]:
    """The digit of which each digest consists."""
    [image] = project.lock(*args).images
    return (
        image.config_digest and image.config_digest[-1],
        image.manifest_digest and image.manifest_digest[-1],
    )  # fmt: skip


def test_the_local_engine_knows_it(project: Project) -> None:
    project.docker(engine=HERE, registry={NAME: INDEX})
    assert digests(project) == ("1", "2")
    assert project.asked() == [f"image inspect {NAME}"]


def test_the_registry_knows_it(project: Project) -> None:
    project.docker(registry={NAME: INDEX})
    assert digests(project) == ("4", "3")
    project.write(model("text", "org/text") + '[host]\narch = "arm64"\n')
    assert digests(project, "--upgrade") == ("6", "5")


def test_an_image_of_one_platform(project: Project) -> None:
    project.docker(registry={NAME: manifest("amd64", "3", "4")})
    assert digests(project) == ("4", "3")


def test_what_is_here_for_another_processor_does_not_count(project: Project) -> None:
    project.docker(engine={NAME: {**HERE[NAME], "Architecture": "arm64"}}, registry={NAME: INDEX})
    assert digests(project) == ("4", "3")


def test_an_id_of_containerds_store_is_no_config(project: Project) -> None:
    pulled = f"{REPO}@sha256:{'2' * 64}"
    engine = {NAME: {**HERE[NAME], "Id": "sha256:" + "2" * 64}}
    project.docker(engine=engine, registry={NAME: manifest("amd64", "9", "9"), pulled: INDEX})
    assert digests(project) == ("4", "2")


@pytest.mark.parametrize(("config", "found"), [("1", ("1", "3")), ("4", ("1", None))])
def test_an_image_that_was_loaded_has_a_digest_only_if_it_is_the_registrys(
    project: Project, config: str, found: tuple[str, str | None]
) -> None:
    project.docker(engine={NAME: {**HERE[NAME], "RepoDigests": []}}, registry={NAME: manifest("amd64", "3", config)})
    assert digests(project) == found


def test_a_digest_in_models_toml_is_the_manifests(project: Project) -> None:
    project.write(model("text", "org/text", f'image = "{NAME}@sha256:{"a" * 64}"'))
    project.docker()
    assert digests(project) == (None, "a")


def test_what_is_known_stays_and_what_is_not_is_asked_again(project: Project) -> None:
    project.docker()
    done = project.run()
    assert (done.returncode, "by name only" in done.stderr) == (0, True)
    assert f"{NAME} is in the lock by name only: no such manifest: {NAME}; run `modelgen lock` again" in done.stderr
    project.docker(registry={NAME: INDEX})
    assert digests(project) == ("4", "3")
    project.asked()
    project.lock()
    assert project.asked() == []
    project.docker(registry={NAME: manifest("amd64", "c", "d")})
    assert f"~ image {NAME} sha256:333333333333 → sha256:cccccccccccc" in project.run("--upgrade").stdout


def test_an_upgrade_that_nobody_answers_loses_nothing(project: Project) -> None:
    project.docker(registry={NAME: INDEX})
    project.lock()
    project.docker()
    done = project.run("--upgrade")
    assert "in the lock as before" in done.stderr
    assert project.read().images[0].manifest_digest == "sha256:" + "3" * 64


def test_offline_asks_the_local_engine_alone(project: Project) -> None:
    project.lock()
    project.docker(registry={NAME: INDEX})
    assert digests(project, "--offline") == (None, None)
    assert project.asked() == [f"image inspect {NAME}"]
    assert "registry" not in project.run("--offline").stderr  # a host without internet cannot reach it


def test_no_docker_is_a_warning(project: Project) -> None:
    done = project.run()
    assert (done.returncode, done.stderr.count("warning")) == (0, 1)
    assert "the command `docker` is not installed" in done.stderr
    assert project.read().images[0].reference == NAME


def test_docker_that_hangs_has_five_seconds_for_all_images(project: Project) -> None:
    more = model("more", "org/text", 'image = "vllm/vllm-openai:v0.11.1"\nservice = "s"')
    project.write(model("text", "org/text") + more)
    project.docker(hangs=True)
    start = time.monotonic()
    done = project.run()
    assert time.monotonic() - start < 9
    assert done.returncode == 0
    assert (
        "vllm/vllm-openai:v0.11.0, vllm/vllm-openai:v0.11.1 are in the lock by name only: no answer within 5 s"
        in done.stderr
    )


def test_a_registry_that_does_not_answer_keeps_no_other_from_it(project: Project) -> None:
    dead = "".join(
        f'[models.dead-{number}]\nengine = "command"\nimage = "dead.example/server:{number}"\ncommand = ["serve"]\n'
        for number in range(20)
    )
    project.write(dead + model("text", "org/text"))
    project.docker(registry={NAME: INDEX}, hangs="dead.example")
    known = {image.reference: image.manifest_digest for image in project.lock().images}
    assert known[NAME] is not None
    assert known["dead.example/server:0"] is None
    assert len(known) == 21
