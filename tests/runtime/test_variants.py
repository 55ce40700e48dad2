"""Variants: names that edit the bodies of their requests on the way to the engine."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from test_gateway import parts_of, request, send

from compiling import modelgen
from modelgen_runtime.manifest import Variant, write_manifest
from runtime_serving import Served, engine, manifest, post, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen_runtime.manifest import Model

pytestmark = pytest.mark.slow  # starts processes

FAST = Variant("a:fast", {"max_tokens": "64"}, {"chat_template_kwargs": '{"enable_thinking":false}'}, ("seed",))
LARGE = 400 * 1024


def with_variants(*variants: Variant) -> Model:
    return replace(engine("a", gib=0), variants=variants)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    inner = replace(engine("inner", gib=0), id="b", names=("b",), upstream_name="inner", variants=(Variant("b:x"),))
    with serving(tmp_path_factory.mktemp("variants"), manifest(with_variants(FAST), inner)) as one:
        assert one.chat("a")[0] == 200
        yield one


def echoed(served: Served, text: bytes, *, pieces: int = 1, chunked: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Send a body to the engine, which returns it, and return its members."""
    sent = request(text, path="/echo")
    if chunked:
        head = post("/echo", "Connection: close", "Transfer-Encoding: chunked", body=b"").replace(
            b"Content-Length: 0\r\n", b""
        )
        half = len(text) // 2
        sent = (
            head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (text[:half], text[half:])) + b"0\r\n\r\n"
        )
    status, _, body = parts_of(send(served.port, sent, pieces=pieces))
    assert status == b"200 OK", body
    return json.loads(body, object_pairs_hook=lambda pairs: pairs)


