"""Select what `modelgen fetch` downloads, and print the plan of `--dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.hub.locked import Inputs, named_models
from modelgen.files import InputError
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.files import ModelgenError
    from modelgen.hub.fetching.planning import Wanted


def wanted_of(inputs: Inputs, key: str, names: Sequence[str] = ()) -> Wanted:
    """Return the entries of the lock that these models, or all models, need."""
    from modelgen.hub.cache.layout import checkouts
    from modelgen.hub.fetching.planning import Wanted
    from modelgen.lockfile.loading import why_unfit
    from modelgen.resolve.assets import opening_by_name, outside, wants

    lock, models = inputs.lock, named_models(inputs, names)
    assert lock is not None, "a broken one was an error already"  # noqa: S101 - an invariant
    needed = {want: lock.find(want) for want in wants(inputs.runs, lock, models)}
    files = outside(inputs.runs, lock, models)
    assets = {asset.sha256: asset for asset in lock.assets}
    missing = [(want.repo, want.models) for want, entry in needed.items() if entry is None]
    missing += [(file.name, needing) for file, needing in files.items() if file.sha256 not in assets]
    unfit = [
        InputError(f"{', '.join(want.models)}: {want.repo} {fault}; run `modelgen lock`, then `modelgen fetch`")
        for want, entry in needed.items()
        if entry is not None and (fault := why_unfit(want, entry))
    ]
    snapshots = [entry for entry in needed.values() if entry is not None]
    every = [entry for want in wants(inputs.runs, lock) if (entry := lock.find(want)) is not None] if names else None
    return Wanted(
        inputs.hub,
        key,
        checkouts(inputs.hub, snapshots, opening_by_name(inputs.runs), every),
        [assets[file.sha256] for file in files if file.sha256 in assets],
        [*(_not_locked(inputs, what, needing) for what, needing in missing), *unfit],
    )


def _not_locked(inputs: Inputs, what: str, models: Sequence[str]) -> InputError:
    return InputError(f"{inputs.lock_path} does not have {what} as {', '.join(models)} needs it; run `modelgen lock`")


def print_plan(wanted: Wanted, format_: str) -> int:
    """Print what would be downloaded, one line per repository or JSON with each file, and return the exit code."""
    from modelgen.hub.fetching.remembered import Seen

    plan = wanted.plan(Seen(wanted.hub))
    # One content may have several places; it is downloaded once.
    rows = [
        (checkout.repo, file.path, 0 if number else job.file.size - job.have)
        for job in plan.jobs
        for number, (checkout, file) in enumerate(job.places)
    ]
    rows += [("elsewhere", asset.name, asset.size or 0) for asset in plan.assets]
    if format_ == "json":
        import json

        files = [{"repo": repo, "file": file, "bytes": size} for repo, file, size in rows]
        failures = [str(failure) for failure in wanted.not_locked]
        click.echo(json.dumps({"files": files, "bytes": plan.size, "failures": failures}, indent=2))
        return exit_code_of(wanted.not_locked)
    repos: dict[str, list[int]] = {}
    for repo, _, size in rows:
        repos.setdefault(repo, []).append(size)
    width = max((len(f"{sum(sizes):,}") for sizes in repos.values()), default=0)
    most = max((len(f"{len(sizes):,}") for sizes in repos.values()), default=0)
    for repo, sizes in repos.items():
        click.echo(f"{sum(sizes):>{width},}  {len(sizes):>{most},} file{'s' if len(sizes) != 1 else ' '}  {repo}")
    click.echo(f"{len(rows)} file{'s' if len(rows) != 1 else ''}, {of_files(plan.size)} to fetch", err=True)
    for failure in wanted.not_locked:
        click.echo(f"modelgen: {failure}", err=True)
    return exit_code_of(wanted.not_locked)


def exit_code_of(failures: Sequence[ModelgenError]) -> int:
    """Return the exit code for failures: 1 if one can be fixed in the files, else 3."""
    return min((failure.exit_code for failure in failures), default=0)
