"""Implement `modelgen lock --check`: report where models.toml and models.lock disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import OUT_OF_DATE
from modelgen.cli.lock.images import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.cli.hub.locked import Inputs
    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.lockfile.wants import Want
    from modelgen.resolve import ModelRun


def check_lock(inputs: Inputs, format_: str) -> int:
    """Print where the two disagree, and return the exit code."""
    if inputs.lock is None:
        found = ["does not exist"]
    else:
        found = [*_repositories(inputs.runs, inputs.lock), *_others(inputs.runs, inputs.lock)]
    if format_ == "json":
        import json

        click.echo(json.dumps({"lock": inputs.lock_path.as_posix(), "disagreements": found}, indent=2))
    elif found:
        for text in found:
            click.echo(f"modelgen: {inputs.lock_path}: {text}", err=True)
        click.echo("modelgen: run `modelgen lock`", err=True)
    return OUT_OF_DATE if found else 0


def _repositories(runs: Mapping[str, ModelRun], lock: Lock) -> Iterator[str]:
    from modelgen.hub.snapshot.loadable import why_not
    from modelgen.lockfile.loading import why_outdated
    from modelgen.resolve.assets import wants

    wanted = {want: want for want in wants(runs, lock)}
    all_ = (*wanted, *(entry.want for entry in lock.snapshots))
    for want in wanted:
        entry = lock.find(want)
        if entry is None:
            others = [other for other in lock.snapshots if other.repo == want.repo and other.want not in wanted]
            yield f"{', '.join(want.models)}: {want.name(all_)} is not in it{_difference(want, others)}"
        elif why := why_outdated(want, entry):
            yield f"{', '.join(want.models)}: {want.name(all_)} {why}"
        elif fault := why_not(want.form, entry.by_path, entry.config, want.loaders):
            yield f"{', '.join(want.models)}: {want.name(all_)} {fault.why}; {fault.advice}"
        elif sorted(entry.models) != sorted(want.models):
            yield f"{want.name(all_)} is for {', '.join(want.models)}, not for {', '.join(entry.models) or 'nothing'}"
    for entry in lock.snapshots:
        if entry.want not in wanted:
            yield f"nothing needs {entry.want.name(all_)}"


def _difference(want: Want, others: list[Snapshot]) -> str:
    if not others:
        return ""
    if all(other.revision != want.revision for other in others):
        return ", only another `revision`"
    return ", only with another `include` or `exclude`"


def _others(runs: Mapping[str, ModelRun], lock: Lock) -> Iterator[str]:
    from modelgen.resolve.assets import outside

    files = {(file.name, file.url, file.sha256): models for file, models in outside(runs, lock).items()}
    locked = {(asset.name, asset.url, asset.sha256): asset.models for asset in lock.assets}
    yield from (f"{', '.join(files[key])}: {key[0]} is not in it" for key in files.keys() - locked.keys())
    yield from (f"nothing needs {key[0]}" for key in locked.keys() - files.keys())
    for key in files.keys() & locked.keys():
        if sorted(files[key]) != sorted(locked[key]):
            yield f"{key[0]} is for {', '.join(files[key])}"
    images, known = references(runs), {image.reference for image in lock.images}
    yield from (f"{', '.join(images[name])}: the image {name} is not in it" for name in images if name not in known)
    yield from (f"nothing runs on the image {name}" for name in sorted(known - images.keys()))
