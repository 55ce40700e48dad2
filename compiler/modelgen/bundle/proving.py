"""Prove a bundle: the engines look up what they open at start, in their own images, in the bundle's own bytes."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.lockfile.repos import repo_folder
from modelgen.look_ups import TABLE, ask_images, by_table
from modelgen.operate.load_look_ups import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modelgen.bundle.manifest import Hub
    from modelgen.ir import Fleet
    from modelgen.lockfile.entries import Lock
    from modelgen.look_ups import Verdict
    from modelgen.resolve import ModelRun

FOLDER = ".proving"
"""The folder in a bundle that has a hub directory of links while look-ups run."""
_HEAD = 64 * 2**20
_WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth")


@dataclass
class Proof:
    """The result of the look-ups.

    Args:
        proven: By model, True if its engine found all of its files, else why that was not tried.
        faults: By model, what its engine does not find, and the next step.
        warnings: Sentences about what may be missing.
    """

    proven: dict[str, bool | str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Proving:
    """The look-ups of a bundle.

    Args:
        folder: The folder of the bundle.
        root: The folder of models.toml.
        fleet: The fleet.
        runs: What each model runs on.
        lock: The lock.
        sources: Returns the files that a content is made of: one, or the parts of one that is cut.
        say: Prints a line for people.
    """

    folder: Path
    root: Path
    fleet: Fleet
    runs: Mapping[str, ModelRun]
    lock: Lock
    sources: Callable[[str], Sequence[Path]]
    say: Callable[[str], object]

    def prove(self, hub: Hub, models: Iterable[str]) -> Proof:
        """Return the result for some models.

        Args:
            hub: What the bundle has of the hub directory.
            models: Ids of the models.

        Raises:
            OSError: The folder cannot be written.
        """
        with _hub_of(hub, self.sources, self.folder / FOLDER) as folder:
            verdicts, plans = by_table(folder, self.runs, self.lock, models)
            root = self.root.absolute().as_posix()
            services = (service for service in self.fleet.services if service.hub is not None)
            places = {service.model: place_of(service, root) for service in services}
            for model, place in places.items():
                mounts = ((folder.absolute().as_posix(), place.mounts[0][1]), *place.mounts[1:])
                places[model] = replace(place, mounts=mounts)
            ask_images(folder, plans, verdicts, places, self.say)
        return _proof(verdicts)


def _proof(verdicts: Mapping[str, Verdict]) -> Proof:
    found = Proof()
    for model, verdict in verdicts.items():
        for one in verdict.findings:
            what = f"{one.file} of {one.repo}" if one.file else one.repo
            said = f" ({one.said})" if one.said else ""
            sentence = f"{what} {one.text}{said}; {one.help}"
            if one.is_wrong:
                found.faults.setdefault(model, sentence)
            else:
                found.warnings.append(f"{model}: {sentence}")
        if verdict.is_unplanned:
            found.faults.setdefault(model, verdict.why_not)
        if model not in found.faults:
            found.proven[model] = _why_not(verdict) or True
    return found


def _why_not(verdict: Verdict) -> str:
    """Return why the engine of a model did not look up its files; empty if it did."""
    if verdict.problem or verdict.why_not:
        return verdict.problem or verdict.why_not
    if verdict.by == TABLE:
        return f"{verdict.engine} cannot look up without loading; {TABLE} found no problem"
    return ""


@contextlib.contextmanager
def _hub_of(hub: Hub, sources: Callable[[str], Sequence[Path]], folder: Path) -> Iterator[Path]:
    """Yield a hub directory that is made of the contents of a bundle."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for snapshot in hub.snapshots:
            repo, commit = folder / repo_folder(snapshot.repo), snapshot.commit
            for file in snapshot.files:
                _place(sources(file.sha256), file.size, repo / "snapshots" / commit / file.path)
            _place(sources(snapshot.tree), 0, repo / "trees" / f"{commit}.json")
            for ref in snapshot.refs:
                _make(repo / "refs" / ref).write_text(commit, encoding="ascii")
        for path in folder.rglob("*"):  # whatever the umask is: a container's account is another one
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _place(sources: Sequence[Path], size: int, target: Path) -> None:
    """Put a content at a path: by a link, or by a copy where there are no hard links and of contents that are cut.

    Of large weights, only the beginning is copied, and the rest is a hole: look-ups read no more than their header.
    """
    if len(sources) == 1:
        with contextlib.suppress(OSError):
            os.link(sources[0], _make(target))
            return
    is_whole = size <= _HEAD or target.suffix not in _WEIGHTS
    with _make(target).open("wb") as file:
        for source in sources if is_whole else sources[:1]:
            with source.open("rb") as part:
                if is_whole:
                    shutil.copyfileobj(part, file)
                else:
                    file.write(part.read(_HEAD))
        if not is_whole:
            file.truncate(size)
