"""`modelgen inventory`: what an audit asks of a lock."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

from compiling import modelgen
from hub_on_disk import COMMIT, fetched, locked_file
from modelgen.lockfile.entries import Image, Lock, Snapshot
from modelgen.lockfile.writing import render_lock

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = '{"model_type": "x", "auto_map": {"AutoConfig": "org/code--configuration_x.XConfig"}}'
FILES = {
    "config.json": CONFIG.encode(),
    "modeling_x.py": b"import os",
    "deep/pytorch_model.bin": b"pickle",
    "model.safetensors": b"weights",
}


def audited(root: Path) -> None:
    """Write a lock with code from elsewhere, terms and an image."""
    fetched(root, FILES)
    toml = (root / "models.toml").read_text()
    (root / "models.toml").write_text(
        toml.replace('repo = "org/model"', 'repo = "org/model"\ntrust_remote_code = true')
    )
    own = Snapshot(
        repo="org/model",
        commit=COMMIT,
        models=["m"],
        license="llama3",
        gated=True,
        files=[locked_file(path, data) for path, data in FILES.items()],
        config=CONFIG,
    )
    exclude = ["*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors"]
    code = Snapshot(
        repo="org/code", commit="f" * 40, models=["m"], exclude=exclude, files=[locked_file("configuration_x.py", b"x")]
    )
    image = Image(reference="vllm/vllm-openai:v0.11.0", manifest_digest=f"sha256:{'a' * 64}")
    (root / "models.lock").write_bytes(render_lock(Lock(snapshots=[own, code], images=[image])))


def test_everything_that_an_audit_asks_for_is_in_the_document(tmp_path: Path) -> None:
    audited(tmp_path)
    done = modelgen("inventory", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    code, own = document["repositories"]
    assert (own["repo"], own["commit"], own["license"], own["gated"]) == ("org/model", COMMIT, "llama3", True)
    assert own["terms"] == "https://huggingface.co/org/model"
    assert own["bytes"] == sum(map(len, FILES.values()))
    assert own["python"] == ["modeling_x.py"]
    assert own["pickles"] == ["deep/pytorch_model.bin"]
    assert own["trust_remote_code"] == ["m"]
    assert own["code_from"] == ["org/model", "org/code"]
    assert {file["path"] for file in own["files"]} == {*FILES}
    assert all(file.get("sha256") or file.get("blob") for file in own["files"])
    assert (own["files_in_hub"], code["files_in_hub"]) == (len(FILES), 0)
    assert (code["gated"], code["terms"], code["python"]) == (False, None, ["configuration_x.py"])
    assert document["images"][0]["manifest_digest"] == f"sha256:{'a' * 64}"


def test_a_terminal_of_fifty_columns_shows_it_without_long_lines(tmp_path: Path) -> None:
    audited(tmp_path)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 50, 0, 0))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "modelgen", "inventory"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # it has ended
            pass
        assert process.wait() == 0
    os.close(ours)
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) <= 50
    assert "licence     llama3" in lines
    assert any(line.startswith("pickles     1: deep/pytorch_model.bin") for line in lines)


def test_one_model_without_a_terminal_has_one_line_a_value(tmp_path: Path) -> None:
    audited(tmp_path)
    done = modelgen("inventory", "m", cwd=tmp_path)
    assert "runs code   for m (trust_remote_code), from org/model, org/code\n" in done.stdout
    assert "gated       yes, terms: https://huggingface.co/org/model\n" in done.stdout
    assert f"manifest    sha256:{'a' * 64}\n" in done.stdout
    assert modelgen("inventory", "n", cwd=tmp_path).returncode == 2


def test_a_lock_that_lacks_a_repository_is_no_inventory(tmp_path: Path) -> None:
    audited(tmp_path)
    toml = (tmp_path / "models.toml").read_text()
    (tmp_path / "models.toml").write_text(toml.replace("org/model", "org/another"))
    done = modelgen("inventory", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not have org/another; run `modelgen lock`" in done.stderr