@pytest.mark.parametrize("filler", ["", "x" * LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("pieces", "chunked"), [(1, False), (7, False), (5, True)])
def test_a_variant_edits_the_body(served: Served, filler: str, pieces: int, *, chunked: bool) -> None:
    members = {"model": "a:fast", "seed": 1, "text": filler, "chat_template_kwargs": {"enable_thinking": True}, "n": 1}
    edited = echoed(served, json.dumps(members).encode(), pieces=pieces, chunked=chunked)
    kwargs = [("enable_thinking", False)]
    assert edited == [
        ("model", "a"), ("text", filler), ("chat_template_kwargs", kwargs), ("n", 1), ("max_tokens", 64),
    ]  # fmt: skip


def test_the_model_may_come_last(served: Served) -> None:
    text = json.dumps({"text": ["x"] * 30_000, "max_tokens": 5, "model": "a:fast"}).encode()
    assert echoed(served, text)[1:] == [
        ("max_tokens", 5), ("model", "a"), ("chat_template_kwargs", [("enable_thinking", False)]),
    ]  # fmt: skip


def test_a_repeated_key_is_replaced_each_time(served: Served) -> None:
    text = rb'{"model": "a:fast", "chat_template_kwargs": 1, "chat_t\u0065mplate_kwargs": {}}'
    assert [value for key, value in echoed(served, text) if key.startswith("chat")] == [
        [("enable_thinking", False)]
    ] * 2


def test_the_engine_gets_the_name_that_it_serves(served: Served) -> None:
    assert echoed(served, b'{"model": "b:x"}') == [("model", "inner")]


def test_other_names_pass_bodies_as_they_are(served: Served) -> None:
    text = b' {"model" :"a" , "seed":1e0, "seed": 2}\n'
    assert parts_of(send(served.port, request(text, path="/echo")))[2] == text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/echo"])
def test_what_is_no_object_is_refused(served: Served, path: str) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\na:fast\r\n--x--\r\n'
    cut = b'{"model": "a:fast", "messages": [' + b"1," * LARGE
    bodies = [
        (form, "multipart/form-data; boundary=x"),
        (b'{"model": "a:fast",', "application/json"),
        (cut, "application/json"),
    ]
    for body, kind in bodies:
        sent = request(body, f"Content-Type: {kind}", path=path)
        status, _, content = parts_of(send(served.port, sent))
        error = json.loads(content)["error"]
        assert status == b"400 Bad Request"
        assert "variant" in error["message"]
        assert error["type"] == "invalid_request_error"
    assert served.chat("a")[0] == 200, "its engine is there as before"


def test_a_client_may_leave_in_the_middle(served: Served) -> None:
    head = post("/echo", "Content-Length: 9000000", body=b"").replace(b"Content-Length: 0\r\n", b"")
    with socket.create_connection(("127.0.0.1", served.port), 20) as client:
        client.sendall(head + b'{"model": "a:fast", "text": "' + b"x" * LARGE)
    assert echoed(served, b'{"model": "a:fast"}')[0] == ("model", "a")


def test_unknown_names_get_close_ones(served: Served) -> None:
    status, answer = served.chat("a:fats")
    assert status == 404
    assert "did you mean `a:fast`" in answer["error"]["message"]


def test_the_list_of_models_describes_them(tmp_path: Path) -> None:
    described: dict[str, Any] = {
        "title": "Qwen",
        "description": "fast",
        "context_length": 8192,
        "capabilities": ("chat", "vision"),
    }
    broken = engine("broken", "--exit-at-start", "1", gib=0)
    with serving(tmp_path, manifest(replace(with_variants(FAST), repo="org/a", **described), broken)) as served:
        assert served.chat("a")[0] == 200
        assert served.chat("broken")[0] == 503
        base, variant, failed = served.ask("/v1/models")[1]["data"]
        assert base == {
            "id": "a",
            "object": "model",
            "created": 0,
            "owned_by": "org",
            "name": "Qwen",
            "description": "fast",
            "root": "org/a",
            "context_length": 8192,
            "max_model_len": 8192,
            "capabilities": ["chat", "vision"],
            "state": "ready",
            "status": {"value": "loaded"},
        }
        assert variant == {**base, "id": "a:fast", "parent": "a"}
        assert failed["status"] == {"value": "unloaded", "failed": True}
        assert not failed.keys() & {"name", "context_length", "capabilities", "parent"}
        assert served.ask("/v1/models/a:fast")[1] == variant


def test_control_routes_take_variants(served: Served) -> None:
    assert served.ask("/switch", {"model_id": "a:fast"})[1]["models"] == ["a"]


def test_status_and_why_show_variants(served: Served, tmp_path: Path) -> None:
    shown = modelgen("status", "--url", served.url, cwd=tmp_path).stdout
    assert "variants a:fast" in next(line for line in shown.splitlines() if line.startswith("a "))
    assert modelgen("why", "a:fast", "--url", served.url, cwd=tmp_path).stdout.startswith("a:fast is a variant of a")
    assert modelgen("why", "a", "--url", served.url, cwd=tmp_path).stdout.startswith(
        "a also serves its variants a:fast\n"
    )


def test_a_reload_changes_variants_and_restarts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(with_variants(FAST))) as served:
        assert served.chat("a:fast")[0] == 200
        before = served.engines()
        other = manifest(with_variants(Variant("a:slow", {}, {"n": "2"})))
        (tmp_path / "manifest.json").write_bytes(write_manifest(other))
        assert served.ask("/reload", {})[0] == 200
        assert echoed(served, b'{"model": "a:slow"}') == [("model", "a"), ("n", 2)]
        assert served.chat("a:fast")[0] == 404
        assert served.engines() == before


def test_a_large_body_needs_no_memory(tmp_path: Path) -> None:
    """64 MB through a variant: resident memory grows by less than a quarter of it."""
    with serving(tmp_path, manifest(with_variants(FAST)), is_fresh=True) as served:
        assert served.chat("a:fast")[0] == 200
        before = resident(served)
        text = b'{"model": "a:fast", "text": "' + b"x" * 64 * 2**20 + b'"}'
        status, _, _ = parts_of(send(served.port, request(text, path="/headers")))
        assert status == b"200 OK"
        assert peak(served) - before < 16 * 2**20


def resident(served: Served) -> int:
    return _status(served, "VmRSS")


def peak(served: Served) -> int:
    return _status(served, "VmHWM")


def _status(served: Served, field: str) -> int:
    """Return a field of /proc in bytes."""
    from pathlib import Path

    lines = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024
