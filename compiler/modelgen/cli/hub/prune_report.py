"""Print the list of `modelgen prune`: what is removed, what is kept, and which locks need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.reading import printable
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed
    from modelgen.hub.pruning.things import Plan, Thing


def print_plan(plan: Plan, needed: Needed) -> None:
    """Print on stdout what is removed, and on stderr what is kept although no known lock needs it."""
    for line in _lines(plan):
        click.echo(printable(line))
    for state in needed.states:
        if state.fault is not None:
            click.echo(
                printable(
                    f"note: {state.lock.name} {state.fault}; what it needed is kept until "
                    f"`modelgen prune --forget {state.lock.name}`"
                ),
                err=True,
            )
    for path, why in plan.left.items():
        click.echo(printable(f"note: {path} is kept: {why}"), err=True)
    if plan.local:
        size = of_files(sum(thing.bytes for thing in plan.local))
        click.echo(
            f"note: these are kept, since there may be no other copy; --local removes them and frees {size}    more:",
            err=True,
        )
        for thing in plan.local:
            click.echo(printable(f"  {thing.path}: {of_files(thing.bytes)}"), err=True)


def _lines(plan: Plan) -> Iterator[str]:
    for thing in plan.things:
        yield f"{thing.path}"
        yield f"  {thing.kind}, {of_files(thing.bytes)}: {thing.why}"
    for path, commit in plan.refs.items():
        yield path
        yield f"  ref, will point to {commit[:12]}…" if commit else "  ref, of a snapshot that is removed"


def print_json(hub: Path, plan: Plan, needed: Needed, *, removed: bool) -> None:
    """Print everything as one document."""
    import json

    document = {
        "hub": str(hub),
        "removed": removed,
        "bytes": plan.bytes,
        "things": [_as_json(thing) for thing in plan.things],
        "refs": [{"path": path, "commit": commit} for path, commit in plan.refs.items()],
        "local": [_as_json(thing) for thing in plan.local],
        "left": [{"path": path, "why": why} for path, why in plan.left.items()],
        "locks": [{"host": state.lock.host, "path": state.lock.path, "fault": state.fault} for state in needed.states],
    }
    click.echo(json.dumps(document, indent=2))


def _as_json(thing: Thing) -> dict[str, object]:
    return {"kind": thing.kind, "path": thing.path, "bytes": thing.bytes, "why": thing.why}
