"""Sanitize engine output for display: valid text of bounded length without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINE_BYTES = 65_536  # more than is displayed, so that a secret across the end is masked too
SHOWN_CHARACTERS = 8_192
START_MARK = "[modelgen] start "
BEGIN_LINES, END_LINES = 1_000, 4_000
"""Maximum bytes of a start that are searched for its cause, so that the search does not delay other tasks."""

# Tokens of the hub, OpenAI and Anthropic, GitHub, GitLab, AWS, Slack and Google.
_TOKEN = re.compile(
    r"hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|AKIA[0-9A-Z]{16}|xox[abeprs]-[\w-]{10,}|AIza[\w-]{30,}"
)
_MAY_HOLD_SECRET = re.compile(r"key|token|secret|passw|authorization|@", re.IGNORECASE)
"""Matches every line that can contain a secret, so that the patterns below are skipped for most lines."""
_BESIDE_NAME = (
    re.compile(r"([?&][\w-]{0,24}?(?:key|token)=)[^&\s\"']+", re.IGNORECASE),  # in request paths
    re.compile(r"(://[^/\s:@]{0,64}:)[^/\s@]{1,256}(?=@)"),
    re.compile(
        r"(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?:basic|bearer|token)\s{1,4})?)[^\s\"',;)}\]]+", re.IGNORECASE
    ),
    # Names that always mean a secret; a bare `key` or `token` is usually one of a model's.
    re.compile(
        r"((?:api[-_]?key|access[-_]?key(?:[-_]id)?|secret[-_]?key|private[-_]?key|(?:auth|access|hf|hub|api|bearer)[-_]token"
        r"|client[-_]secret|passw(?:or)?d)[\"']?\s{0,4}[:=]\s{0,4}\[?[\"']?)(?!None\b|null\b|•)[^\s\"',;)}\]&]{4,}",
        re.IGNORECASE,
    ),
    re.compile(r"(--[\w-]{0,32}(?:key|token|secret|password)\s{1,4})\S+", re.IGNORECASE),
    re.compile(r"(\b(?:token|secret)=[\"'])[^\"'<\s]{8,}", re.IGNORECASE),
)
MASK = "•••"
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST_SECRET = 8  # masking shorter values would garble lines
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code != ord("\t")}


def clean_line(line: bytes, secrets: Iterable[str] = ()) -> str:
    """Return a line for display.

    Args:
        line: Without its line feed; possibly the start of a long one.
        secrets: Values to mask.
    """
    # A progress bar is one line with many carriage returns. A terminal shows its last state.
    shown = line[:LINE_BYTES].rstrip(b"\r").rsplit(b"\r", 1)[-1]
    text = _COLOUR.sub("", shown.decode(errors="replace")).translate(_CONTROL)
    for secret in secrets:
        text = text.replace(secret, MASK)
    masked = mask(text)
    return masked if len(masked) <= SHOWN_CHARACTERS else f"{masked[:SHOWN_CHARACTERS]} … (cut)"


def mask(text: str) -> str:
    """Return a text without what looks like a secret."""
    masked = _TOKEN.sub(MASK, text)
    if _MAY_HOLD_SECRET.search(masked):
        for pattern in _BESIDE_NAME:
            masked = pattern.sub(rf"\1{MASK}", masked)
    return masked


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """Return the values of variables with secret names; a value that contains another precedes it."""
    named = [value for name, value in environment.items() if _SECRET.search(name)]
    return sorted((value for value in named if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)


def left_out(count: int, *, is_least: bool = False) -> str:
    """Return the line that replaces lines which a follower missed."""
    if count == 0:
        return "[modelgen] some lines were left out"
    return f"[modelgen] {'at least ' if is_least else ''}{count:,} line{'' if count == 1 else 's'} left out"


def lines_of_last_start(lines: list[str]) -> list[str]:
    """Return the output since the last start, by the mark that drivers write before each start."""
    starts = [index for index, line in enumerate(lines) if line.startswith(START_MARK)]
    return lines[starts[-1] + 1 :] if starts else lines
