"""The gateway against the same stub asked directly, and nginx as a plain reverse proxy: ratios, which never fail.

The stub is nginx too, which answers from its configuration: it is no bottleneck of anybody. Runs are interleaved. Needs
`nginx` and `wrk`, and a Python that was built with optimizations, as Debian's and the orchestrator image's are: pyenv's
default build costs 4 µs more a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from modelgen_runtime.manifest import Model, Process, Readiness
from runtime_serving import ROUTES, Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("wrk")), reason="needs nginx and wrk"),
]

PATH = "/v1/chat/completions"
SECONDS, ROUNDS = 3, 3
BODY = '{"model": "a", "messages": [{"role": "user", "content": "A joke about a bear, please."}], "max_tokens": 64}'
ANSWER = '{"id":"c","object":"chat.completion","model":"a","choices":[{"index":0,"message":{"content":"hello hello"}}]}'
CONF = """
worker_processes 1; daemon off; pid nginx-@NAME@.pid; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 10000000; client_max_body_size 0;
  client_body_temp_path b-@NAME@; proxy_temp_path p-@NAME@; fastcgi_temp_path f-@NAME@;
  uwsgi_temp_path u-@NAME@; scgi_temp_path s-@NAME@;
  upstream engine { server 127.0.0.1:@UP@; keepalive 128; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:@PORT@ backlog=1024;
    location = /health { return 200 ok; }
    location / { @WHAT@ }
  }
}
"""
STUB = f"default_type application/json; return 200 '{ANSWER}';"
PROXY = 'proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'


def configure(folder: Path, name: str, what: str, up: str = "1", port: str = "@PORT@") -> Path:
    text = CONF.replace("@NAME@", name).replace("@WHAT@", what).replace("@UP@", up).replace("@PORT@", port)
    (folder / f"{name}.conf").write_text(text)
    return folder / f"{name}.conf"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def nginx(folder: Path, name: str, what: str, up: int) -> Iterator[int]:
    """Yield the port of an nginx that does `what`."""
    port = free_port()
    path = configure(folder, name, what, str(up), str(port))
    with subprocess.Popen(["nginx", "-p", str(folder), "-c", str(path)]) as process:
        wait_for(lambda: is_listening(port))
        yield port
        process.terminate()


def wrk(folder: Path, port: int, connections: int) -> tuple[float, float]:
    """Return requests per second, and the median in milliseconds."""
    script = folder / "post.lua"
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{BODY}'\nwrk.headers['Content-Type'] = 'application/json'\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{SECONDS}s",
            "--latency",
            "-s",
            str(script),
            f"http://127.0.0.1:{port}{PATH}",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in done, done
    rate, median = re.search(r"Requests/sec:\s+([\d.]+)", done), re.search(r"50%\s+([\d.]+)(us|ms|s)", done)
    assert rate is not None
    assert median is not None
    return float(rate[1]), float(median[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[median[2]]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def test_small_requests(tmp_path: Path) -> None:
    configure(tmp_path, "stub", STUB)
    start = f"sed s/@PORT@/{{port}}/ stub.conf > s.conf; exec nginx -p {tmp_path} -c {tmp_path}/s.conf"
    process = Process(("sh", "-c", start), directory=str(tmp_path))
    model = Model("a", ("a",), "command", Readiness("/health", 10.0), ROUTES, process=process)
    with serving(tmp_path, manifest(model)) as served:
        assert served.chat("a")[0] == 200
        direct = served.engine_port("a")
        with nginx(tmp_path, "proxy", PROXY, direct) as proxied:
            for connections in (1, 16, 64):
                rows = []
                for _ in range(ROUNDS):
                    before = cpu_seconds(served.process.pid)
                    ours = wrk(tmp_path, served.port, connections)
                    cpu = (cpu_seconds(served.process.pid) - before) / (ours[0] * SECONDS) * 1e6
                    rows.append((ours, wrk(tmp_path, direct, connections), wrk(tmp_path, proxied, connections), cpu))
                report(connections, rows)
        send_large(served, 64 * 1024)
        send_large(served, 64 * 2**20)
        print(f"resident after it, and bodies of up to 64 MB: {resident_mib(served.process.pid):.0f} MiB (asked: 60)")


def report(connections: int, rows: list[Any]) -> None:
    rates = [statistics.median(row[side][0] for row in rows) for side in range(3)]
    added = statistics.median(row[0][1] - row[1][1] for row in rows)
    cpu = statistics.median(row[3] for row in rows)
    print(
        f"\n{connections} connections: {rates[0]:.0f}/s = {rates[0] / rates[1]:.2f} × direct (asked: 0.2), "
        f"{rates[0] / rates[2]:.2f} × nginx (asked: 0.35); p50 + {added:.3f} ms (asked at 1: 0.2); "
        f"{cpu:.0f} µs of CPU a request (asked: 80)"
    )


def send_large(served: Served, size: int) -> None:
    content = "x" * size
    assert served.ask(PATH, {"model": "a", "messages": [{"role": "user", "content": content}]})[0] == 200


def test_paced_streams(tmp_path: Path) -> None:
    """Fifty streams, a chunk each 50 ms."""
    streams, chunks, pace = 50, 40, 0.05
    stub = Path(__file__).parent / "paced_stub.py"
    process = Process((sys.executable, str(stub), "{port}", str(chunks), str(pace)))
    model = Model("a", ("a",), "command", Readiness("/health", 10.0), ROUTES, process=process)
    with serving(tmp_path, manifest(model)) as served:
        assert served.ask("/switch", {"model_id": "a"})[0] == 200
        direct = served.engine_port("a")
        with nginx(tmp_path, "proxy", PROXY, direct) as proxied:
            for name, port in (("direct", direct), ("nginx", proxied), ("ours", served.port)):
                before = cpu_seconds(served.process.pid)
                first, late = asyncio.run(run_streams(port, streams, chunks, pace))
                cpu = (cpu_seconds(served.process.pid) - before) / (streams * chunks) * 1e6
                told = f"; {cpu:.0f} µs of CPU a chunk (asked: 50)" if name == "ours" else ""
                print(
                    f"\n{name}: first chunk after {first * 1000:.1f} ms, the last {late * 1000:.0f} ms late{told}",
                    end="",
                )
        print("\n(asked: first chunk at most 2.5 × nginx's)")


async def run_streams(port: int, streams: int, chunks: int, pace: float) -> tuple[float, float]:
    """Return the median seconds to the first chunk, and how late the last came at worst."""

    async def one() -> tuple[float, float]:
        body = b'{"model": "a", "stream": true}'
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"data: ")
        first = time.perf_counter() - began
        await reader.read()
        while not reader.at_eof():
            await reader.read(65536)
        writer.close()
        return first, time.perf_counter() - began - chunks * pace

    results = await asyncio.gather(*(one() for _ in range(streams)))
    return statistics.median(first for first, _ in results), max(late for _, late in results)


@pytest.mark.parametrize("milliseconds", [0, 100, 300, 500, 2000])
def test_switches(tmp_path: Path, milliseconds: int) -> None:
    """What a switch costs beyond the engine's own start: response minus X minus a start by hand."""
    seconds = str(milliseconds / 1000)
    models = [engine(name, "--healthy-after", seconds) for name in ("a", "b")]
    with serving(tmp_path, manifest(*models)) as served:
        served.ask("/switch", {"model_id": "a"})
        took, by_hand = [], []
        for number in range(10):
            began = time.perf_counter()
            assert served.ask("/switch", {"model_id": "ba"[number % 2]})[0] == 200
            took.append(time.perf_counter() - began)
            by_hand.append(start_by_hand())
    added = (statistics.median(took) - statistics.median(by_hand)) * 1000 - milliseconds
    print(f"\nhealthy after {milliseconds} ms: a switch adds {added:.1f} ms (asked: 25)")


def start_by_hand() -> float:
    """Return the seconds from the start of the fake engine to its first answer."""
    port = free_port()
    model = engine("x")
    assert model.process is not None
    command = [item.replace("{port}", str(port)) for item in model.process.arguments]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        took = time.perf_counter() - began
        process.kill()
    return took
