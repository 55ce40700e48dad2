"""Check code in repositories: the modules that `auto_map` names, here or elsewhere, and their imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.hub.loading.findings import Defect, LookUp, way_to
from modelgen.hub.loading.repair import bring
from modelgen.hub.loading.snapshot import Files, commit_of
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.loading.plan import Plan
    from modelgen.lockfile.entries import Snapshot

_MAPS: tuple[tuple[str, LookUp], ...] = (
    ("config.json", "config"),
    ("tokenizer_config.json", "tokenizer"),
    ("processor_config.json", "processor"),
    ("preprocessor_config.json", "processor"),
    ("video_preprocessor_config.json", "processor"),
)
# The same patterns as in transformers (dynamic_module_utils.py, get_relative_imports).
_IMPORT = re.compile(r"^\s*(?:import\s+\.(\w+)|from\s+\.(\w+)\s+import\b)", re.MULTILINE)
_MOST_MODULES = 200
_LOCK = "run `modelgen lock`, then `modelgen fetch`"


def missing_code(hub: Path, plan: Plan, entry: Snapshot, files: Files) -> Iterator[Defect]:
    """Yield a defect for each module that configs name and that is not in the hub directory.

    Args:
        hub: The hub directory.
        plan: What is looked up.
        entry: The lock's entry of the snapshot.
        files: Its files in the hub directory.
    """
    for path, look_up in _MAPS:
        # Only the config's look-up has a revision; the others open `main` of another repository.
        revision = plan.code_revision if path == "config.json" else None
        for reference in _references(files.table(path).get("auto_map")):
            repo, separator, name = reference.rpartition("--")
            if separator and repo != entry.repo:
                fault = _elsewhere(hub, plan, repo, name, revision or "main")
                if fault is not None:
                    text, help_ = fault
                    yield Defect(look_up, path, text, help=help_)
            else:
                yield from (
                    Defect(look_up, lost, f"is missing: {path} names it") for lost in _missing_files(files, name)
                )


def _elsewhere(hub: Path, plan: Plan, repo: str, name: str, revision: str) -> tuple[str, str] | None:
    """Return the fault of a file that names code of another repository, and the next step."""
    if not is_repo_id(repo):
        return f"names code of {repo[:100]!r}, which is not a repository id", "choose another commit of the model"
    locked = next((entry for entry in plan.code if entry.repo == repo), None)
    commit = commit_of(hub, repo, revision)
    files = Files(hub, repo, commit) if commit else None
    if files is None or not files.exists:
        at = f" at {revision}" if revision != "main" else ""
        return f"names code of {repo}, which is not in the hub directory{at}", bring(hub, locked) if locked else _LOCK
    lost = next(_missing_files(files, name), None)
    if lost is None:
        return None
    help_ = way_to(hub, locked, lost, plan.model) if locked else _LOCK
    return f"names code of {repo}, whose {lost} is not in the hub directory", help_


def _references(written: object) -> Iterator[str]:
    for value in written.values() if isinstance(written, dict) else ():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item


def _missing_files(files: Files, name: str) -> Iterator[str]:
    """Yield the missing files of a module `module.Class` and of the modules that it imports."""
    todo, seen = [name.rpartition(".")[0] or name], set[str]()
    while todo and len(seen) < _MOST_MODULES:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        path = f"{module.replace('.', '/')}.py"
        if path in files:
            folder = module.rpartition(".")[0]
            imported = [a or b for a, b in _IMPORT.findall(files.text(path))]
            todo += [f"{folder}.{one}" if folder else one for one in imported]
        elif f"{module.replace('.', '/')}/__init__.py" not in files:
            yield path
