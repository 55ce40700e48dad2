"""`modelgen add` as tests call it, without its table in models.toml, and the real client that opens what it made."""

from __future__ import annotations

from pathlib import Path

from compiling import complete, modelgen, script

OPEN = """
import sys, huggingface_hub as hf
print(hf.snapshot_download(sys.argv[1], revision=sys.argv[2] or None, cache_dir=sys.argv[3]))
"""
FOLDER = "hub/models--local--ft"


def project(tmp_path: Path) -> Path:
    """Write a models.toml with one model and one card; return its folder."""
    (tmp_path / "models.toml").write_text(
        complete(
            '[project]\nname = "demo"\nhub = "hub"\n[models.base]\nrepo = "org/base"\ngpus = ["gpu0"]\n'
            "args = { max-model-len = 4096 }\n"
        )
    )
    return tmp_path


def add(root: Path, *args: str | Path, code: int = 0, name: str = "local/ft") -> tuple[str, str]:
    done = modelgen("add", *args, "--as", name, "--no-table", cwd=root)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout, done.stderr


def opened(root: Path, repo: str = "local/ft", revision: str | None = None) -> Path:
    """Return the snapshot that the real client opens offline."""
    done = script(OPEN, repo, revision or "", str(root / "hub"), cwd=root, env={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def head(root: Path) -> str:
    text = (root / FOLDER / "refs/main").read_text()
    assert len(text) == 40
    return text


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
