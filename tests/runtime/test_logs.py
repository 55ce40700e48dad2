"""The log of an engine: bounded, fit to be shown, and followed without a gap."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen_runtime.control_api.events import Events
from modelgen_runtime.drivers.containers.logs import KEPT, ContainerLog
from modelgen_runtime.drivers.processes.logs import FILE_BYTES, EngineLog
from modelgen_runtime.failures.log_lines import (
    BEGIN_LINES,
    END_LINES,
    LINE_BYTES,
    SHOWN_CHARACTERS,
    START_MARK,
    clean_line,
    lines_of_last_start,
)
from modelgen_runtime.state.lifecycle import LifecycleEvent
from runtime_drivers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "hf_" + "aB3dE" * 7


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"", ""),
        (b"plain\ttext", "plain\ttext"),
        (b"windows\r", "windows"),
        ("Gr\u00fc\u00dfe \u2713".encode(), "Gr\u00fc\u00dfe \u2713"),
        (b"\xff\xfe bad \xc3", "\ufffd\ufffd bad \ufffd"),
        (b"\x1b[31mERROR\x1b[0m red", "ERROR red"),
        (b"title\x1b]0;evil\x07 bell\x00", "title]0;evil bell"),
        ("\x9b31m c1".encode(), "31m c1"),
        (b"Loading:  10%\rLoading:  55%\rLoading: 100%\r", "Loading: 100%"),
        (f"HF_TOKEN={TOKEN}, {TOKEN}".encode(), "HF_TOKEN=•••, •••"),
        (b"hf_short is no token", "hf_short is no token"),
        (b'"POST /x?v=1&api_key=abc&n=2 HTTP/1.1" 200', '"POST /x?v=1&api_key=•••&n=2 HTTP/1.1" 200'),
        (b"GET /x?access_token=abc", "GET /x?access_token=•••"),
        (b"args: max_tokens=16, api_key=None", "args: max_tokens=16, api_key=None"),
        (b"GET https://user:hunter2@proxy:80/x", "GET https://user:•••@proxy:80/x"),
        (b"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic •••"),
        (b"x-api-key: plainkey, next", "x-api-key: •••, next"),
        (b"AWS_SECRET_ACCESS_KEY=abcd1234", "AWS_SECRET_ACCESS_KEY=•••"),
        (b"vllm serve m --api-key X --port 1", "vllm serve m --api-key ••• --port 1"),
        (
            b"Namespace(api_key=['abcdef'], token='abcdefgh')",
            "Namespace(api_key=['•••'], token='•••')",
        ),
        (b'{"password": "hunter2"}', '{"password": "•••"}'),
        (b"remote: ghp_abcdefghijklmnopqrst1", "remote: •••"),
        (b"eos_token=151645, pad_token='<pad>'", "eos_token=151645, pad_token='<pad>'"),
        (b"KeyError: 'model.layers.0.key'", "KeyError: 'model.layers.0.key'"),
        (b"password authentication failed", "password authentication failed"),
        (b"num_key_value_heads: 8 @ 0x7f", "num_key_value_heads: 8 @ 0x7f"),
        (f"\x1b[1m{TOKEN[:10]}\x1b[0m{TOKEN[10:]}".encode(), "•••"),
    ],
)
def test_a_line_is_made_fit_to_be_shown(line: bytes, shown: str) -> None:
    assert clean_line(line) == shown


def test_a_long_line_is_cut_and_a_secret_at_the_cut_is_masked() -> None:
    line = b"x" * (SHOWN_CHARACTERS - 10) + TOKEN.encode() + b"." * LINE_BYTES
    assert clean_line(line) == "x" * (SHOWN_CHARACTERS - 10) + "•••....... … (cut)"


@given(st.binary(max_size=300))
def test_no_line_is_shown_with_control_characters(line: bytes) -> None:
    shown = clean_line(line)
    assert not any((ord(letter) < 32 and letter != "\t") or 127 <= ord(letter) < 160 for letter in shown)


def test_the_lines_of_the_last_start_are_those_after_its_mark() -> None:
    assert lines_of_last_start(["a", f"{START_MARK}1", "b", f"{START_MARK}2", "c", "d"]) == ["c", "d"]
    assert lines_of_last_start(["a", "b"]) == ["a", "b"]


class Printer:
    """An engine, as far as its log sees it."""

    def __init__(self, log: EngineLog) -> None:
        self.descriptor = log.open_for("g")

    def say(self, text: str) -> None:
        os.write(self.descriptor, text.encode())


@pytest.fixture
def log(tmp_path: Path) -> EngineLog:
    return EngineLog(tmp_path / "logs" / "a.log", limit=1_000)


def test_a_log_that_was_never_written_has_no_lines(log: EngineLog) -> None:
    assert log.tail(10) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_the_tail_has_so_many_lines_and_a_begun_one(log: EngineLog, count: int) -> None:
    printer = Printer(log)
    printer.say("one\n\nthree\nbegun")
    os.close(printer.descriptor)
    every = [f"{START_MARK}g", "one", "", "three", "begun"]
    assert log.tail(count) == every[len(every) - min(count, 5) :]


def test_a_log_is_only_its_owners_to_read(log: EngineLog, tmp_path: Path) -> None:
    printer = Printer(log)
    printer.say("a prompt\n" * 200)
    log.trim()
    os.close(printer.descriptor)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "logs").iterdir()}
    assert modes == {"a.log": 0o600, "a.log.1": 0o600}
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


def test_a_trimmed_log_keeps_its_end_and_the_engine_prints_on(log: EngineLog, tmp_path: Path) -> None:
    printer = Printer(log)
    for number in range(300):
        printer.say(f"{number:08d}\n")
        log.trim()
    os.close(printer.descriptor)
    tail = log.tail(1_000)
    assert tail == [f"{number:08d}" for number in range(300)][-len(tail) :]
    assert len(tail) > 100
    assert all(path.stat().st_size <= 1_010 for path in (tmp_path / "logs").iterdir())


def test_what_is_left_of_a_log_begins_with_a_whole_line(log: EngineLog) -> None:
    """The end of a token would not be known for one."""
    printer = Printer(log)
    printer.say(f"{'x' * 10}{TOKEN}\n" + "y" * 980 + "\n")
    log.trim()
    os.close(printer.descriptor)
    assert log.tail(10) == ["y" * 980]


def test_a_huge_line_is_not_read_whole(tmp_path: Path) -> None:
    log = EngineLog(tmp_path / "logs" / "a.log")
    printer = Printer(log)
    printer.say("z" * (2 << 20))
    printer.say("\nafter\n")
    os.close(printer.descriptor)
    assert log.tail(10) == ["after"]


def test_a_follower_sees_every_line_once_across_trims_and_starts(log: EngineLog) -> None:
    async def run() -> None:
        printer = Printer(log)
        printer.say("before\n")
        lines = log.follow()
        seen = []
        for number in range(40):
            printer.say(f"{number:04d} {'x' * 50}\n")
            if number % 5 == 4:
                log.trim()
                seen += await take(lines, 5)
        os.close(printer.descriptor)
        printer = Printer(log)
        printer.say("new\n")
        seen += await take(lines, 2)
        os.close(printer.descriptor)
        assert [line[:4] for line in seen[:-2]] == [f"{number:04d}" for number in range(40)]
        assert seen[-2:] == [f"{START_MARK}g", "new"]

    asyncio.run(run())


def test_a_follower_gets_whole_lines_and_masked_ones(log: EngineLog) -> None:
    async def run() -> None:
        printer = Printer(log)
        lines = log.follow()
        printer.say(f"first\ntoken {TOKEN[:12]}")
        assert await take(lines, 1) == ["first"]
        waiting = asyncio.create_task(take(lines, 1))
        await asyncio.sleep(0)  # let it read what there is
        printer.say(f"{TOKEN[12:]} end\n")
        assert await waiting == ["token ••• end"]
        os.close(printer.descriptor)

    asyncio.run(run())


def test_a_follower_of_an_endless_line_holds_only_its_beginning(tmp_path: Path) -> None:
    async def run() -> None:
        log = EngineLog(tmp_path / "logs" / "a.log")
        printer = Printer(log)
        lines = log.follow()
        printer.say("z" * (1 << 20) + "\n" + "short\n")
        long, short = await take(lines, 2)
        assert (len(long), short) == (SHOWN_CHARACTERS + len(" … (cut)"), "short")
        os.close(printer.descriptor)

    asyncio.run(run())


def test_a_follower_goes_on_when_somebody_empties_the_file(log: EngineLog, tmp_path: Path) -> None:
    async def run() -> None:
        printer = Printer(log)
        printer.say("much to read\n" * 20)
        lines = log.follow()
        os.truncate(tmp_path / "logs" / "a.log", 0)
        printer.say("next\n")
        assert await take(lines, 1) == ["next"]
        os.close(printer.descriptor)

    asyncio.run(run())


async def take(lines: AsyncIterator[str], count: int) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(lines) for _ in range(count)]


def test_the_last_start_is_all_that_was_printed_since_its_mark(log: EngineLog) -> None:
    for generation, said in (("g1", b"old\n"), ("g2", b"one\n\ntwo\nthree")):
        descriptor = log.open_for(generation)
        os.write(descriptor, said)
        os.close(descriptor)
    assert log.last_start() == ["one", "two", "three"]


@pytest.mark.parametrize("size", [1_500_000, 9_000_000])
def test_of_a_start_that_printed_much_the_beginning_and_the_end_are_kept(tmp_path: Path, size: int) -> None:
    log = EngineLog(tmp_path / "a.log")
    descriptor = log.open_for("g1")
    os.write(descriptor, b"Traceback: the cause\n")
    for _ in range(size // 100_000):
        os.write(descriptor, (b"x" * 99 + b"\n") * 1_000)
        log.trim()
    os.write(descriptor, b"the end\n")
    os.close(descriptor)
    lines = log.last_start()
    assert lines[-1] == "the end"
    assert len(lines) <= BEGIN_LINES + END_LINES
    assert (lines[0] == "Traceback: the cause") == (size < FILE_BYTES)


def test_an_orchestrator_that_took_an_engine_over_knows_the_end_of_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    descriptor = EngineLog(path).open_for("g1")
    os.write(descriptor, (b"x" * 99 + b"\n") * 20_000 + b"the end\n")
    os.close(descriptor)
    assert EngineLog(path).last_start()[-1] == "the end"


def test_the_log_of_a_container_keeps_the_beginning_of_a_start_however_much_follows() -> None:
    log = ContainerLog()
    log.take("2026-01-01T00:00:00.000000000Z", b"old\n")
    log.begin("g2", "2026-01-01T00:00:01Z")
    log.take("2026-01-01T00:00:01.500000000Z", b"the cause\n")
    for number in range(10_000):
        log.take("2026-01-01T00:00:02.000000000Z", b"%d\n" % number)
    lines = log.last_start()
    assert (lines[0], lines[-1]) == ("the cause", "9999")
    assert len(lines) <= BEGIN_LINES + KEPT
    log.begin("g3", "2026-01-01T00:00:03Z")
    assert log.last_start() == []
    log.take("2026-01-01T00:00:03.500000000Z", b"new\n")
    assert log.last_start() == ["new"]


def test_a_follower_that_is_far_behind_passes_over_lines_and_says_how_many(tmp_path: Path) -> None:
    async def run() -> None:
        log = EngineLog(tmp_path / "logs" / "a.log")
        printer = Printer(log)
        lines = log.follow()
        printer.say("".join(f"{number:07d} {'x' * 92}\n" for number in range(30_000)))
        [told, first] = await take(lines, 2)
        missed = int(told.removeprefix("[modelgen] ").removesuffix(" lines left out").replace(",", ""))
        assert int(first[:7]) == missed > 20_000
        printer.say("end\n")
        rest = await take(lines, 30_000 - missed)
        assert [line[:7] for line in rest[:-1]] == [f"{number:07d}" for number in range(missed + 1, 30_000)]
        assert rest[-1] == "end"
        os.close(printer.descriptor)

    asyncio.run(run())


def test_a_follower_is_told_of_lines_that_were_trimmed_before_it_read_them(log: EngineLog) -> None:
    async def run() -> None:
        printer = Printer(log)
        lines = log.follow()
        for number in range(100):
            printer.say(f"{number:04d} {'x' * 50}\n")
            log.trim()
        told, first = await take(lines, 2)
        assert told == "[modelgen] some lines were left out"
        assert 0 < int(first[:4]) < 100
        os.close(printer.descriptor)

    asyncio.run(run())


def test_a_flood_of_short_lines_leaves_others_their_turn(tmp_path: Path) -> None:
    async def run() -> None:
        log = EngineLog(tmp_path / "logs" / "a.log")
        printer = Printer(log)
        lines = log.follow()
        printer.say("y\n" * 100_000)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        seen = await take(lines, 102)
        counting.cancel()
        assert turns >= 2
        assert any(line.endswith("lines left out") for line in seen)
        os.close(printer.descriptor)

    asyncio.run(run())


def test_trimming_beside_a_thread_loses_nothing_that_a_follower_wants(log: EngineLog) -> None:
    async def run() -> None:
        printer = Printer(log)
        lines = log.follow()
        seen = []
        for number in range(60):
            printer.say(f"{number:04d} {'x' * 50}\n")
            if number % 10 == 9:
                trimming = asyncio.create_task(log.trim_aside())
                seen += await take(lines, 10)
                await trimming
        assert [line[:4] for line in seen] == [f"{number:04d}" for number in range(60)]
        os.close(printer.descriptor)

    asyncio.run(run())


def test_a_follower_of_a_container_is_told_how_many_lines_it_missed() -> None:
    async def run() -> None:
        log = ContainerLog()
        lines = log.follow()
        for number in range(KEPT + 500):
            log.take("2026-01-01T00:00:00.0Z", b"%d\n" % number)
        told, first = await take(lines, 2)
        assert told == f"[modelgen] {int(first):,} lines left out"
        assert int(first) >= 500
        rest = await take(lines, KEPT + 500 - int(first) - 1)
        assert rest[-1] == str(KEPT + 499)

    asyncio.run(run())


def test_a_container_shows_each_line_without_the_secrets_of_its_start() -> None:
    log = ContainerLog()
    for secret in ("first-secret", "other-secret"):
        log.hide([secret])
        log.take("2026-01-01T00:00:00.0Z", f"it is {secret} {'x' * 20_000}\n".encode())
        log.take("2026-01-01T00:00:00.0Z", f"and {secret}\n".encode())
    shown = log.tail(10)
    assert not any("secret" in line for line in shown)
    assert shown[1] == "and •••"


def test_who_listens_to_events_too_slowly_is_told_how_many_it_missed() -> None:
    async def run() -> None:
        events = Events()
        stream = events.stream()
        assert await anext(stream) == b": listening\n\n"
        for _ in range(1_005):
            events.report(LifecycleEvent("ready", "a"))
        seen = [await anext(stream) for _ in range(1_001)]
        assert b'"kind": "missed", "detail": "5 events were left out"' in seen[-1]
        events.report(LifecycleEvent("ready", "b"))
        assert b'"id": 1006' in await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())
