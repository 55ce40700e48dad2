"""Print commands after which `modelgen lock --offline` accepts a hub directory, ready to paste."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from modelgen.hub.locking.ask import Ask


def download(hub: Path, ask: Ask, commit: str | None = None, files: Iterable[str] = (), *, force: bool = False) -> str:
    """Return the command that downloads a repository, or some of its files, into the hub directory.

    Args:
        hub: The hub directory.
        ask: The repository.
        commit: The commit; None for the revision by its name, which writes its ref too.
        files: The paths; empty for all wanted files.
        force: Replace existing files, since the client accepts any file with the right name.
    """
    want, names = ask.want, [*files]
    revision = commit or want.revision
    words = ["hf", "download", want.repo, *names]
    words += ["--revision", revision] if revision else []
    if not names:
        words += [word for pattern in want.include for word in ("--include", pattern)]
        words += ["--include", f"*{want.quant}*.gguf"] if want.quant else []
        words += [word for pattern in want.exclude for word in ("--exclude", pattern)]
    words += ["--cache-dir", str(hub)]
    words += ["--force-download"] if force else []
    return f"on a host with internet run `{' '.join(map(quote, words))}`"


def remove(paths: Sequence[Path]) -> str:
    """Return the command that removes some files, before another command; empty without files."""
    return f"run `rm -f {' '.join(quote(str(path)) for path in paths)}`, then " if paths else ""


def write_ref(ref: Path, commit: str) -> str:
    """Return the command that writes a ref."""
    folder = "" if ref.parent.is_dir() else f"mkdir -p {quote(str(ref.parent))} && "
    return f"run `{folder}printf %s {commit} > {quote(str(ref))}`"
