"""`compile_source` opens, reads, runs and reaches nothing but the package's own templates."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mixed_file import MIXED

from compiling import REPOSITORY
from modelgen.pipeline import compile_source
from modelgen.targets.places import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Interpreter-level events (docs.python.org, "Audit events table"): unlike a patched `open`, nothing gets around them.
FORBIDDEN = ("socket.", "subprocess.", "shutil.", "tempfile.", "urllib.", "os.", "pathlib.", "glob.", "ctypes.")
EXAMPLES = {
    "example": (REPOSITORY / "models.toml").read_bytes(),
    "mixed": MIXED.encode(),
    "broken": b"[models.a\n",
    "full of errors": b'a = 1\n[gpus.g]\nmemory = 2\n[models."no id"]\nimage = ":"\ncompose = { ports = [] }\n',
    "not UTF-8": b"\xff\xfe",
}

_watching: list[str] | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """Note what is forbidden while somebody watches; an audit hook can never be taken away again."""
    if _watching is None:
        return
    if event == "open":
        path = args[0]
        if isinstance(path, int) or TEMPLATES not in Path(path).parents:
            _watching.append(f"open {path}")
    elif event.startswith(FORBIDDEN):
        _watching.append(event)


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_watch)


@contextmanager
def watching() -> Iterator[list[str]]:
    """Collect what is opened, read, run or reached for."""
    global _watching  # noqa: PLW0603 - the hook outlives every test
    _watching = []
    try:
        yield _watching
    finally:
        _watching = None


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_io(name: str) -> None:
    warm = compile_source(EXAMPLES[name])  # imports what it needs
    with watching() as seen:
        again = compile_source(EXAMPLES[name])
    assert seen == []
    assert again.artifacts == warm.artifacts
    assert again.diagnostics == warm.diagnostics


@pytest.mark.parametrize(
    "reach",
    [
        lambda: Path(__file__).read_bytes(),
        lambda: [*Path(__file__).parent.iterdir()],
        lambda: subprocess.run(["true"], check=False),
        lambda: socket.socket().close(),
    ],
    ids=["read", "list", "run", "reach"],
)
def test_the_check_can_fail(reach: Callable[[], object]) -> None:
    with watching() as seen:
        reach()
    assert seen != []
