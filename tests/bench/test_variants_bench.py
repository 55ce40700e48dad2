"""The edit of a variant: processor time for a small request, and throughput; figures, which never fail."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.http.json_edit import Edits, ObjectEdit

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.bench

EDITS = Edits({"model": b'"a"', "chat_template_kwargs": b'{"enable_thinking":false}'}, {"top_p": b"0.9"}, ["seed"])
SMALL = {"model": "a:v", "messages": [{"role": "user", "content": "A joke about a bear, please."}], "max_tokens": 64}
PIECE = 64 * 1024


def fastest(work: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def edit(body: bytes, times: int = 1) -> None:
    for _ in range(times):
        editing = ObjectEdit(EDITS)
        for at in range(0, len(body), PIECE):
            editing.feed(body[at : at + PIECE])
        editing.end()


def text(size: int) -> str:
    words = ["the", "quick", "brown", "fox", 'jumps "over"', "lazy\n", "dog", "ein", "Grüße"]
    return " ".join(random.Random(1).choices(words, k=size // 6))


def test_small_requests() -> None:
    body = json.dumps(SMALL).encode()
    took = fastest(lambda: edit(body, 1000), 9) / 1000
    print(f"\na small request: {took * 1e6:.1f} µs (asked: 15)")


@pytest.mark.parametrize("kind", ["chat", "one text", "image", "tokens", "deep lists"])
def test_large_bodies(kind: str) -> None:
    contents: dict[str, object] = {
        "chat": [{"role": "user", "content": text(4000)} for _ in range(250)],
        "one text": text(1_000_000),
        "image": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "A" * 1_000_000}}]}],
        "tokens": [*range(100_000, 250_000)],
        "deep lists": json.loads("[" + "[[[[[[[[1]]]]]]]]," * 60_000 + "1]"),
    }
    body = json.dumps({"model": "a:v", "messages": contents[kind], "temperature": 1}).encode()
    took = fastest(lambda: edit(body), 9)
    print(f"\n{kind}: {len(body) / took / 1e6:.0f} MB/s of {len(body) / 1e6:.1f} MB (asked of 1 MB: 150)")
