"""Implement `modelgen usage` and `modelgen requests`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.control.remote import find_orchestrator, remote_options
from modelgen.cli.terminal import table, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_GROUPS = ("day", "key", "model", "variant")
_TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")
_HEAD = ("ID", "MODEL", "KEY", "STATE", "STATUS", "SECONDS", "PROMPT", "ANSWER", "TOKENS/S", "ROUTE")
_WIDTHS = (6, 20, 12, 11, 6, 8, 8, 8, 8)
"""Least widths of the columns: the lines of `--follow` come one by one."""


@click.command("usage")
@remote_options
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(_GROUPS),
    default=("model",),
    show_default=True,
    help="Sum by this; may be repeated.",
)
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="Days, today included.")
def usage_command(config: Path, url: str | None, *, by: tuple[str, ...], days: int, format_: str) -> int:
    """Show requests and tokens by model, key, day or variant.

    Tokens are those that engines report; UNKNOWN counts requests for which they did not. With a key of role `user`,
    only its own requests are counted.

    \b
    Example:
      modelgen usage
      modelgen usage --by key --by day --days 7
    """
    groups = [*dict.fromkeys(by)]
    answer = find_orchestrator(config, url).ask("GET", f"/usage?by={','.join(groups)}&days={days}")
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return 0
    rows = sorted(
        answer["rows"], key=lambda one: (one.get("day", ""), -one["prompt_tokens"] - one["completion_tokens"])
    )
    head = [*(group.upper() for group in groups), "REQUESTS", "UNKNOWN", "PROMPT", "CACHED", "ANSWER"]
    _print([head, *([*_names(one, groups), *_counts(one)] for one in rows)])
    return 0


def _names(total: dict[str, Any], groups: Sequence[str]) -> list[str]:
    return [total[group] or "-" for group in groups]


def _counts(total: dict[str, Any]) -> list[str]:
    return [f"{total[name]:,}" for name in ("requests", "unknown", *_TOKENS)]


def _print(rows: Sequence[Sequence[str]], least: Sequence[int] = ()) -> None:
    for line in table(rows, width_of(sys.stdout), least):
        click.echo(line)


@click.command("requests")
@remote_options
@click.option("--follow", "-f", is_flag=True, help="Print requests as they end, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(0, 1000), default=20, show_default=True, help="Ended requests.")
@click.option("--cancel", type=click.IntRange(1), metavar="ID", help="Cancel a request instead.")
@click.option("--show", type=click.IntRange(1), metavar="ID", help="Show a request and its answer, with `capture`.")
def requests_command(  # noqa: PLR0913 - its options
    config: Path, url: str | None, *, follow: bool, lines: int, cancel: int | None, show: int | None, format_: str
) -> int:
    """Show the requests that run, and the last ones that ended.

    With a key of role `user`, only its own requests are shown.

    \b
    Example:
      modelgen requests
      modelgen requests --follow
      modelgen requests --cancel 17
      modelgen requests --show 17
    """
    orchestrator, is_json = find_orchestrator(config, url), format_ == "json"
    if follow:
        if not is_json:
            _print([_HEAD], _WIDTHS)
        for request in orchestrator.follow("/requests/live"):
            if request["kind"] == "request" and request["state"] == "ended":
                _print_request(request, is_json=is_json)
        return 0
    if cancel is not None:
        answer = orchestrator.ask("DELETE", f"/requests/{cancel}")
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if is_json else f"canceled request {cancel}")
        return 0
    if show is not None:
        answer = orchestrator.ask("GET", f"/requests/{show}/capture")
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if is_json else _capture_text(answer))
        return 0
    answer = orchestrator.ask("GET", f"/requests?limit={lines}")
    if is_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return 0
    _print([_HEAD, *(_cells(one) for one in (*reversed(answer["ended"]), *answer["running"]))])
    return 0


def _print_request(request: dict[str, Any], *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(request, ensure_ascii=False))
    else:
        _print([_cells(request)], _WIDTHS)


def _capture_text(capture: dict[str, Any]) -> str:
    parts = []
    for message, mark in ((capture["request"], ">"), (capture["answer"], "<")):
        cut = [f"({mark} {message['bytes']:,} bytes; the rest is not kept)"] if message["cut"] else []
        parts += [*(f"{mark} {line}" for line in message["headers"]), "", message["body"].rstrip("\n"), *cut, ""]
    return "\n".join(parts[:-1])


def _cells(request: dict[str, Any]) -> list[str]:
    state = request["outcome"] or request["state"]
    numbers = [request["prompt_tokens"], request["completion_tokens"]]
    rate = request["tokens_per_second"]
    return [
        str(request["id"]),
        request["variant"] or request["model"],
        request["key"] or "-",
        state,
        str(request["status"] or "-"),
        f"{request['seconds']:.1f}",
        *("-" if number is None else f"{number:,}" for number in numbers),
        "-" if rate is None else f"{rate:.1f}",
        request["route"],
    ]
