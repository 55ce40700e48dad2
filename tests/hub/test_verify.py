"""`modelgen verify`: every damaged file is found, named, and goes with `--fix`."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from compiling import modelgen
from hub_on_disk import FILES, fetched, write
from verifying import SNAPSHOT, WEIGHTS, errors, flip, relink, replace_by_folder, replace_by_pipe, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_right_hub_has_nothing_to_say(tmp_path: Path) -> None:
    fetched(tmp_path)
    for args in ([], ["--quick"], ["--fix"]):
        assert verify(tmp_path, *args) == (0, [])
    done = modelgen("verify", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 0)
    assert f"3 files verified, {sum(map(len, FILES.values())):,} bytes read: all right" in done.stderr


def test_a_flipped_byte(tmp_path: Path) -> None:
    _, blobs = fetched(tmp_path)
    flip(blobs[WEIGHTS])
    flip(blobs["config.json"])
    assert errors(tmp_path, "--quick") == []
    wrong = errors(tmp_path)
    assert len(wrong) == 2
    assert f"{SNAPSHOT}/config.json is damaged: its hash is " in wrong[0]
    assert f"{SNAPSHOT}/{WEIGHTS} is damaged: its hash is " in wrong[1]
    done = modelgen("verify", "--fix", cwd=tmp_path)
    assert done.returncode == 1
    assert "moved to .locks/modelgen/aside; run `modelgen fetch`" in done.stdout
    assert not blobs[WEIGHTS].exists()
    assert blobs["deep/er/vocab.json"].exists()
    assert f"{SNAPSHOT}/{WEIGHTS} is missing" in errors(tmp_path, "--quick")


def replace_by_socket(path: Path) -> None:
    path.unlink()
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


CONTENT_FAULTS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "truncated": (lambda _p, b: os.truncate(b, 1000), "has 1,000 bytes, not 4,500 as models.lock says"),
    "missing": (lambda p, _b: p.unlink(), "is missing"),
    "dangling": (lambda _p, b: b.unlink(), "is a dangling symlink: there is no models--org--model/blobs/"),
    "blob is a folder": (lambda _p, b: replace_by_folder(b), "is a folder, not a file"),
    "blob is a pipe": (lambda _p, b: replace_by_pipe(b), "is a named pipe, not a file"),
    "blob is a socket": (lambda _p, b: replace_by_socket(b), "is a socket, not a file"),
    "pointer is a folder": (lambda p, _b: replace_by_folder(p), "is a folder, not a file"),
    "pointer is a pipe": (lambda p, _b: replace_by_pipe(p), "is a named pipe, not a file"),
    "device": (lambda _p, b: relink(b, "../" * 30 + "dev/zero"), "is a link that leads out of the hub directory"),
    "absolute": (lambda p, b: relink(p, b.absolute()), "is a link with an absolute path"),
    "out": (lambda p, _b: relink(p, "../../../../outside"), "is a link that leads out of the hub directory"),
    "circle": (lambda _p, b: relink(b, b.name), "is a link that leads back to itself"),
    "long name": (lambda p, _b: relink(p, "../../blobs/" + "x" * 300), "cannot be read: file name too long"),
}


def test_what_is_no_such_file_is_found_by_a_look_and_goes(tmp_path: Path) -> None:
    files = {f"{fault}.safetensors": fault.encode() * 500 for fault in CONTENT_FAULTS}
    checkout, blobs = fetched(tmp_path, files)
    write(tmp_path / "outside", b"precious")
    for fault, (damage, _) in CONTENT_FAULTS.items():
        path = f"{fault}.safetensors"
        damage(checkout.pointer(checkout.files[path]), blobs[path])
    for args in (["--quick"], [], ["--fix"]):
        wrong = errors(tmp_path, *args)
        assert len(wrong) == len(CONTENT_FAULTS)
        for fault, (_, message) in CONTENT_FAULTS.items():
            assert any(f"/{fault}.safetensors {message}" in line for line in wrong), (fault, wrong)
    assert (tmp_path / "outside").read_bytes() == b"precious"
    for path, file in checkout.files.items():
        pointer = checkout.pointer(file)
        assert os.path.lexists(pointer) == os.path.lexists(blobs[path])  # what is there is linked again
        assert not os.path.lexists(pointer) or pointer.read_bytes() == files[path]
    assert {line.partition(".safetensors ")[2] for line in errors(tmp_path)} == {"is missing"}


def test_two_contents_in_each_others_place(tmp_path: Path) -> None:
    files = {"a.safetensors": b"a" * 1000, "b.safetensors": b"b" * 1000}
    checkout, blobs = fetched(tmp_path, files)
    first = checkout.pointer(checkout.files["a.safetensors"])
    relink(first, os.path.relpath(blobs["b.safetensors"], first.parent))
    assert "is a link to another blob" in errors(tmp_path, "--quick")[0]
    assert "is damaged" in errors(tmp_path)[0]
    assert verify(tmp_path, "--fix")[0] == 0
    assert first.read_bytes() == b"a" * 1000
    assert blobs["b.safetensors"].read_bytes() == b"b" * 1000


def test_a_bad_blob_whose_link_is_gone_would_be_taken_for_right(tmp_path: Path) -> None:
    checkout, blobs = fetched(tmp_path)
    checkout.pointer(checkout.files[WEIGHTS]).unlink()
    flip(blobs[WEIGHTS])
    assert len(errors(tmp_path)) == 2
    errors(tmp_path, "--fix")
    assert not blobs[WEIGHTS].exists()
