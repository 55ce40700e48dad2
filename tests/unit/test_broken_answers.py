"""An orchestrator that ends in the middle of an answer is one sentence, never a traceback."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from modelgen.cli.control.status import print_status
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STATUS = b'{"project": "demo", "driver": "process", "models": [{"id": "a", "names": ["a"]}]}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(STATUS), STATUS)
BREAKS = {
    "nothing": (b"", "closed the connection without an answer"),
    "half a body": (HEAD + b"Content-Length: 1000\r\n\r\n{", "broke off its answer"),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{", "broke off its answer"),
    "half an error": (
        b"HTTP/1.1 503 x\r\nContent-Length: 1000\r\n\r\n{",
        "is not an orchestrator of modelgen: it answered 503",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "is not an orchestrator of modelgen"),
    "no JSON": (HEAD + b"Content-Length: 2\r\n\r\nhi", "is not an orchestrator of modelgen"),
}


@contextmanager
def answering(*answers: bytes, resets: bool = False) -> Iterator[str]:
    """Yield the address of a server that gives each connection an answer, and hangs up."""

    def serve() -> None:
        for answer in answers:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if resets and answer is answers[-1]:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)  # a command that asks less often than expected fails its test, and does not stop the run
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_answer_is_one_sentence(tmp_path: Path, case: str) -> None:
    answer, says = BREAKS[case]
    with answering(answer) as url:
        done = modelgen("status", "--url", url, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert says in done.stderr


@pytest.mark.parametrize("resets", [False, True], ids=["ends", "resets"])
def test_the_end_of_an_orchestrator_while_it_is_followed(tmp_path: Path, *, resets: bool) -> None:
    stream = HEAD + b'Transfer-Encoding: chunked\r\n\r\nf\r\ndata: "loads"\n\n\r\n'
    with answering(WHOLE, stream, resets=resets) as url:
        done = modelgen("logs", "a", "--follow", "--url", url, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith(f"modelgen: the orchestrator at {url} ")
    assert done.stderr.count("\n") == 1


def test_a_switch_that_breaks_off(tmp_path: Path) -> None:
    with answering(WHOLE, b"") as url:
        done = modelgen("switch", "a", "--url", url, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_the_status_of_an_older_orchestrator_is_refused_with_the_next_step() -> None:
    with pytest.raises(ModelgenError, match="has an older version; run `modelgen up`"):
        print_status({"gpus": [{"name": "gpu0", "memory": 1, "limit": 1, "claimed": 0, "models": []}], "models": []})
