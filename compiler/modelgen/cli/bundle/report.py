"""Print the plan and the result of `modelgen bundle create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.reading import printable, say
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.bundle.folder import Existing
    from modelgen.bundle.manifest import Bundle
    from modelgen.bundle.plan import Plan

_RATES = {20: "a slow stick", 100: "a fast stick, a hard disk", 400: "an SSD"}
"""Rates in MB/s for which the minutes are printed: that of the drive is not known before it is written."""


def print_plan(found: Plan, existing: Existing, format_: str) -> None:
    """Print what a run would write."""
    size, missing = found.size, found.missing
    if format_ == "json":
        minutes = [{"bytes_per_second": rate * 10**6, "minutes": _minutes(missing, rate)} for rate in _RATES]
        _print_json(found, {"missing": missing, "free": existing.free, "minutes": minutes})
        return
    rows = [
        ("models", f"{len(found.order.origin.resolved.runs)}"),
        ("contents", f"{len(found.carried):,}, {of_files(size)}"),
        *([("other host has", of_files(sum(found.expected.values())))] if found.expected else []),
        *([("already there", of_files(size - missing))] if missing != size else []),
        ("to write", f"{of_files(missing)}, {of_files(existing.free)} free"),
        *([("volumes", f"{found.dealer.volumes} of {of_files(found.order.split)}")] if found.order.split else []),
        ("time", "; ".join(_times(missing))),
    ]
    for label, value in rows:
        click.echo(f"{label:<16}{value}")
    _print_notes(found)
    if missing > existing.free:
        say(f"{found.order.folder} does not have enough space; free some, or pass a folder on another drive")


def print_result(made: Bundle, found: Plan, format_: str) -> None:
    """Print what was written."""
    if format_ == "json":
        _print_json(found, {"written": found.store.written})
        return
    _print_notes(found)
    folder, size = found.order.folder, found.size
    volumes = f" on {found.dealer.volumes} volumes" if found.order.split else ""
    click.echo(
        printable(
            f"{folder}: {len(made.blobs):,} contents, {of_files(size)}{volumes}; "
            f"{of_files(found.store.written)} written"
        ),
        err=True,
    )
    for name in made.without:
        say(f"without {name}, as `--without {name}` says")
    click.echo(printable(f"next: carry {folder} over, and follow its README.txt there"), err=True)


def print_faults(faults: Mapping[str, str], format_: str) -> None:
    """Print the models that cannot be carried."""
    if format_ == "json":
        import json

        click.echo(json.dumps({"faults": _listed(faults)}, indent=2, ensure_ascii=False))
        return
    for model, fault in sorted(faults.items()):
        click.echo(printable(f"error: {model}: {fault}"))
    count = f"{len(faults)} model{'s' if len(faults) > 1 else ''}"
    say(f"{count} cannot be carried, so no bundle was made; repair them, or leave them out with --keep-going")


def print_unfit(problems: Sequence[str]) -> None:
    """Print why the host that the bundle is for cannot hold it."""
    for problem in problems:
        click.echo(printable(f"error: {problem}"), err=True)
    say("nothing was written")


def _print_notes(found: Plan) -> None:
    for note in found.contents.notes:
        click.echo(printable(f"note: {note}"), err=True)


def _print_json(found: Plan, more: Mapping[str, Any]) -> None:
    import json

    document = {
        "folder": str(found.order.folder),
        "contents": len(found.carried),
        "bytes": found.size,
        "expected": sum(found.expected.values()),
        "volumes": found.dealer.volumes,
        "without": [*found.order.without],
        "left_out": _listed(found.order.left_out),
        "notes": found.contents.notes,
        **more,
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _listed(faults: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"model": model, "reason": fault} for model, fault in sorted(faults.items())]


def _times(size: int) -> Iterator[str]:
    for rate, what in _RATES.items():
        minutes = _minutes(size, rate)
        shown = f"about {minutes:,.0f} min" if minutes >= 1 else "less than a minute"
        yield f"{shown} at {rate} MB/s ({what})"


def _minutes(size: int, rate: int) -> float:
    return round(size / (rate * 10**6) / 60, 1)
