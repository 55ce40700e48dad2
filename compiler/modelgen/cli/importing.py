"""Implement `modelgen import`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from modelgen.cli.compiling import reader
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.findings import print_diagnostics
from modelgen.cli.foreign_files import assumed_option, card_of, default_files, gpu_option, read_foreign, versions_of
from modelgen.cli.options import in_folder
from modelgen.files import ModelgenError, create
from modelgen.importing.llamaswap.keys import KEYS_FILE


@click.command("import")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@gpu_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    default=Path("models.toml"),
    show_default=True,
    help="The file to write; `-` prints it.",
)
@assumed_option
def import_command(files: tuple[Path, ...], *, gpu: str | None, out: Path, assumed: tuple[str, ...]) -> int:
    """Write a models.toml from the engines in a file of another tool. An existing file is never overwritten.

    FILE is what `modelgen lint` reads: Compose files, a shell script or systemd unit, a llama-swap config, or a recipe
    of vllm-project/recipes. Paths and mounts that cannot work are corrected, and a comment names what was written. What
    models.toml does not take is in a comment with the reason. Secrets are not copied; of llama-swap's `apiKeys`, hashes
    are written to keys/keys.txt beside the new file. FILE itself is not changed.

    \b
    Example:
      modelgen import docker-compose.yml --gpu "RTX 3090"
      modelgen import llama-swap/config.yaml --out models.toml
      modelgen import serve.sh --assume-version vllm=0.30.0 --out -
    """
    is_printed = out == Path("-")
    out = out if is_printed else in_folder(out)
    if not is_printed and (out.exists() or out.is_symlink()):
        raise _is_there(out)
    paths = files or default_files()
    foreign = read_foreign(paths)
    from modelgen.checks.foreign import check_reading
    from modelgen.diagnostics import has_errors
    from modelgen.importing import import_services
    from modelgen.pipeline import check_source

    unread = [*check_reading(foreign)]
    print_diagnostics(unread, foreign.sources, to_stderr=True, command="lint")
    if has_errors(unread):
        return FOUND
    folder = paths[0].parent
    imported = import_services(
        foreign,
        project=folder.resolve().name,
        folder=os.path.relpath(folder, Path() if is_printed else out.parent).replace(os.sep, "/"),
        card=card_of(gpu),
        assumed=versions_of(assumed),
        read=reader(paths[0]),
    )
    if not imported.models:
        for note in imported.notes:
            click.echo(f"modelgen: {note}", err=True)
        click.echo(
            f"modelgen: no engine found in {_counted(len(imported.others), 'service')}; nothing is written", err=True
        )
        return 0
    data = imported.text.encode()
    if is_printed:
        click.echo(imported.text, nl=False)
        if imported.keys:
            click.echo(f"modelgen: `--out -` does not write {KEYS_FILE}: `modelgen key` makes its lines", err=True)
    else:
        _write(out, data, imported.keys)
    for note in imported.notes:
        click.echo(f"modelgen: {note}", err=True)
    checked = check_source(data, None, path=str(out))
    errors = [one for one in checked.diagnostics if one.severity == "error"]
    print_diagnostics(errors, (checked.source,), to_stderr=True)
    count = len(imported.models)
    if not is_printed:
        click.echo(f"modelgen: wrote {out}: {_counted(count, 'model')}", err=True)
        _say_keys(out, imported.keys)
        click.echo(
            f"next: {'correct the errors' if errors else 'read it'}, then modelgen validate && modelgen lock", err=True
        )
    return FOUND if errors else 0


def _write(out: Path, data: bytes, keys: str) -> None:
    """Write models.toml after its keys file: a file of the same keys may be there, of a run that was killed."""
    path = out.parent / KEYS_FILE
    try:
        if keys and not (path.exists() and path.read_bytes() == keys.encode()):
            # Keys that people chose can be guessed from their hashes, so reading them is for the user to allow.
            create(path, keys.encode(), mode=0o600)
        path = out
        create(path, data)
    except FileExistsError as error:
        raise _is_there(path) from error
    except OSError as error:
        raise cannot("write", path, error, "make its directory writable, or pass another --out") from error


def _say_keys(out: Path, keys: str) -> None:
    """Say what is left to do for the keys before `modelgen up` takes them."""
    if not keys:
        return
    path = out.parent / KEYS_FILE
    count = _counted(keys.count("\n"), "key")
    click.echo(
        f"modelgen: wrote {path}, which only you can read: hashes of {count} of clients, with the role `user`; add the "
        f"line of `modelgen key --role admin`, and let the orchestrator read it: `chmod a+r {shlex.quote(str(path))}`",
        err=True,
    )


def _is_there(out: Path) -> ModelgenError:
    return ModelgenError(f"{out} exists; pass --out with another name, or `--out -` to print the file")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
