"""Print the plan and the result of `modelgen bundle create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.reading import printable, say, warn
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modelgen.bundle.create import Done
    from modelgen.bundle.folder import Existing
    from modelgen.bundle.plan import Plan

_RATES = {20: "a slow stick", 100: "a fast stick, a hard disk", 400: "an SSD"}
"""Rates in MB/s for which the minutes are printed: that of the drive is not known before it is written."""
_MOST_NAMES = 10
"""The most models that a line names; CONTENTS.md has them all."""


def print_plan(found: Plan, existing: Existing, format_: str) -> None:
    """Print what a run would write."""
    missing, images = found.missing, found.missing_images
    size = missing + images
    if format_ == "json":
        minutes = [{"bytes_per_second": rate * 10**6, "minutes": _minutes(size, rate)} for rate in _RATES]
        _print_json(found, {"missing": missing, "images": images, "free": existing.free, "minutes": minutes})
        return
    built = f" and what is built first ({', '.join(found.images.to_build)})" if found.images.to_build else ""
    rows = [
        ("models", f"{len(found.order.origin.resolved.runs)}"),
        ("contents", f"{len(found.carried):,}, {of_files(found.size)}"),
        ("other host has", of_files(sum(found.expected.values())) if found.expected else ""),
        ("already there", of_files(found.size - missing) if missing != found.size else ""),
        ("images", f"at most {of_files(images)}{built}" if images or built else ""),
        ("to write", f"{of_files(size)}, {of_files(existing.free)} free"),
        ("volumes", f"{found.volumes} of {of_files(found.order.split)}" if found.order.split else ""),
        *(("time" if not number else "", text) for number, text in enumerate(_times(size))),
    ]
    for label, value in rows:
        if value:
            click.echo(printable(f"{label:<16}{value}"))
    _print_notes(found.contents.notes)
    if size > existing.free:
        say(f"{found.order.folder} does not have enough space; free some, or pass a folder on another drive")


def print_result(done: Done, format_: str) -> None:
    """Print what was written."""
    made, found = done.bundle, done.plan
    size = sum(blob.size for blob in made.blobs.values())
    if format_ == "json":
        images = [{"reference": one.reference, "role": one.role, "bytes": one.size} for one in made.images]
        more = {"written": found.store.written, "images": images, "proven": made.proven, "warnings": [*done.warnings]}
        _print_json(found, {**more, "contents": len(made.blobs), "bytes": size})
        return
    _print_notes(found.contents.notes)
    for warning in done.warnings:
        warn(warning)
    folder = found.order.folder
    volumes = f" on {found.dealer.volumes} volumes" if found.order.split else ""
    written = f"{of_files(found.store.written)} written"
    say(f"{folder}: {len(made.blobs):,} contents, {of_files(size)}{volumes}, {written}")
    if made.without:
        say(f"left out as you asked: {', '.join(made.without)}")
    for line in proof_lines(made.proven):
        say(line)
    say(f"next: carry {folder} over, and follow its README.txt there")


def proof_lines(proven: Mapping[str, bool | str]) -> Iterator[str]:
    """Yield a line for the models whose engines looked up their files, and one for each reason why others did not."""
    by_result: dict[bool | str, list[str]] = {}
    for model, result in sorted(proven.items()):
        by_result.setdefault(result, []).append(model)
    if tried := by_result.pop(True, []):
        yield f"tried: {_few(tried)}; the engine found all files that it opens at start, in this bundle"
    for reason, models in by_result.items():
        yield f"not tried: {_few(models)}; {reason}"


def _few(models: Sequence[str]) -> str:
    more = len(models) - _MOST_NAMES
    return ", ".join(models[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


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


def _print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(printable(f"note: {note}"), err=True)


def _print_json(found: Plan, more: Mapping[str, Any]) -> None:
    import json

    document = {
        "folder": str(found.order.folder),
        "contents": len(found.carried),
        "bytes": found.size,
        "expected": sum(found.expected.values()),
        "volumes": found.volumes,
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
