"""models.lock as text: what is written is read again, and what is not a lock is refused."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen.lockfile.changes import compare
from modelgen.lockfile.entries import Asset, File, Image, Lock, Snapshot
from modelgen.lockfile.reading import parse_lock
from modelgen.lockfile.writing import render_lock

HEX = st.text(alphabet="0123456789abcdef", min_size=40, max_size=40)
SHA256 = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
SIZE = st.integers(0, 2**60 - 1)
PATH = st.text(string.ascii_letters + "ä{}[]'#=. -", min_size=1, max_size=12).filter(
    lambda path: path not in (".", "..")
)
NAME = st.text(string.ascii_lowercase, min_size=1, max_size=4)
FILE = st.builds(File, path=PATH, size=SIZE, sha256=SHA256, blob=st.none()) | st.builds(
    File, path=PATH, size=SIZE, sha256=st.none(), blob=HEX
)
ENTRY = st.builds(
    Snapshot,
    repo=NAME,
    revision=st.none() | NAME,
    commit=HEX,
    include=st.lists(TEXT, max_size=2),
    exclude=st.lists(TEXT, max_size=2),
    models=st.lists(NAME, max_size=2).map(sorted),
    license=st.none() | TEXT,
    gated=st.booleans(),
    left_out=st.lists(TEXT, max_size=2).map(sorted),
    weights=st.dictionaries(TEXT, SIZE, max_size=2),
    files=st.lists(FILE, min_size=1, max_size=3, unique_by=lambda file: file.path).map(
        lambda files: sorted(files, key=lambda file: file.path)
    ),
    config=st.none() | TEXT | st.text(alphabet='"\\\r\n\t\x00\x7f\u2028ab', max_size=12),
)
ASSET = st.builds(
    Asset, name=NAME, url=st.just("https://a/b"), sha256=SHA256, size=st.none() | SIZE, models=st.just(["m"])
)
IMAGE = st.builds(
    Image, reference=TEXT, config_digest=st.none() | SHA256.map("sha256:{}".format), manifest_digest=st.none()
)
LOCK = st.builds(
    Lock,
    snapshots=st.lists(ENTRY, max_size=3, unique_by=lambda entry: entry.repo),
    assets=st.lists(ASSET, max_size=1),
    images=st.lists(IMAGE, max_size=2, unique_by=lambda image: image.reference),
)


@pytest.mark.slow
@given(LOCK)
def test_a_lock_is_read_as_it_was_written(lock: Lock) -> None:
    data = render_lock(lock)
    read, found = parse_lock(data)
    assert read is not None, found
    by_name = sorted(lock.snapshots, key=lambda entry: entry.repo)
    assert [entry.model_dump() for entry in read.snapshots] == [entry.model_dump() for entry in by_name]
    assert render_lock(read) == data
    assert parse_lock(data.replace(b"\n", b"\r\n"))[0] is not None  # git on Windows
    assert compare(lock, read) == []


GOOD = f'format = 1\n[[snapshots]]\nrepo = "a/b"\ncommit = "{"0" * 40}"\n'
FILES = f'files = [{{ path = "x", size = 1, blob = "{"1" * 40}" }}]\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("format = 0\n", "has a fault: `format`"),
        (GOOD, "has a fault: `snapshots[0].files` (a/b)"),
        (GOOD + FILES.replace('"x"', '"../x"'), "is not a path inside a snapshot"),
        (GOOD + FILES.replace("blob", "blub"), "has a fault: `snapshots[0].files[0]"),
        (GOOD + FILES + GOOD.partition("\n")[2] + FILES, "has a snapshot twice"),
        (GOOD.replace("a/b", "a/../b") + FILES, "is not a repository id"),
        ("<<<<<<< HEAD\n", "is not TOML"),
        ("a = " + "[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_lock_is_one_error(text: str, fault: str) -> None:
    lock, [found] = parse_lock(text.encode())
    assert lock is None
    assert fault in found.message
    assert "run `modelgen lock`" in (found.help or "")
