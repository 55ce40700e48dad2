"""Two hundred clients over five models of which one fits, some of whom go away, over engines that die."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 10.0
CLIENTS = 200
NAMES = ("m0", "m1", "m2", "m3", "m4")


class Watcher(threading.Thread):
    """Replays the event log: the reserved memory of the GPU at each instant."""

    def __init__(self, served: Served) -> None:
        super().__init__(daemon=True)
        self.stream = urllib.request.urlopen(f"{served.url}/events", timeout=120)
        self.resident: set[str] = set()
        self.moving: set[str] = set()
        self.most = self.most_moving = 0
        self.kinds: Counter[str] = Counter()

    def run(self) -> None:
        for line in self.stream:
            if line.startswith(b"data: "):
                self.note(json.loads(line[6:]))

    def note(self, event: dict[str, Any]) -> None:
        kind, model = event["kind"], event.get("model", "")
        self.kinds[kind] += 1
        if kind in ("starting", "ready", "draining", "stopping"):
            self.resident.add(model)
        elif kind in ("stopped", "failed"):
            self.resident.discard(model)
        (self.moving.add if kind in ("starting", "stopping") else self.moving.discard)(model)
        self.most, self.most_moving = max(self.most, len(self.resident)), max(self.most_moving, len(self.moving))


def ask(served: Served, chance: random.Random) -> str:
    """Send one request and return how it ended: with a status, or that its client went."""
    body = json.dumps({"model": chance.choice(NAMES), "messages": [{"role": "user", "content": "x" * 100}]})
    if chance.random() < 0.1:
        with socket.create_connection(("127.0.0.1", served.port), 60) as client:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall((head + body).encode())
            client.settimeout(chance.random() * 0.2)
            try:
                client.recv(1)
            except TimeoutError:
                return "gone"
            return "gone"
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (http.client.HTTPException, ConnectionError):
        return "broken off"  # its engine was killed in the middle of the answer
    finally:
        connection.close()
    return str(answer.status)


@pytest.mark.slow
def test_every_request_is_answered(tmp_path: Path) -> None:
    models = [engine(name, "--healthy-after", "0.05", gib=12) for name in NAMES]
    with serving(tmp_path, manifest(*models, queue_limit=1000, min_loaded_time=0.2)) as served:
        watcher = Watcher(served)
        watcher.start()
        ended: Counter[str] = Counter()
        lock, until = threading.Lock(), time.monotonic() + SECONDS
        before = descriptors(served)

        def client(number: int) -> None:
            chance = random.Random(number)
            while time.monotonic() < until:
                outcome = ask(served, chance)
                with lock:
                    ended[outcome] += 1
                if outcome == "503":
                    time.sleep(chance.random())  # as Retry-After asks for, if shorter

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        kill_some(served, until)
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        # Every one was answered; where its engine was killed under it, it was told so.
        assert set(ended) <= {"200", "502", "503", "broken off", "gone"}, ended
        assert ended["200"] > 0.7 * (ended.total() - ended["gone"]), ended
        wait_for(lambda: served.ask("/status")[1]["waiting"] == 0)
        wait_for(lambda: all(one["running"] == 0 for one in served.ask("/models")[1]["models"]))
        assert (watcher.most, watcher.most_moving) == (1, 1), watcher.kinds
        assert watcher.kinds["failed"] > 0
        wait_for(lambda: descriptors(served) <= before + 20)
        assert resident_mib(served) < 100
    watcher.stream.close()


def kill_some(served: Served, until: float) -> None:
    """Kill an engine now and then, whichever it is."""
    chance = random.Random(1)
    while time.monotonic() < until:
        time.sleep(0.5 + chance.random())
        for pid in attempt(served.engines) or ():
            if chance.random() < 0.5:
                attempt(lambda pid=pid: os.kill(pid, signal.SIGKILL))  # type: ignore[misc]


def attempt(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
    """Return what a call returns, or None where what it looks at has just gone."""
    try:
        return call()
    except (OSError, ValueError):
        return None


def descriptors(served: Served) -> int:
    return len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))


def resident_mib(served: Served) -> int:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    [kib] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
    return kib // 1024
