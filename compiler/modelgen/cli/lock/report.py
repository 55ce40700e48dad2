"""Print the result of `modelgen lock`: changes on stdout, everything else on stderr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.exits import FOUND
from modelgen.hub.connection.failures import grouped
from modelgen.lockfile.changes import Change, compare
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.locking.listing import Pinned
    from modelgen.hub.locking.resolution import Resolution
    from modelgen.lockfile.entries import Image, Lock, Snapshot
    from modelgen.lockfile.wants import Want

_MOST_FILES = 20


@dataclass(frozen=True)
class Report:
    """The result of one `modelgen lock`.

    Args:
        path: The path of the lock.
        old: The lock before.
        new: The lock now.
        resolution: How the entries were found.
        warnings: Warnings about images.
        to_fetch: Bytes that `modelgen fetch` would download now; None if it would fail.
        is_written: Whether the file has changed.
    """

    path: Path
    old: Lock
    new: Lock
    resolution: Resolution
    warnings: list[str]
    to_fetch: int | None
    is_written: bool

    def print(self, format_: str, *, is_strict: bool = False) -> int:
        """Print the report and return the exit code: 1 if a failure can be fixed in the files, else 3."""
        failures = grouped(self.resolution.faults.values())
        is_refused = is_strict and bool(self.resolution.unchecked)
        is_made = self.resolution.has_answers and not is_refused
        for found in self.resolution.pinned.values() if is_made else ():
            for text in _left_out(found, self._name(found.entry)):
                click.echo(f"modelgen: {text}", err=True)
        for text in self._unchecked():
            click.echo(f"modelgen: {'' if is_strict else 'warning: '}{text}", err=True)
        for text in self.warnings if is_made else ():
            click.echo(f"modelgen: warning: {text}", err=True)
        if format_ == "json":
            import json

            click.echo(json.dumps(self._as_json(), indent=2, ensure_ascii=False))
        else:
            for line in self._changes():
                click.echo(line)
        if is_made:
            click.echo(f"{self.path}: {self._summary()}", err=True)
        for failure in failures:
            click.echo(f"modelgen: {failure}", err=True)
        if failures or is_refused:
            click.echo(f"modelgen: {self._what_is_left()}", err=True)
        if failures and (self.resolution.kept or self.resolution.pinned):
            return FOUND
        return min([*(failure.exit_code for failure in failures), *([FOUND] if is_refused else [])], default=0)

    def _unchecked(self) -> Iterator[str]:
        for entry, reasons in self.resolution.unchecked:
            yield f"{', '.join(entry.models)}: {self._name(entry)}: not checked: {'; '.join(reasons)}"

    def _what_is_left(self) -> str:
        """Return what was written although something failed."""
        lost = [want for want in self.resolution.faults if want not in self.resolution.retained]
        kept = [*self.resolution.retained.values()]
        said = []
        if kept:
            names = ", ".join(f"{self._name(entry)} at {entry.commit[:12]}" for entry in kept)
            said.append(f"keeps the old {'entries' if kept[1:] else 'entry'} of {names}")
        if lost:
            models = dict.fromkeys(model for want in lost for model in want.models)
            said.append(f"has no entries for {', '.join(models)}")
        state = "was written with the other entries" if self.is_written else "is unchanged"
        return f"{self.path} {state}; it {' and '.join(said)}" if said else f"{self.path} {state}"

    def _changes(self) -> Iterator[str]:
        for change in compare(self.old, self.new):
            yield from _lines(change, self._name(change.entry))
        yield from _image_lines(self.old.images, self.new.images)

    def _summary(self) -> str:
        files = sum(len(entry.files) for entry in self.new.snapshots)
        size = sum(entry.size for entry in self.new.snapshots)
        count, images = len({entry.repo for entry in self.new.snapshots}), len(self.new.images)
        text = (
            f"{count} repositor{'y' if count == 1 else 'ies'}, {_files(files)}, {of_files(size)}; "
            f"{images} image{'' if images == 1 else 's'}"
        )
        text += f"; {of_files(self.to_fetch)} to fetch" if self.to_fetch else ""
        return text if self.is_written else f"{text}; nothing has changed"

    def _name(self, entry: Snapshot) -> str:
        """Return the name of an entry."""
        return entry.want.name(other.want for other in (*self.new.snapshots, *self.old.snapshots))

    def _as_json(self) -> dict[str, Any]:
        return {
            "lock": self.path.as_posix(),
            "written": self.is_written,
            "repositories": [
                {
                    **entry.model_dump(exclude={"files", "config", "code"}),
                    "files": len(entry.files),
                    "bytes": entry.size,
                }
                for entry in self.new.snapshots
            ],
            "assets": [asset.model_dump() for asset in self.new.assets],
            "images": [image.model_dump() for image in self.new.images],
            "changes": [
                {
                    "repo": change.entry.repo,
                    "revision": change.entry.revision,
                    "old": change.old.commit if change.old else None,
                    "new": change.new.commit if change.new else None,
                    "added": change.added,
                    "removed": change.removed,
                    "changed": change.changed,
                    "bytes_new": change.new_bytes,
                }
                for change in compare(self.old, self.new)
            ],
            "bytes_to_fetch": self.to_fetch,
            "warnings": self.warnings,
            "unchecked": [
                {"repo": entry.repo, "models": entry.models, "reasons": [*reasons]}
                for entry, reasons in self.resolution.unchecked
            ],
            "failures": [
                {
                    "message": str(fault),
                    "repo": want.repo,
                    "revision": want.revision,
                    "models": [*want.models],
                    "kept": self._kept(want),
                }
                for want, fault in self.resolution.faults.items()
            ],
        }

    def _kept(self, want: Want) -> str | None:
        entry = self.resolution.retained.get(want)
        return entry.commit if entry else None


def _left_out(found: Pinned, name: str) -> Iterator[str]:
    entry = found.entry
    about = f"{', '.join(entry.models)}: {name}"
    if entry.left_out:
        patterns = ", ".join(entry.left_out)
        why = f": {found.chosen}" if found.chosen else ""
        yield f"{about}: left out {patterns} ({of_files(found.unneeded)}), not needed for serving{why}"
    count, size = found.not_included
    if count:
        yield f"{about}: left out {_files(count)} ({of_files(size)}) that `file`, `quant` or `include` does not name"


def _lines(change: Change, name: str) -> Iterator[str]:
    old, new = change.old, change.new
    if new is None:
        yield f"- {name} at {change.entry.commit[:12]}"
    elif old is None:
        yield f"+ {name} at {new.commit[:12]}: {_files(len(new.files))}, {of_files(new.size)}"
    else:
        move = new.commit[:12] if old.commit == new.commit else f"{old.commit[:12]} → {new.commit[:12]}"
        yield f"~ {name} {move}: {of_files(change.new_bytes)} new"
        marked = [("+", path) for path in change.added] + [("~", path) for path in change.changed]
        lines = [f"    {mark} {path} ({of_files(new.by_path[path].size)})" for mark, path in marked]
        lines += [f"    - {path}" for path in change.removed]
        yield from lines[:_MOST_FILES]
        if len(lines) > _MOST_FILES:
            yield f"    … and {_files(len(lines) - _MOST_FILES)} more"


def _image_lines(old: list[Image], new: list[Image]) -> Iterator[str]:
    before, after = ({image.reference: image for image in images} for images in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if now is None:
            yield f"- image {name}"
        elif was is None:
            yield f"+ image {name}{_digest(now)}"
        elif was != now:
            yield f"~ image {name}{_digest(was)} →{_digest(now) or ' unknown'}"


def _digest(image: Image) -> str:
    digest = image.manifest_digest or image.config_digest
    return f" {digest[:19]}" if digest else ""


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
