"""The orchestrator as clients and operators see it: a process over engines that are processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from modelgen_runtime.drivers.processes.table import list_group
from modelgen_runtime.manifest import Container, Expected, Profile, Readiness, write_manifest
from runtime_serving import Served, engine, manifest, serving, spawn, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

A, B, SMALL = engine("a"), engine("b"), engine("small", gib=5)
BROKEN = engine("broken", "--say", "torch.OutOfMemoryError: CUDA out of memory.", "--exit-at-start", "1")


def test_a_request_starts_its_model_and_the_next_one_evicts_it(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A, B)) as orchestrator:
        status, answer = orchestrator.chat("a", "hello")
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "hello")
        assert (orchestrator.state("a"), orchestrator.state("b")) == ("ready", "stopped")
        assert orchestrator.chat("b")[0] == 200
        assert (orchestrator.state("a"), orchestrator.state("b")) == ("stopped", "ready")
        assert len(orchestrator.engines()) == 1


def test_forty_requests_at_once_are_two_switches(tmp_path: Path) -> None:
    slow = (engine(name, "--healthy-after", "1") for name in "ab")  # so that all have come before the first is ready
    with serving(tmp_path, manifest(*slow)) as orchestrator, ThreadPoolExecutor(40) as pool:
        answers = [*pool.map(lambda number: orchestrator.chat("ab"[number % 2])[0], range(40))]
        assert answers == [200] * 40
        text = orchestrator.ask("/metrics")[1]
    starts = [line for line in text.splitlines() if line.startswith("modelgen_starts_total")]
    assert sorted(line.rpartition(" ")[2] for line in starts) == ["1.0", "1.0"]


def test_a_switch_is_asked_for(tmp_path: Path) -> None:
    profiles = (Profile("both", ("a", "small")),)
    with serving(tmp_path, manifest(A, B, SMALL, profiles=profiles)) as orchestrator:
        dry = orchestrator.ask("/switch", {"profile": "both", "dry_run": True})[1]
        assert (dry["start"], dry["evict"]) == (["a", "small"], [])
        assert orchestrator.state("a") == "stopped"
        status, done = orchestrator.ask("/switch", {"profile": "both"})
        assert (status, done["status"], done["evicted"]) == (200, "ready", [])
        assert orchestrator.ask("/switch", {"model_id": "a"})[1]["seconds"] < 1
        dry = orchestrator.ask("/switch", {"model_id": "b", "dry_run": True})[1]
        assert dry["evict"] == [{"model": "a", "running": 0, "reason": "gpu0 is short of 9.0 GiB"}]
        status, begun = orchestrator.ask("/switch", {"model_id": "b", "wait": False})
        assert (status, begun["status"]) == (202, "starting")
        wait_for(lambda: orchestrator.state("b") == "ready")
        assert orchestrator.state("small") == "ready"


def test_a_bad_question_is_answered(tmp_path: Path) -> None:
    huge = engine("huge", gib=30)
    with serving(tmp_path, manifest(A, huge)) as orchestrator:
        for body, status, told in (
            ({}, 400, "one of `model_id` and `profile`"),
            ([], 400, "must be an object"),
            ({"model_id": "a", "force": True}, 400, "unknown key `force`"),
            ({"model_id": 5}, 400, "`model_id` must be a string"),
            ({"model_id": "aa"}, 404, "did you mean `a`?"),
            ({"profile": "x"}, 404, "there is no such profile; known: none"),
            ({"model_id": "huge"}, 409, "gpu0 is short of 10.0 GiB"),
        ):
            answered, problem = orchestrator.ask("/switch", body)
            assert (answered, told in problem["detail"]) == (status, True), problem
        assert orchestrator.chat("huge")[0] == 409
        assert orchestrator.chat("nothing")[1]["error"]["code"] == "model_not_found"
        assert orchestrator.ask("/v1/messages", {"model": "x"})[1]["error"]["type"] == "not_found_error"
        assert orchestrator.ask("/sleep", {"model": "a"})[0] == 404
        assert orchestrator.ask("/v1/sleep", {"model": "a"})[0] == 404
        assert orchestrator.ask("/switch")[0] == 405
        assert orchestrator.ask("/v1/chat/completions")[0] == 405


def test_a_failed_switch_says_why_and_goes_back(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A, BROKEN)) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        status, problem = orchestrator.ask("/switch", {"model_id": "broken"})
        assert status == 503
        assert "`broken` ended before it was ready (exit code 1); GPU memory is full: " in problem["detail"]
        assert problem["log"] == ["torch.OutOfMemoryError: CUDA out of memory."]
        wait_for(lambda: orchestrator.state("a") == "ready")
        status, error = orchestrator.chat("broken")
        assert (status, error["error"]["code"]) == (503, "model_failed")
        assert orchestrator.ask("/readyz")[0] == 200
        failure = next(one for one in orchestrator.ask("/status")[1]["models"] if one["id"] == "broken")["failure"]
        assert (failure["exit_code"], failure["in_a_row"] >= 1) == (1, True)


def test_an_engine_that_dies_in_the_middle(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", "--exit-after", "2"))) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        status, error = orchestrator.chat("a")
        assert status in (502, 503)
        assert "`a`" in error["error"]["message"]
        wait_for(lambda: orchestrator.chat("a")[0] == 200)  # after its pause it is started again


def test_one_that_hangs_or_serves_another_is_not_ready(tmp_path: Path) -> None:
    slow = replace(engine("slow", "--healthy-after", "60"), readiness=Readiness("/health", 0.3, "/v1/models"))
    with serving(tmp_path, manifest(slow, engine("wrong", "--lists", "other"))) as orchestrator:
        assert "was not ready within 0.3 s" in orchestrator.ask("/switch", {"model_id": "slow"})[1]["detail"]
        told = orchestrator.ask("/switch", {"model_id": "wrong"})[1]["detail"]
        assert "serves under another name: /v1/models lists `other`, not `wrong`; its command has" in told
        wait_for(lambda: orchestrator.engines() == [])


def test_hold_drains_and_keeps_requests_waiting(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", "--pace", "0.1"))) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        assert orchestrator.ask("/models/a/hold", {})[1]["state"] == "stopped"
        answers: list[int] = []
        waiting = threading.Thread(target=lambda: answers.append(orchestrator.chat("a")[0]))
        waiting.start()
        wait_for(lambda: orchestrator.ask("/status")[1]["waiting"] == 1)
        assert orchestrator.ask("/switch", {"model_id": "a"})[0] == 409
        assert answers == []
        orchestrator.ask("/models/a/release", {})
        waiting.join(20)
        assert answers == [200]


def test_a_client_that_left_is_dropped_from_the_line(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A)) as orchestrator:
        orchestrator.ask("/models/a/hold", {})
        with socket.create_connection(("127.0.0.1", orchestrator.port)) as client:
            body = b'{"model": "a"}'
            head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            wait_for(lambda: orchestrator.ask("/status")[1]["waiting"] == 1)
        wait_for(lambda: orchestrator.ask("/status")[1]["waiting"] == 0)


def test_the_line_has_an_end(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A, queue_limit=2)) as orchestrator, ThreadPoolExecutor(3) as pool:
        orchestrator.ask("/models/a/hold", {})
        waiting = [pool.submit(orchestrator.chat, "a") for _ in range(2)]
        wait_for(lambda: orchestrator.ask("/status")[1]["waiting"] == 2)
        assert orchestrator.chat("a")[1]["error"]["code"] == "queue_full"
        orchestrator.ask("/models/a/release", {})
        assert [future.result(20)[0] for future in waiting] == [200, 200]


def test_what_is_idle_is_stopped(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(replace(A, idle_timeout=0.3))) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        wait_for(lambda: orchestrator.state("a") == "stopped")


def test_the_default_profile_is_there_from_the_start(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A, SMALL, profiles=(Profile("p", ("a", "small"), default=True),))) as orchestrator:
        wait_for(lambda: [orchestrator.state(id_) for id_ in ("a", "small")] == ["ready", "ready"])


def test_a_manifest_is_read_again(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A, SMALL)) as orchestrator:
        assert [orchestrator.chat(id_)[0] for id_ in ("a", "small")] == [200, 200]
        before = orchestrator.engines()
        changed = engine("small", "--pace", "0.01", gib=5)
        (tmp_path / "manifest.json").write_bytes(write_manifest(manifest(A, changed, B)))
        reloaded = orchestrator.ask("/reload", {})[1]
        assert (reloaded["models"], reloaded["needs_restart"]) == (["a", "small", "b"], [])
        wait_for(lambda: orchestrator.state("small") == "ready" and orchestrator.engines() != before)
        assert len({*before} & {*orchestrator.engines()}) == 1
        (tmp_path / "manifest.json").write_bytes(write_manifest(manifest(A, changed, B, queue_limit=7)))
        orchestrator.ask("/reload", {})
        assert orchestrator.ask("/status")[1]["queue_limit"] == 7
        other = replace(manifest(replace(A, container=Container("a", "a", 1))), driver="docker")
        (tmp_path / "manifest.json").write_bytes(write_manifest(other))
        assert "`driver` is docker now" in orchestrator.ask("/reload", {})[1]["detail"]
        (tmp_path / "manifest.json").write_text("{}")
        status, problem = orchestrator.ask("/reload", {})
        assert (status, "`project` is missing" in problem["detail"]) == (400, True)
        assert orchestrator.chat("a")[0] == 200


def test_logs_and_events_are_told(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(A)) as orchestrator:
        with urllib.request.urlopen(f"{orchestrator.url}/events", timeout=20) as events:
            assert events.readline() == b": listening\n"
            orchestrator.chat("a")
            told = []
            while "ready" not in told:
                line = events.readline()
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:])["kind"])
        assert told == ["starting", "ready"]
        lines = orchestrator.ask("/logs/a?lines=1000")[1]["lines"]
        assert lines[0].startswith("[modelgen] start ")
        assert lines[1].startswith("listening on ")
        assert orchestrator.ask("/logs/a?lines=x")[0] == 400
        with urllib.request.urlopen(f"{orchestrator.url}/logs/a?lines=1&follow=true", timeout=20) as log:
            log.readline()
            log.readline()
            orchestrator.chat("a")
            assert b"POST /v1/chat/completions" in log.readline()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", "--child"))) as orchestrator:
        orchestrator.chat("a")
        [pid] = orchestrator.engines()
        assert pid in list_group(pid)
    assert list_group(pid) == []


def test_after_a_kill_the_next_one_takes_over(tmp_path: Path) -> None:
    content = manifest(A, SMALL)
    first, port = spawn(tmp_path, content)
    with first:
        assert first.stdout is not None
        first.stdout.readline()
        orchestrator = Served(tmp_path, first, port)
        assert orchestrator.chat("a")[0] == 200
        [pid] = orchestrator.engines()
        first.kill()
    assert pid in list_group(pid)
    with serving(tmp_path, content) as orchestrator:
        wait_for(lambda: orchestrator.state("a") == "ready")
        assert orchestrator.engines() == [pid]
        assert orchestrator.chat("a")[0] == 200
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: orchestrator.chat("a")[0] == 200)
        assert orchestrator.engines() != [pid]


def test_what_ran_is_resumed(tmp_path: Path) -> None:
    content = manifest(A, B, profiles=(Profile("p", ("a",), default=True),))
    with serving(tmp_path, content) as orchestrator:
        orchestrator.ask("/switch", {"model_id": "b"})
    with serving(tmp_path, content) as orchestrator:
        wait_for(lambda: orchestrator.state("b") == "ready")
        assert orchestrator.state("a") == "stopped"


def test_what_an_engine_prints_of_its_cache_is_shown_beside_the_estimate(tmp_path: Path) -> None:
    lines = ("Available KV cache memory: 2.00 GiB", "GPU KV cache size: 14,560 tokens")
    model = engine("one", *(f"--say={line}" for line in lines), expected=Expected("fits", 20_000, 21_000, 22_000, 2.5))
    for number in range(2):
        with serving(tmp_path, manifest(model)) as served:
            if not number:
                assert served.chat("one")[0] == 200
            [shown] = served.ask("/models")[1]["models"]
            assert shown["kv_cache"]["engine"]["tokens"] == 14_560
            assert shown["kv_cache"]["expected"]["least"] == 20_000
            assert shown["kv_cache"]["unexpected"] is True
            metrics = served.ask("/metrics")[1]
            assert 'modelgen_kv_cache_tokens{model="one",source="engine"} 14560.0' in metrics
            assert 'modelgen_kv_cache_tokens{model="one",source="expected"} 21000.0' in metrics
            assert 'modelgen_kv_cache_requests{model="one",source="expected"} 2.5' in metrics


def test_it_does_not_begin_what_cannot_be(tmp_path: Path) -> None:
    for content, code, told in (
        (manifest(A, listen="0.0.0.0:8080"), 1, "there are no keys; write `keys_file`"),
        (manifest(A, keys_file="keys"), 1, "keys cannot be read"),
        (replace(manifest(A), driver="moon"), 1, "has no driver moon"),
    ):
        process, _ = spawn(tmp_path, content)
        with process:
            assert process.wait(20) == code
        assert told in (tmp_path / "orchestrator.log").read_text()
    with serving(tmp_path, manifest(A)) as orchestrator:
        (tmp_path / "second").mkdir()
        process, _ = spawn(tmp_path / "second", manifest(A), port=orchestrator.port)
        with process:
            assert process.wait(20) == 3
        assert "is taken; end what listens there" in (tmp_path / "second" / "orchestrator.log").read_text()
        # On another port too: both would start and stop the same engines.
        process, _ = spawn(tmp_path, manifest(A))
        with process:
            assert process.wait(20) == 3
        assert "another orchestrator uses" in (tmp_path / "orchestrator.log").read_text()


def test_a_state_folder_that_cannot_be_locked_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """NFS locks no folders: what it refuses is only noted in the log."""
    folders = [str(REPOSITORY / "tests/hub/file_systems"), str(REPOSITORY / "compiler")]
    also = {"PYTHONPATH": os.pathsep.join(folders), "MODELGEN_TEST_REFUSED": "flock=EBADF"}
    process, _ = spawn(tmp_path, manifest(A), also=also)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("modelgen: serving on"), (tmp_path / "orchestrator.log").read_text()
        second, _ = spawn(tmp_path, manifest(A), also=also)  # the file in it is locked all the same
        with second:
            assert second.wait(20) == 3
        process.terminate()
    log = (tmp_path / "orchestrator.log").read_text()
    assert "cannot be locked (Bad file descriptor)" in log
    assert "another orchestrator uses" in log
