"""Find the commit that an engine opens by name in a hub directory, or say how to get one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub.cache.layout import DEFAULT_REF
from modelgen.hub.locking import hints
from modelgen.lockfile.repos import is_commit, is_local, repo_folder

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.locking.ask import Ask


def locate(hub: Path, ask: Ask) -> tuple[str, Path]:
    """Return commit and folder of the snapshot that an engine would open by name.

    Raises:
        ModelgenError: There is none.
    """
    want, folder = ask.want, hub / repo_folder(ask.want.repo)
    if not folder.is_dir():
        if is_local(want.repo):
            raise InputError(f"{ask.about} is not in {hub}; run `modelgen add PATH --as {want.repo}`")
        raise ModelgenError(f"{ask.about} is not in {hub}; {hints.download(hub, ask, ask.commit)}, or copy it there")
    commit = ask.commit or _commit(folder, ask)
    snapshot = folder / "snapshots" / commit
    if not snapshot.is_dir():
        there = _snapshots(folder)
        hint = f"there {'are' if there[1:] else 'is'} {', '.join(there[:3])}" if there else "there is none"
        raise InputError(
            f"{ask.about} has no snapshot {commit} in {hub}: {hint}; {_way_to_snapshot(hub, ask, commit, there)}"
        )
    return commit, snapshot


def _way_to_snapshot(hub: Path, ask: Ask, commit: str, there: list[str]) -> str:
    """Return the next step if the snapshot of a commit is missing."""
    want, ref = ask.want, hub / repo_folder(ask.want.repo) / "refs" / (ask.want.revision or DEFAULT_REF)
    upgrade = f"`modelgen lock --offline --upgrade {want.models[0]}`" if want.models else "`modelgen lock --offline`"
    if ask.commit and _text_of(ref) in there:
        return f"run {upgrade}"
    if is_local(want.repo):
        return f"run `modelgen add PATH --as {want.repo}`" + (f", then {upgrade}" if ask.commit else "")
    return hints.download(hub, ask, commit)


def _text_of(ref: Path) -> str | None:
    try:
        return ref.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _commit(folder: Path, ask: Ask) -> str:
    revision = ask.want.revision or DEFAULT_REF
    if is_commit(revision):
        return revision
    ref = folder / "refs" / revision
    try:
        text = ref.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(
            f"{ask.about}: there is no {ref}, so engines do not find it by that name; {_way_to_ref(folder, ask, ref)}"
        ) from None
    if not is_commit(text.strip()):
        raise InputError(f"{ask.about}: {ref} contains no commit; {_way_to_ref(folder, ask, ref)}")
    if text != text.strip():
        raise InputError(
            f"{ask.about}: {ref} has white space around its commit, so no engine finds the snapshot; "
            f"{hints.write_ref(ref, text.strip())}"
        )
    return text


def _way_to_ref(folder: Path, ask: Ask, ref: Path) -> str:
    """Return the next step if no ref names a snapshot; of several, the user has to choose."""
    there, repo = _snapshots(folder), ask.want.repo
    if not there:
        return f"run `modelgen add PATH --as {repo}`" if is_local(repo) else hints.download(folder.parent, ask)
    if ref.is_dir():
        return f'write `revision = "{there[0]}"` in models.toml' + (f", or another of {there}" if there[1:] else "")
    others = f", or with another existing snapshot: {', '.join(there[1:])}" if there[1:] else ""
    return hints.write_ref(ref, there[0]) + others


def _snapshots(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in (folder / "snapshots").iterdir() if is_commit(path.name))
    except OSError:
        return []
