"""Answers that are not the hub's, and refusals: the host that answered, its own words, and what helps."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from hub_double import Token
from hub_project import Project, project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub_double import Hub
    from hub_double.faults import Faults

GOOD = "hf_" + "g" * 34
API = "/api/models/*"


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    hub.tokens = {GOOD: Token(accepts={"*"})}
    return project(tmp_path, hub, {"org/model": {"config.json": b"{}", "tokenizer.bin": bytes(20_000)}})


def said(models: Project, command: str, **environment: str) -> str:
    """Run what fails at once, and return its last sentence."""
    done = models.run(command, **environment)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "trying again" not in done.stderr
    assert GOOD not in done.stderr + done.stdout
    [*notes, sentence] = [line for line in done.stderr.splitlines() if line.startswith("modelgen: model: org/model")]
    assert all("arrived damaged; reading it again" in note for note in notes)
    return sentence


def locking(models: Project, **environment: str) -> str:
    """Lock anew, which fails."""
    (models.folder / "models.lock").unlink()
    return said(models, "lock", **environment)


WRONG: dict[str, tuple[Callable[[Faults], None], str]] = {
    "a login page": (lambda faults: faults.page("Wi-Fi &amp; login", path=API), '"Wi-Fi & login" instead of data'),
    "no JSON": (lambda faults: faults.answer(200, b"OK", path=API), "answers with no JSON"),
    "nowhere": (lambda faults: faults.answer(302, b"", path=API), "answers with status 302 without a valid target"),
    "a list": (lambda faults: faults.answer(200, b"[1]", path=API), "answers with no commit"),
    "no sha": (lambda faults: faults.answer(200, b'{"siblings": 5}', path=API), "answers with no commit"),
    "a strange sha": (lambda faults: faults.answer(200, b'{"sha": "../x"}', path=API), "answers with no commit"),
    "no end": (
        lambda faults: faults.answer(200, gzip.compress(bytes(70 * 2**20), 1), path=API, Content_Encoding="gzip"),
        "answers with more than 67,108,864 bytes",
    ),
}


@pytest.mark.parametrize(("fault", "words"), WRONG.values(), ids=WRONG.keys())
def test_lock_of_what_is_no_answer_of_the_hub(
    hub: Hub, models: Project, fault: Callable[[Faults], None], words: str
) -> None:
    fault(hub.faults)
    sentence = locking(models)
    assert words in sentence
    assert hub.endpoint in sentence
    assert "run the command again" not in sentence


def test_a_tree_that_does_not_have_the_hashes_either(hub: Hub, models: Project) -> None:
    commit = models.snapshots[0].commit
    answer = {"sha": commit, "siblings": [{"rfilename": "config.json"}]}
    hub.faults.answer(200, json.dumps(answer).encode(), path="/api/models/org/model")
    hub.faults.answer(200, b'[{"type": "file", "path": "config.json", "size": "2"}]', path="*/tree/*")
    hub.faults.answer(200, b"{}", path="*/paths-info/*")
    assert "no sizes and hashes of the files" in locking(models)


def test_a_page_in_place_of_a_config(hub: Hub, models: Project) -> None:
    hub.faults.page("Blocked", path="config.json", host="hub")
    assert 'answers with a web page "Blocked"' in locking(models)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_delivery_network_that_answers_with_a_page(hub: Hub, tmp_path: Path, ranged: Path, size: str) -> None:
    weights = bytes(20_000) if size == "small" else ranged
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": weights}})
    hub.faults.page("Blocked by policy", path="*.safetensors", host="cdn")
    sentence = said(models, "fetch")
    assert f'{hub.cdn} answers with a web page "Blocked by policy"' in sentence


def test_a_redirect_to_nowhere(hub: Hub, models: Project) -> None:
    hub.faults.answer(302, b"")
    assert f"{hub.endpoint} answers with status 302 without a valid target" in said(models, "fetch")


def test_a_page_in_place_of_everything(hub: Hub, models: Project) -> None:
    hub.faults.page("Hotel")
    assert f'{hub.endpoint} answers with a web page "Hotel"' in said(models, "fetch")


FINE = "Please enable access to public gated repositories in your fine-grained token settings to view this repository."


def words(status: int, text: str) -> Callable[[Faults], None]:
    def fault(faults: Faults) -> None:
        faults.answer(status, json.dumps({"error": text}).encode(), X_Error_Message=text)

    return fault


REFUSED: dict[str, tuple[Callable[[Faults], None], str, str]] = {
    "fine-grained": (words(403, FINE), "in your fine-grained token settings to view this", "/settings/tokens"),
    "expired": (words(401, 'User Access Token "x" is expired'), '"User Access Token "x" is expired"', "a valid token"),
    "legal": (words(451, "Taken down"), '(451): "Taken down"', "choose another `repo`"),
    "gone": (words(410, "Gone"), '(410): "Gone"', "choose another `repo`"),
    "teapot": (words(418, "No \x1b[31mcoffee " + GOOD), 'answers 418: "No [31mcoffee …"', "check HF_ENDPOINT"),
    "proxy": (
        lambda faults: faults.page("Access denied", status=403),
        '(403): "Access denied"',
        "allow that host",
    ),
    "long": (words(400, "word " * 500), "word …", "check HF_ENDPOINT"),
    "disabled": (words(403, "Access to this resource is disabled."), "resource is disabled", "HF_TOKEN"),
}


@pytest.mark.parametrize("command", ["lock", "fetch"])
@pytest.mark.parametrize("row", REFUSED)
def test_a_refusal_in_the_words_of_whoever_refuses(hub: Hub, models: Project, command: str, row: str) -> None:
    fault, text, help_ = REFUSED[row]
    fault(hub.faults)
    sentence = locking(models, HF_TOKEN=GOOD) if command == "lock" else said(models, "fetch", HF_TOKEN=GOOD)
    assert help_ in sentence
    assert "run the command again" not in sentence
    # A HEAD has no body, so what a proxy's page says is not known there.
    assert text in sentence or (command == "fetch" and text.startswith("(403)") and "(403)" in sentence)
    assert len(sentence) < 600


def test_a_delivery_network_that_refuses(hub: Hub, models: Project) -> None:
    xml = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Not from this country</Message></Error>"
    hub.faults.answer(403, xml, path="tokenizer.bin", host="cdn", Content_Type="application/xml")
    sentence = said(models, "fetch", HF_TOKEN=GOOD)
    assert f"{hub.cdn} refuses access (403)" in sentence
    assert "a token does not help" in sentence


def test_what_many_files_and_repositories_have_in_common_is_said_once(hub: Hub, tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {f"{number}.bin": bytes([number]) * 20_000 for number in range(6)}
    models = project(tmp_path, hub, {"org/a": files, "org/b": files})
    hub.faults.answer(403, b"<Error><Code>AccessDenied</Code></Error>", path="*.bin", host="cdn")
    done = models.run("fetch")
    assert done.returncode == 3
    [sentence] = [line for line in done.stderr.splitlines() if line.startswith("modelgen: ")]
    assert sentence.startswith(f"modelgen: a: org/a (0.bin, 1.bin, 2.bin and 3 more): {hub.cdn} refuses access (403)")
    assert sentence.endswith("; the same applies to b: org/b")


def test_a_name_that_cannot_be_resolved(models: Project) -> None:
    sentence = said(models, "fetch", HF_ENDPOINT="http://hub.invalid", NO_PROXY="*")
    assert "http://hub.invalid cannot be reached: this host cannot resolve its name" in sentence
