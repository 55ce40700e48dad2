"""A models.lock that an editor or a merge changed is refused, with a place, a reason and a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiling import complete, findings
from modelgen.lockfile.reading import parse_lock
from modelgen.lockfile.writing import render_lock

CASES = Path(__file__).parent.parent / "snapshot" / "cases"
LOCK = (CASES / "locked.lock").read_text("utf-8")
COMMIT, SHA256 = "0" * 40, "0" * 64


@pytest.mark.parametrize("case", sorted(CASES.glob("*.lock")), ids=lambda case: case.stem)
def test_locks_of_the_snapshots_are_as_they_are_written(case: Path) -> None:
    lock, found = parse_lock(case.read_bytes())
    assert found == []
    assert lock is not None
    assert render_lock(lock) == case.read_bytes()


def file(path: str = "x", size: str = "1", end: str = f'blob = "{COMMIT}"') -> str:
    return f'{{ path = "{path}", size = {size}, {end} }}'


def entry(*files: str, more: str = "") -> str:
    return f'[[snapshots]]\nrepo = "a/b"\ncommit = "{COMMIT}"\n{more}files = [{", ".join(files)}]\n'


# What somebody's editor, or a merge, may leave; each with a word of what is said.
BROKEN = {
    "a short hash": (entry(file(end='sha256 = "abc"')), "sha256"),
    "an upper-case hash": (entry(file(end=f'sha256 = "{"A" * 64}"')), "sha256"),
    "no hash": (entry('{ path = "x", size = 1 }'), "`sha256`"),
    "two hashes": (entry(file(end=f'blob = "{COMMIT}", sha256 = "{SHA256}"')), "`sha256`"),
    "a path above": (entry(file("../x")), "path inside a snapshot"),
    "a path above, within": (entry(file("a/../../x")), "path inside a snapshot"),
    "an absolute path": (entry(file("/etc/passwd")), "path inside a snapshot"),
    "a drive": (entry(file("C:/x")), "path inside a snapshot"),
    "a backslash": (entry(file("a\\\\x")), "path inside a snapshot"),
    "a line end": (entry(file("a\\nx")), "path inside a snapshot"),
    "no path": (entry(file("")), "path inside a snapshot"),
    "a file twice": (entry(file(), file()), "file twice"),
    "a file that is a folder": (entry(file("a"), file("a/b")), "folder"),
    "no file": (entry(), "files"),
    "a negative size": (entry(file(size="-1")), "size"),
    "a size of text": (entry(file(size='"1"')), "size"),
    "a snapshot twice": (entry(file()) * 2, "snapshot twice"),
    "a short commit": (entry(file()).replace(COMMIT, "abc", 1), "commit"),
    "another commit than the revision": (entry(file(), more=f'revision = "{"1" * 40}"\n'), "a commit other than its"),
    "a revision above": (entry(file(), more='revision = "../../x"\n'), "path inside"),
    "a path for a repository": (entry(file()).replace('"a/b"', '"/a/b"'), "repository id"),
    "an unknown key": (entry(file(), more="x = 1\n"), "x"),
    "another type": ("snapshots = 1", "snapshots"),
    "no TOML": ("snapshots = [", "not TOML"),
    "a merge conflict": (f"<<<<<<< HEAD\n{LOCK}=======\n{LOCK}>>>>>>> theirs\n", "not TOML"),
    "an asset with a path": (
        f'[[assets]]\nname = "../x"\nurl = "https://x/y"\nsha256 = "{SHA256}"\nsize = 1\n',
        "file name",
    ),
    "an asset without an address": (
        f'[[assets]]\nname = "x"\nurl = "file:///etc/passwd"\nsha256 = "{SHA256}"\nsize = 1\n',
        "address",
    ),
    "an image of another digest": ('[[images]]\nreference = "x"\nconfig_digest = "md5:1"\n', "config_digest"),
    "no format": ("format = 0\n", "format"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_lock_that_was_edited(text: str, said: str) -> None:
    toml = complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }')
    found = findings(toml, text)
    assert [(finding.code, finding.severity, finding.span.path) for finding in found] == [
        ("MG501", "error", "models.lock")
    ]
    assert said in found[0].message
    assert "\n" not in found[0].message
    assert "modelgen lock" in found[0].help


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("40960", "8"),  # in a config.json
        ("size = ", "size = 1"),
        ("weights = { BF16 = ", "weights = { BF16 = 9"),
        ("left_out = [", 'left_out = ["*.safetensors", '),
    ],
)
def test_what_was_written_and_then_edited_is_noticed(old: str, new: str) -> None:
    """Its shape is right; only the digest tells."""
    entry = f'{LOCK}\n[[snapshots]]\nrepo = "x/y"\ncommit = "{COMMIT}"\nfiles = [{file()}]\nleft_out = ["a"]\n'
    lock, _ = parse_lock(entry.encode())
    assert lock is not None
    text = render_lock(lock).decode()
    assert old in text
    edited, found = parse_lock(text.replace(old, new, 1).encode())
    assert edited is None
    assert "was edited by hand at" in found[0].message
    assert "modelgen lock" in found[0].help


def test_a_row_that_was_deleted_is_noticed() -> None:
    [row] = re.findall(r"^  \{ path = \"model\.safetensors\".*\n", LOCK, re.MULTILINE)[:1]
    lock, found = parse_lock(LOCK.replace(row, "", 1).encode())
    assert lock is None
    assert "was edited by hand at" in found[0].message


def test_models_may_be_renamed() -> None:
    renamed = re.sub(r'^models = \["', 'models = ["of-', LOCK, flags=re.MULTILINE)
    assert renamed != LOCK
    assert parse_lock(renamed.encode())[1] == []


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a = 1\n\x00", b"#" * (64 * 2**20 + 1)], ids=["utf-16", "nul", "huge"])
def test_a_lock_that_is_no_text(data: bytes) -> None:
    lock, found = parse_lock(data, "models.lock")
    assert lock is None
    assert [finding.code for finding in found] == ["MG501"]
    assert "modelgen lock" in found[0].help


def test_a_lock_of_a_newer_modelgen() -> None:
    newer = re.sub(r"^format = 1$", "format = 7\nof_the_future = true", LOCK, flags=re.MULTILINE)
    found = findings(complete('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }'), newer)
    assert [finding.code for finding in found] == ["MG502"]
    assert "format 7; this modelgen reads 1" in found[0].message
    assert "update modelgen" in found[0].help
    assert "modelgen lock" in found[0].help


def test_line_ends_of_windows_are_read() -> None:
    assert parse_lock(LOCK.replace("\n", "\r\n").encode())[0] == parse_lock(LOCK.encode())[0]
