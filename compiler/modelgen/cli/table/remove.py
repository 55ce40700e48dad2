"""Implement `modelgen remove`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import reader
from modelgen.cli.completion import complete_models
from modelgen.cli.options import config_option
from modelgen.cli.reading import say
from modelgen.cli.table.change import Files, compiled, errors_of, next_command, read_files, refuse, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelgen.cli.table.text import Removal
    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.resolve import ModelRun


@click.command("remove")
@click.argument("model", shell_complete=complete_models)
@config_option
def remove_command(model: str, config: Path) -> int:
    """Remove a model from models.toml, its profiles and models.lock.

    Its table is removed with the tables below it and the comments right above it. A profile that has no other model is
    removed too. Weights stay in the hub directory until `modelgen prune`.

    \b
    Example:
      modelgen remove qwen3vl-4b
    """
    before = read_files(config)
    model = _find(before, model)
    from modelgen.cli.table.text import without_model

    removal = without_model(before.data, model)
    after = replace(before, data=removal.data)
    compilation, known = compiled(after), {(found.code, found.message) for found in errors_of(compiled(before))}
    # The file may have had errors, possibly of this model, but it must not get others.
    if new := [found for found in errors_of(compilation) if (found.code, found.message) not in known]:
        return refuse(compilation, new, f"without `{model}`, the file would have new errors; {before.unchanged}")
    gone: list[Snapshot] = []
    if before.lock is not None and not compilation.failed:
        lock, gone = without_unneeded(after)
        after = replace(after, lock=lock)
    write(before, after, is_lock_first=False)
    _report(before, model, removal, gone, is_locked=not compilation.failed)
    for name in sorted(_unused_engines(after) - _unused_engines(before)):
        say(f"no model uses [engines.{name}] now")
    click.echo(f"next: {next_command(compilation, before.config)}", err=True)
    return 0


def _find(files: Files, name: str) -> str:
    """Return the id of the model with this name; the file may have errors elsewhere."""
    import tomllib

    from modelgen.cli.hub.locked import find_id
    from modelgen.files import InputError
    from modelgen.load.text import decode

    try:
        models = tomllib.loads(decode(files.data)).get("models")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{files.config} cannot be read; run `modelgen validate`") from error
    known = {id_: _names(table) for id_, table in models.items()} if isinstance(models, dict) else {}
    return find_id(name, known, files.config)


def _names(table: object) -> tuple[object, ...]:
    """Return the other names of a model, as far as its table is as it should be."""
    if not isinstance(table, dict):
        return ()
    aliases = table.get("aliases")
    return (table.get("repo"), *(aliases if isinstance(aliases, list) else ()))


def without_unneeded(files: Files) -> tuple[bytes, list[Snapshot]]:
    """Return the lock without the entries that no model needs any more, and these entries."""
    from modelgen.lockfile.reading import parse_lock
    from modelgen.lockfile.writing import render_lock
    from modelgen.pipeline import check_source

    resolved = check_source(files.data, read=reader(files.config)).resolved
    old, _ = parse_lock(files.lock or b"")
    assert resolved is not None and old is not None, "the compiler has accepted both"  # noqa: S101, PT018
    new = _needed(old, resolved.runs)
    kept = {entry.want for entry in new.snapshots}
    return render_lock(new), [entry for entry in old.snapshots if entry.want not in kept]


def _needed(old: Lock, runs: Mapping[str, ModelRun]) -> Lock:
    """Return the entries that the models need, as `modelgen lock` would keep them; nothing is looked up."""
    from modelgen.cli.lock.images import references
    from modelgen.hub.locking.relock import with_models
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve.assets import outside, wants

    snapshots = [(old.find(want), [*want.models]) for want in wants(runs, old)]
    files = {file.sha256: [*models] for file, models in outside(runs, old).items()}
    images = references(runs)
    return Lock(
        snapshots=[with_models(entry, models) for entry, models in snapshots if entry is not None],
        assets=[
            asset.model_copy(update={"models": files[asset.sha256]}) for asset in old.assets if asset.sha256 in files
        ],
        images=[image for image in old.images if image.reference in images],
    )


def _report(files: Files, model: str, removal: Removal, gone: list[Snapshot], *, is_locked: bool) -> None:
    import tomllib

    from modelgen.load.text import decode
    from modelgen.lockfile.repos import is_local
    from modelgen.sizes import of_files

    say(f"removed [models.{model}] from {files.config}")
    if removal.shortened:
        say(f"removed it from {_profiles(removal.shortened)}")
    if removal.removed:
        say(f"removed {_profiles(removal.removed)}, which had no other model")
        profiles = tomllib.loads(decode(files.data))["profiles"]
        if any(profiles[name].get("default") for name in removal.removed):
            say("no profile is loaded at start now: write `default = true` in the one that should be")
    if files.lock is not None and not is_locked:
        say("models.toml has errors, so models.lock is unchanged; fix them, then run `modelgen lock`")
    if gone := _on_disk(files, gone):
        size = of_files(sum(entry.size for entry in gone))
        option = " --local" if any(is_local(entry.repo) for entry in gone) else ""
        repos = ", ".join(dict.fromkeys(entry.repo for entry in gone))
        say(
            f"{size} of {repos} stay in the hub directory; to free them, run `modelgen fetch && modelgen up && "
            f"modelgen prune{option}`"
        )


def _on_disk(files: Files, gone: list[Snapshot]) -> list[Snapshot]:
    """Return the entries whose snapshot is in the hub directory, complete or not."""
    import tomllib

    from modelgen.cli.hub.hub_options import hub_directory
    from modelgen.load.text import decode
    from modelgen.lockfile.repos import snapshot_folder

    project = tomllib.loads(decode(files.data)).get("project")
    hub = project.get("hub") if isinstance(project, dict) else None
    if not isinstance(hub, str):
        return []
    folder = hub_directory(hub, files.config.parent)
    return [entry for entry in gone if os.path.isdir(folder / snapshot_folder(entry.repo, entry.commit))]  # noqa: PTH112


def _unused_engines(files: Files) -> set[str]:
    """Return the tables of engines that no model of the file uses."""
    from modelgen.pipeline import check_source

    resolved = check_source(files.data, read=reader(files.config)).resolved
    if resolved is None:
        return set()
    return {*(resolved.document.config.engines or {})} - {run.engine_name for run in resolved.runs.values()}


def _profiles(names: tuple[str, ...]) -> str:
    return f"the profile{'s' if names[1:] else ''} {', '.join(f'`{name}`' for name in names)}"
