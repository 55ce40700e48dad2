"""Implement `modelgen inventory`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.completion import complete_models
from modelgen.cli.hub.locked import Inputs, named_models, read_inputs
from modelgen.cli.options import config_option
from modelgen.cli.reading import printable
from modelgen.cli.terminal import width_of
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelgen.lockfile.entries import Asset, Image, Lock
    from modelgen.lockfile.inventory import Item

_NARROWEST = 30
_LABEL = 12
"""Width of the first column."""


@click.command("inventory")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
@config_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="How to print the list; `json` includes the hash of each file.",
)
def inventory_command(config: Path, models: tuple[str, ...], format_: str) -> int:
    """List what models.lock serves, for an audit: licences, terms, Python code, pickles and hashes.

    Everything comes from models.lock, without network. With MODEL, only what these models need is listed.

    \b
    Example:
      modelgen inventory
      modelgen inventory --format json > inventory.json
    """
    inputs = read_inputs(config)
    if inputs.lock is None:
        raise InputError(f"there is no {inputs.lock_path}; run `modelgen lock`")
    names = named_models(inputs, models)
    items, assets, images = _items(inputs, inputs.lock, names), _assets(inputs, inputs.lock, names), inputs.lock.images
    there = {id(item): _there(inputs, item) for item in items}
    if format_ == "json":
        import json

        document = {
            "lock": str(inputs.lock_path),
            "repositories": [_as_json(item, there[id(item)]) for item in items],
            "assets": [asset.model_dump() for asset in assets],
            "images": [image.model_dump() for image in images],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    width = width_of(sys.stdout)
    blocks = [_rows(item, there[id(item)]) for item in items]
    blocks += [_asset_rows(asset) for asset in assets] + [_image_rows(image) for image in images]
    click.echo("\n\n".join("\n".join(_lines(block, width)) for block in blocks))
    return 0


def _items(inputs: Inputs, lock: Lock, names: Sequence[str]) -> list[Item]:
    from modelgen.resolve.assets import wants
    from modelgen.resolve.inventory import items_of

    missing = [want.repo for want in wants(inputs.runs, lock, names) if lock.find(want) is None]
    if missing:
        raise InputError(f"{inputs.lock_path} does not have {missing[0]}; run `modelgen lock`")
    return items_of(inputs.runs, lock, names)


def _assets(inputs: Inputs, lock: Lock, names: Sequence[str]) -> list[Asset]:
    from modelgen.resolve.assets import outside

    needed = {file.sha256 for file in outside(inputs.runs, lock, names)}
    return [asset for asset in lock.assets if asset.sha256 in needed]


def _there(inputs: Inputs, item: Item) -> int:
    """Return how many files of an entry are in the hub directory, with the right sizes."""
    from modelgen.hub.cache.layout import checkouts
    from modelgen.hub.cache.small_files import is_there

    (checkout,) = checkouts(inputs.hub, [item.entry])
    return sum(is_there(checkout.pointer(file), file.size) for file in checkout.files.values())


def _rows(item: Item, there: int) -> Iterator[tuple[str, str]]:
    entry = item.entry
    count = f"{len(entry.files)} file{'s' if len(entry.files) != 1 else ''}"
    yield "repository", entry.repo
    yield "commit", entry.commit + (f" ({entry.revision})" if entry.revision not in (None, entry.commit) else "")
    yield "models", ", ".join(entry.models)
    yield "licence", entry.license or "not stated"
    yield "gated", f"yes, terms: {item.terms}" if entry.gated else "no"
    yield "size", f"{entry.size:,} bytes in {count}"
    yield "in the hub", "all files" if there == len(entry.files) else f"{there} of {count}"
    yield "python", _names(item.python)
    yield "pickles", _names(item.pickles)
    if item.trusting:
        yield "runs code", f"for {', '.join(item.trusting)} (trust_remote_code), from {', '.join(item.code_from)}"
    else:
        yield "runs code", "no"
    yield "digest", f"sha256:{item.digest}"


def _names(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "none"


def _asset_rows(asset: Asset) -> Iterator[tuple[str, str]]:
    yield "file", asset.name
    yield "from", asset.url
    yield "models", ", ".join(asset.models)
    yield "digest", f"sha256:{asset.sha256}"


def _image_rows(image: Image) -> Iterator[tuple[str, str]]:
    yield "image", image.reference
    yield "manifest", image.manifest_digest or "unknown"
    yield "config", image.config_digest or "unknown"


def _lines(rows: Iterator[tuple[str, str]], width: int | None) -> Iterator[str]:
    """Yield one line per row; on a terminal, long lines continue below the second column."""
    import textwrap

    for label, value in rows:
        line = f"{label:<{_LABEL}}{printable(value)}"
        # A hash is broken, too: it has no spaces.
        yield line if width is None else textwrap.fill(line, max(width, _NARROWEST), subsequent_indent=" " * _LABEL)


def _as_json(item: Item, there: int) -> Mapping[str, Any]:
    entry = item.entry
    return {
        "repo": entry.repo,
        "revision": entry.revision,
        "commit": entry.commit,
        "models": entry.models,
        "license": entry.license,
        "gated": entry.gated,
        "terms": item.terms,
        "bytes": entry.size,
        "files_in_hub": there,
        "files": [file.model_dump(exclude_none=True) for file in sorted(entry.files, key=lambda file: file.path)],
        "python": item.python,
        "pickles": item.pickles,
        "trust_remote_code": item.trusting,
        "code_from": item.code_from,
        "digest": item.digest,
    }
