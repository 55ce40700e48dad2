"""The double of the hub, asked by the real client: what holds for it here holds for the tests that rest on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hub_double
from hub_double import Token
from hub_double.child import Answer, ask, fetch, hf

if TYPE_CHECKING:
    from hub_double import Hub

WEIGHTS = bytes(range(256)) * 100
MODEL: dict[str, bytes | Path] = {"config.json": b"{}", "deep/model.safetensors": WEIGHTS, "empty": b""}
DOWNLOAD = "hf.snapshot_download('org/model')"
GIVEN = "*.safetensors"
FILE = "/org/model/resolve/main/deep/model.safetensors"


def names(answers: list[str]) -> list[str]:
    return [answer.partition(":")[0] for answer in answers]


def test_the_command_line_downloads_and_verifies_a_model(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(WEIGHTS)
    commit = hub.add("org/model", MODEL | {"deep/model.safetensors": tmp_path / "weights"})
    result = hf(hub, "download", "org/model", "--quiet")
    assert result.returncode == 0, result.stderr
    snapshot = Path(result.stdout.strip())
    assert snapshot == hub.home / "hub/models--org--model/snapshots" / commit
    assert (snapshot / "deep/model.safetensors").read_bytes() == WEIGHTS
    assert hub.bytes_sent(GIVEN) == len(WEIGHTS)
    assert [request.status for request in hub.requests_for(GIVEN)] == [302, 200]
    assert hf(hub, "cache", "verify", "org/model", "--fail-on-missing-files").returncode == 0


def test_a_pinned_commit_stays_as_main_moves_on(hub: Hub) -> None:
    old = hub.add("org/model", MODEL)
    new = hub.add("org/model", {"config.json": b"[]"})
    snapshot, head = ask(hub, f"hf.snapshot_download('org/model', revision='{old}')", "api.model_info('org/model').sha")
    assert head == new
    assert Path(snapshot, "config.json").read_bytes() == b"{}"
    assert not hub.requests_for(f"/api/models/org/model/revision/{old}")


def test_revisions_have_names(hub: Hub) -> None:
    old = hub.add("gpt2", MODEL)
    hub.tag("gpt2", "v1", old)
    side = hub.add("gpt2", {"config.json": b"[]"}, revision="refs/pr/1", delete=["empty"])
    revisions = ["main", "v1", old[:8], "refs/pr/1", side]
    assert ask(hub, *(f"api.model_info('gpt2', revision='{name}').sha" for name in revisions)) == [
        old, old, old, side, side,
    ]  # fmt: skip
    files, refs = ask(hub, "api.list_repo_files('gpt2', revision='refs/pr/1')", "api.list_repo_refs('gpt2')")
    assert files == ["config.json", "deep/model.safetensors"]
    assert [tag["name"] for tag in refs["tags"]] == ["v1"]


def test_a_commit_is_named_by_what_it_is() -> None:
    commits = []
    for _ in range(2):
        with hub_double.serve() as hub:
            commits.append([hub.add("org/model", MODEL), hub.add("org/model", MODEL)])
    assert commits[0] == commits[1]
    assert commits[0][0] != commits[0][1]


def test_the_hub_tells_of_files_without_sending_them(hub: Hub) -> None:
    hub.add("org/model", MODEL, license="mit")
    [info, brief, paths, commits] = ask(
        hub,
        "api.model_info('org/model', files_metadata=True)",
        "api.model_info('org/model', expand=['gated', 'sha'])",
        "api.get_paths_info('org/model', ['deep', 'empty', 'deep/model.safetensors', 'none'], expand=True)",
        "len(api.list_repo_commits('org/model'))",
    )
    assert "license:mit" in info["tags"]
    assert [(file["rfilename"], file["size"], bool(file["lfs"])) for file in info["siblings"]] == [
        ("config.json", 2, False),
        ("deep/model.safetensors", len(WEIGHTS), True),
        ("empty", 0, False),
    ]
    assert (brief["gated"], brief["siblings"]) == (False, None)
    assert [path["path"] for path in paths] == ["deep", "empty", "deep/model.safetensors"]
    assert paths[1]["blob_id"] == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's name of nothing
    assert commits == 1


def test_a_tree_comes_in_pages(hub: Hub) -> None:
    hub.page_size = 2
    hub.add("org/model", {f"{number}/file": b"" for number in range(3)})
    [paths] = ask(hub, "[entry.path for entry in api.list_repo_tree('org/model', recursive=True)]")
    assert paths == ["0", "0/file", "1", "1/file", "2", "2/file"]
    assert [request.query.count("cursor") for request in hub.requests] == [0, 1, 1]


def test_what_is_not_there_is_named(hub: Hub) -> None:
    hub.tokens = {"hf_good": Token()}
    hub.add("org/model", MODEL)
    hub.add("org/gone", MODEL)
    forgotten = hub.add("org/model", {"config.json": b"[]"})
    hub.forget("org/model", forgotten)
    hub.delete("org/gone")
    assert names(
        ask(
            hub,
            f"hf.snapshot_download('org/model', revision='{forgotten}')",
            "hf.hf_hub_download('org/model', 'none')",
            "hf.snapshot_download('org/gone')",
            "api.model_info('org/gone', token='hf_good')",
        )
    ) == ["RevisionNotFoundError", "RemoteEntryNotFoundError", "RepositoryNotFoundError", "RepositoryNotFoundError"]
    assert [request.status for request in hub.requests_for("*gone*")] == [401, 404]


def test_a_gated_model_tells_all_but_its_files(hub: Hub) -> None:
    hub.tokens = {"hf_good": Token(accepts={"org/model"}), "hf_other": Token()}
    hub.add("org/model", MODEL, gated=True)
    get = "hf.hf_hub_download('org/model', 'config.json', token={})"
    asked = ["api.model_info('org/model').gated", "len(api.list_repo_files('org/model'))"]
    tried = [get.format("False"), get.format("'hf_other'"), "api.auth_check('org/model', token='hf_other')"]
    told, counted, *refused = ask(hub, *asked, *tried)
    assert (told, counted) == ("auto", 3)
    assert names(refused) == ["GatedRepoError"] * 3
    assert [request.status for request in hub.requests_for("config.json")] == [401, 403]
    accepted, allowed = ask(hub, get.format("'hf_good'"), "api.auth_check('org/model', token='hf_good')")
    assert Path(accepted).name == "config.json"
    assert allowed is None


def test_a_private_model_is_not_there_for_others(hub: Hub) -> None:
    hub.tokens = {"hf_good": Token(accepts={"org/*"}), "hf_other": Token()}
    hub.add("org/model", MODEL, private=True)
    info = "api.model_info('org/model', token={}).private"
    told = ask(hub, info.format("False"), info.format("'hf_other'"), info.format("'hf_good'"))
    assert [str(answer).partition(":")[0] for answer in told] == ["RepositoryNotFoundError"] * 2 + ["True"]


def test_a_bad_token_fails_where_none_is_needed(hub: Hub) -> None:
    hub.tokens = {"hf_good": Token(name="somebody")}
    hub.add("org/model", MODEL)
    [answer, name, nobody] = ask(
        hub, DOWNLOAD, "api.whoami(token='hf_good')['name']", "api.whoami()", HF_TOKEN="hf_wrong"
    )
    assert answer.startswith("HfHubHTTPError")
    assert "Invalid credentials in Authorization header" in answer
    assert (name, nobody.partition(":")[0]) == ("somebody", "HfHubHTTPError")
    assert [request.token_good for request in hub.requests] == [False, True, False]


def test_the_token_never_reaches_the_cdn(hub: Hub) -> None:
    hub.tokens = {"hf_good": Token()}
    hub.add("org/model", MODEL)
    ask(hub, DOWNLOAD, HF_TOKEN="hf_good")
    assert {(request.host, request.token_sent) for request in hub.requests} == {("hub", True), ("cdn", False)}


def test_an_address_of_the_cdn_expires(hub: Hub) -> None:
    hub.add("org/model", MODEL)
    hub.signed_for = -60
    assert names(ask(hub, DOWNLOAD)) == ["HfHubHTTPError"]
    assert [request.status for request in hub.requests if request.host == "cdn"] == [403]


def test_ranges_and_conditions(hub: Hub) -> None:
    hub.add("org/model", MODEL)
    ranges = ["bytes=0-9", "bytes=25590-", "bytes=-5", "bytes=5-99999", "bytes=25600-", "bytes=0-1,4-5"]
    answers = fetch(hub, FILE, {}, *({"Range": text} for text in ranges), {"Range": "bytes=0-9", "If-Range": '"old"'})
    assert [answer.status for answer in answers] == [200, 206, 206, 206, 206, 416, 200, 200]
    assert [answer.body for answer in answers[1:5]] == [WEIGHTS[:10], WEIGHTS[25590:], WEIGHTS[-5:], WEIGHTS[5:]]
    assert answers[1].headers["Content-Range"] == "bytes 0-9/25600"
    assert answers[5].headers["Content-Range"] == "bytes */25600"
    assert [answer.status for answer in fetch(hub, FILE, {"If-None-Match": answers[0].headers["ETag"]})] == [304]


@pytest.mark.parametrize(("disabled", "chosen"), [("0", "xet-read-token"), ("1", "cdn")])
def test_xet_is_offered_where_it_is_asked_for(hub: Hub, disabled: str, chosen: str) -> None:
    hub.add("org/model", MODEL, xet=[GIVEN])
    ask(hub, "hf.hf_hub_download('org/model', 'deep/model.safetensors')", HF_HUB_DISABLE_XET=disabled)
    last = hub.requests[-1]
    assert chosen in {last.host, last.path.split("/")[-2]}


def test_the_log_is_counted_and_cleared(hub: Hub) -> None:
    hub.add("org/model", MODEL)
    fetch(hub, "/org/model/resolve/main/config.json", {"User-Agent": "me", "Range": "bytes=1-"})
    assert [(request.method, request.user_agent, request.range) for request in hub.requests] == [
        ("GET", "me", "bytes=1-")
    ] * 2
    assert (hub.bytes_sent(), hub.bytes_sent("config.json"), hub.bytes_sent("org/model/d*")) == (1, 1, 0)
    hub.clear()
    assert hub.requests == []


def test_the_environment_is_a_clean_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTPS_PROXY", "http_proxy", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    set_here = {name for name, value in hub.environment.items() if os.environ.get(name) != value}
    own = {"HF_ENDPOINT", "HF_HOME", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_UPDATE_CHECK", "NO_PROXY"}
    assert set_here == own | {"SSL_CERT_FILE"}


@pytest.mark.parametrize(
    ("kind", "value", "outcome", "requests"),
    [
        ("reset", 1000, "ReadError", 1),
        ("short", 1000, "OSError", 1),
        ("status", 503, "HfHubHTTPError", 1),
        ("status", 429, "", 2),
        ("corrupt", 1000, "", 1),
        ("truncate", 1000, "", 2),
        ("head", 503, "", 1),
        ("api", 503, "LocalEntryNotFoundError", 0),
    ],
)
def test_a_fault_does_to_the_client_what_it_is_known_to_do(
    hub: Hub, kind: str, value: int, outcome: str, requests: int
) -> None:
    hub.add("org/model", MODEL)
    getattr(hub.faults, kind)(value, path="*" if kind == "api" else GIVEN)
    [answer] = ask(hub, DOWNLOAD)
    assert answer.startswith(outcome or str(hub.home)), answer
    assert sum(request.host == "cdn" for request in hub.requests) == requests
    if not outcome:
        arrived = Path(answer, "deep/model.safetensors").read_bytes()
        assert [at for at in range(len(WEIGHTS)) if arrived[at] != WEIGHTS[at]] == [value] * (kind == "corrupt")


def test_a_download_goes_on_where_its_connection_was_closed(hub: Hub) -> None:
    weights = bytes(12_000_000)
    hub.add("org/model", {"model.safetensors": weights})
    hub.faults.truncate(11_000_000)
    [answer] = ask(hub, DOWNLOAD)
    assert Path(answer, "model.safetensors").read_bytes() == weights
    ranges = [(request.status, request.range, request.sent) for request in hub.requests if request.host == "cdn"]
    assert ranges == [(200, "", 11_000_000), (206, "bytes=10485760-", 1_514_240)]


def test_a_fault_ends_an_answer_where_it_was_told(hub: Hub) -> None:
    hub.add("org/model", MODEL)
    hub.faults.truncate(2000)
    hub.faults.reset(3000)
    hub.faults.slow(1_000_000)
    hub.faults.stall(1000)
    answers = fetch(hub, FILE, {}, {}) + fetch(hub, FILE, {}, patience=1) + fetch(hub, FILE, {})
    assert [(len(answer.body), answer.error) for answer in answers] == [
        (2000, "23600 bytes are missing"),
        (3000, "ConnectionResetError"),
        (1000, "TimeoutError"),
        (len(WEIGHTS), ""),
    ]


def test_a_fault_waits_for_a_request_that_it_can_change(hub: Hub) -> None:
    hub.add("org/model", MODEL)
    hub.faults.corrupt(5)
    hub.faults.norange()
    hub.faults.status(404, path="config.json", count=None)
    answers = fetch(hub, FILE, {"Range": "bytes=10-"}, {"Range": "bytes=0-9"}, {})
    assert [(answer.status, len(answer.body)) for answer in answers] == [(200, 25600), (206, 10), (200, 25600)]
    assert [answer.body[5] for answer in answers] == [250, 5, 5]
    assert [answer.status for answer in fetch(hub, "/org/model/resolve/main/config.json", {}, {})] == [404, 404]
    hub.faults.clear()
    assert [answer.status for answer in fetch(hub, "/org/model/resolve/main/config.json", {})] == [200]


def test_folders_are_served_as_a_program(tmp_path: Path, hub: Hub) -> None:
    folder = tmp_path / "root/org/model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    command = [sys.executable, "-m", "hub_double", str(tmp_path / "root"), "--gated", "org/model", "--token", "hf_good"]
    tests = Path(hub_double.__file__).parents[1]
    with subprocess.Popen(command, cwd=tests, env=hub.environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        hub.endpoint = program.stdout.readline().split()[1]
        assert "Error" not in str(ask(hub, DOWNLOAD, HF_TOKEN="hf_good"))
        [log] = fetch(hub, "/_double/requests", {})
        program.send_signal(signal.SIGTERM)
    assert json.loads(log.body)[-1]["sent"] == len(WEIGHTS)
    assert program.returncode == 0


def test_nothing_is_left_of_a_double_that_stops_amid_an_answer() -> None:
    answers: list[Answer] = []
    with hub_double.serve() as hub:
        hub.add("org/model", MODEL)
        hub.faults.stall(1000)
        client = threading.Thread(target=lambda: answers.extend(fetch(hub, FILE, {})))
        client.start()
        while hub.bytes_sent() < 1000:
            time.sleep(0.01)
    client.join()
    assert [answer.error for answer in answers] == ["24600 bytes are missing"]
    assert not [thread for thread in threading.enumerate() if "hub-double" in thread.name]
