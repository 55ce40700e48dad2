"""What tests of `modelgen verify` say and do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from compiling import modelgen
from hub_on_disk import COMMIT, write

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"
REPO = "models--org--model"
SNAPSHOT = f"{REPO}/snapshots/{COMMIT}"


def verify(root: Path, *args: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and the findings."""
    done = modelgen("verify", "--format", "json", *args, cwd=root)
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    assert document["ok"] is (done.returncode == 0)
    return done.returncode, document["findings"]


def errors(root: Path, *args: str) -> list[str]:
    """Return path and message of what is wrong."""
    code, findings = verify(root, *args)
    wrong = [f"{found['path']} {found['message']}" for found in findings if found["severity"] == "error"]
    assert code == bool(wrong)
    assert all(found["help"] for found in findings)
    return wrong


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def relink(path: Path, target: str | Path) -> None:
    path.unlink()
    path.symlink_to(target)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    write(path / "inside", b"x")


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
