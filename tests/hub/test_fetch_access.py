"""Who may fetch what: each refusal is one sentence that names the model and the next step; what is open comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub_double import Token
from hub_project import Project, project

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from hub_double import Hub

FILES = {"config.json": b"{}", "model.safetensors": bytes(20_000)}
GOOD, OTHER = "hf_" + "g" * 34, "hf_" + "o" * 34


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    hub.tokens = {GOOD: Token(accepts={"*"}), OTHER: Token()}
    return project(tmp_path, hub, {"org/model": FILES, "org/open": {"config.json": b"{}"}})


def refusal(models: Project, hub: Hub, code: int, **environment: str) -> str:
    """Run a fetch that is refused, and return the one sentence."""
    done = models.run("fetch", **environment)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    *_, sentence = done.stderr.splitlines()
    assert sentence.startswith(("modelgen: model: org/model ", "modelgen: model: org/model: ")), done.stderr
    assert done.stderr.count("modelgen: ") == 1
    assert hub.bytes_sent("org/model/*") == 0
    assert not (models.snapshot(models.snapshots[0]).parents[1] / "refs").exists()
    no_secret(done)
    return sentence


def no_secret(done: CompletedProcess[str]) -> None:
    for secret in (GOOD, OTHER):
        assert secret not in done.stdout + done.stderr + " ".join(map(str, done.args))


def test_gated_without_a_token(hub: Hub, models: Project) -> None:
    hub.store.repos["org/model"].gated = "auto"
    assert refusal(models, hub, 1) == (
        "modelgen: model: org/model is gated and there is no token; "
        f"accept its terms at {hub.endpoint}/org/model and set HF_TOKEN, or pass --token-file"
    )


def test_gated_with_the_token_of_another(hub: Hub, models: Project) -> None:
    hub.store.repos["org/model"].gated = "auto"
    assert "is gated and your token has no access" in refusal(models, hub, 1, HF_TOKEN=OTHER)


def test_gated_with_a_token_that_opens_it(hub: Hub, models: Project) -> None:
    hub.store.repos["org/model"].gated = "auto"
    (models.folder / "token").write_text(f"{GOOD}\n")
    done = models.run("fetch", "--token-file", "token", HF_TOKEN=OTHER)
    assert done.returncode == 0, done.stderr
    no_secret(done)
    assert models.damage() == []
    assert {(request.host, request.token_sent) for request in hub.requests} == {("hub", True), ("cdn", False)}


def test_a_large_file_takes_no_token_to_the_delivery_network(hub: Hub, tmp_path: Path, large: Path) -> None:
    hub.tokens = {GOOD: Token(accepts={"*"})}
    hub.faults.reset(50_000_000)
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": large}})
    assert models.run("fetch", HF_TOKEN=GOOD).returncode == 0
    assert {(request.host, request.token_sent) for request in hub.requests} == {("hub", True), ("cdn", False)}


def test_a_bad_token(hub: Hub, models: Project) -> None:
    bad = "hf_" + "b" * 34
    done = models.run("fetch", HF_TOKEN=bad)
    assert done.returncode == 3
    assert f"model: org/model: the hub {hub.endpoint} does not accept your token from HF_TOKEN: " in done.stderr
    assert bad not in done.stderr
    assert hub.bytes_sent() == 0


def test_a_bad_token_does_not_hide_behind_what_is_there(models: Project) -> None:
    assert models.run("fetch").returncode == 0
    models.blob(models.snapshots[0], "config.json").unlink()
    assert models.run("fetch", HF_TOKEN="hf_" + "b" * 34).returncode == 1


@pytest.mark.parametrize("token", [None, OTHER])
def test_a_repository_that_is_not_there(hub: Hub, models: Project, token: str | None) -> None:
    hub.delete("org/model")
    sentence = refusal(models, hub, 1, **({"HF_TOKEN": token} if token else {}))
    assert f"org/model is not at {hub.endpoint}" in sentence
    assert "correct the repository's name" in sentence


def test_a_private_repository(hub: Hub, models: Project) -> None:
    hub.store.repos["org/model"].private = True
    assert "or it is private and there is no token" in refusal(models, hub, 1)


def test_a_revision_that_was_deleted(hub: Hub, models: Project) -> None:
    commit = models.snapshots[0].commit
    hub.add("org/model", {"config.json": b"[]"})
    hub.forget("org/model", commit)
    assert f"has no {commit} any more; run `modelgen lock --upgrade model`" in refusal(models, hub, 1)


def test_a_file_that_is_not_there(hub: Hub, models: Project) -> None:
    hub.faults.head(404, path="model.safetensors", count=None)
    hub.faults.status(404, path="model.safetensors", count=None)
    refusal(models, hub, 1)
    assert len(hub.requests_for("model.safetensors")) == 1


def test_forbidden(hub: Hub, models: Project) -> None:
    hub.faults.head(403, path="model.safetensors", count=None)
    said = 'refuses access (403): "The double was asked for status 403"; set HF_TOKEN'
    assert f"the hub {hub.endpoint} {said}" in refusal(models, hub, 1)
    assert len(hub.requests_for("model.safetensors")) == 1


def test_a_revision_that_moved_is_fetched_as_locked(hub: Hub, models: Project) -> None:
    hub.add("org/model", {"config.json": b"[]"})
    assert models.run("fetch").returncode == 0
    assert models.damage() == []


@pytest.mark.parametrize("text", ["", "two words", "\x00", "é"])
def test_a_file_that_holds_no_token(models: Project, text: str) -> None:
    (models.folder / "token").write_text(text)
    done = models.run("fetch", "--token-file", "token")
    assert (done.returncode, done.stderr) == (3, "modelgen: token contains no token; write only the token to it\n")


def test_the_hub_may_not_be_asked(hub: Hub, models: Project) -> None:
    done = models.run("fetch", HF_HUB_OFFLINE="1")
    assert done.returncode == 3
    assert "HF_HUB_OFFLINE is set" in done.stderr
    assert hub.requests == []
    assert models.run("fetch").returncode == 0
    assert models.run("fetch", HF_HUB_OFFLINE="1").returncode == 0


def test_no_token_in_events(hub: Hub, models: Project) -> None:
    hub.faults.status(503, count=3)
    done = models.run("fetch", "--format", "json", HF_TOKEN=GOOD)
    assert done.returncode == 0, done.stderr
    no_secret(done)
    assert "Signature" not in done.stdout
    assert {json.loads(line)["event"] for line in done.stdout.splitlines()} >= {"planned", "noticed", "finished"}


def test_where_a_bad_token_came_from(models: Project) -> None:
    bad = "hf_" + "b" * 34
    (models.folder / "token").write_text(bad)
    given = models.run("fetch", "--token-file", "token", HF_TOKEN=GOOD)
    assert "does not accept your token from --token-file" in given.stderr
    stored = models.run("fetch", HF_TOKEN_PATH=str(models.folder / "token"))
    assert "does not accept your token that `hf auth login` stored" in stored.stderr
    assert "run `hf auth login` again" in stored.stderr
    assert bad not in given.stderr + stored.stderr


def test_a_fine_grained_token_is_allowed_more(hub: Hub, models: Project) -> None:
    words = (
        "Please enable access to public gated repositories in your fine-grained token settings to view this repository."
    )
    hub.faults.answer(403, b"", X_Error_Message=words, X_Error_Code="GatedRepo")
    sentence = refusal(models, hub, 3, HF_TOKEN=GOOD)
    assert f"{words.rstrip('.')}" in sentence
    assert f"at {hub.endpoint}/settings/tokens" in sentence
    assert "accept its terms" not in sentence


def test_an_address_that_nobody_can_ask_is_not_to_be_asked_again(hub: Hub, models: Project) -> None:
    hub.faults.answer(302, b"", Location="ftp://files.example/x")
    sentence = refusal(models, hub, 3)
    assert "ftp://files.example" in sentence
    assert "run the command again" not in sentence
