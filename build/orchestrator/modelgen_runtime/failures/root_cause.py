"""Find the cause in the output of a failed start. Pure.

Engines of several processes print the cause long before the end: what comes last is the traceback of the process that
waited for the others. So all tracebacks are read, each process by itself, and those that only report another one's
failure are left out.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.failures.log_records import Record, read_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

GAP = "…"
"""Separates lines that were not consecutive."""

_FRAME_LINES, _MESSAGE_LINES, _CAUSE_LINES = 6, 12, 14
_NOTICED_LINES, _BEFORE_LINES, _END_LINES, _LAST_LINES = 3, 6, 4, 20
_CHARACTERS = 2_000
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
# Names of exceptions in the last line of a traceback.
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?:Error|Exception|Exit|Interrupt|Warning|Group|Dead)\b(?::|$)")

# Lines before a traceback that ends a process, and before one that it survives.
_FATAL = re.compile(
    r"EngineCore failed to start|EngineCore encountered a fatal error|EngineCore hit an exception"
    r"|WorkerProc failed to start|WorkerProc hit an exception|Scheduler hit an exception|hit an exception: Traceback"
    r"|Process [\w-]{1,80}:$|Exception in worker"
)
_SURVIVED = re.compile(
    r"Exception in ASGI application|Exception ignored in|Exception in thread|exception was never retrieved"
    r"|Invocation of \w{1,80} method failed|Error in preprocessing"
)
# Exceptions that only report the failure of another or an earlier process.
_CONSEQUENCE = re.compile(
    r"Engine core initialization failed|[Ee]ngine process failed to start|EngineDeadError|EngineGenerateError"
    r"|See (?:stack trace|root cause)|[Ss]ee the error messages? above|[Ii]nitialization failed due to an exception"
    r"|EngineCore encountered an issue|scheduler (?:is dead|died)|DistBackendError|ChildFailedError"
    r"|died unexpectedly|Background loop|cancelled|exiting due to model loading error|Received sigquit from a child"
)
_BROKEN_OFF = re.compile(
    r"(?:SystemExit|KeyboardInterrupt|EOFError|BrokenPipeError|ConnectionResetError|CancelledError)\b(?::|$)"
)
# Errors without a traceback: of TEI, llama.cpp, argparse, clap, linkers, Docker.
_ERROR_LINE = re.compile(
    r"(?:^|\s)error:|^Error\b|^fatal|\bfatal\s*:|panicked at|error loading|error while |Error response from daemon"
    r"|(?:[Ff]ailed|unable|cannot|could not|couldn't) (?:to |be |bind|open|load|allocate|select|start|find)"
    r"|cudaMalloc failed|^terminate called|CUDA error|core dumped"
)


@dataclass(slots=True)
class _Raised:
    """One exception of a traceback: the indices of its last frames and its message."""

    name: str
    frames: list[Record]
    message: list[Record]

    @property
    def is_consequence(self) -> bool:
        """Return whether it only reports another failure."""
        text = " ".join(record.text for record in self.message)
        return bool(_BROKEN_OFF.match(self.name) or _CONSEQUENCE.search(text[:_CHARACTERS]))


@dataclass(slots=True)
class _Chain:
    """A chain of exceptions, the first cause first."""

    process: str
    is_logged: bool
    is_fatal: bool = False
    is_survived: bool = False
    raised: list[_Raised] = field(default_factory=list)

    @property
    def is_consequence(self) -> bool:
        """Return whether none of them is a cause."""
        return all(one.is_consequence for one in self.raised)

    @property
    def begin(self) -> int:
        """Index of its first message."""
        return self.raised[0].message[0].index

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key, lowest for the likeliest cause: fatal tracebacks, then those of workers, then the earliest."""
        if self.is_fatal:
            return 0, self.begin
        is_inner = self.process != "" and not self.process.startswith(("APIServer", "ApiServer"))
        if self.is_survived or (self.is_logged and not is_inner):
            return 3, self.begin
        return 1 if is_inner else 2, self.begin

    def indices(self) -> Iterator[int]:
        """Yield its lines: the innermost cause with its last frames, and the messages of the others."""
        causes = [one for one in self.raised if not one.is_consequence] or self.raised[:1]
        first, *later = causes
        message = first.message[:_MESSAGE_LINES]
        frames = first.frames[-min(_FRAME_LINES, max(2, _CAUSE_LINES - len(message))) :]
        for record in (*frames, *message, *itertools.chain.from_iterable(one.message[:3] for one in later[-2:])):
            yield record.index


@dataclass(frozen=True, slots=True)
class Cause:
    """The parts of the output that explain a failed start.

    Args:
        said: The lines of the cause; empty if none was found.
        noticed: Reports of the failure by other processes.
        rest: Other lines in order, without warnings and routine messages.
        shown: The lines of the cause and the end, at most about twenty, with `GAP` in between.
        is_raised: Whether the cause is an exception of a traceback.
    """

    said: tuple[str, ...]
    noticed: tuple[str, ...]
    rest: tuple[str, ...]
    shown: tuple[str, ...]
    is_raised: bool


def find_cause(lines: Sequence[str]) -> Cause:
    """Return the innermost exception of the first process that failed, else the first errors without a traceback."""
    records = [*read_records(lines)]
    chains = [*_read_chains(records)]
    causes = [chain for chain in chains if not chain.is_consequence]
    chosen, before = [], []
    if causes:
        chosen = [*min(causes, key=lambda chain: chain.rank).indices()]
    else:
        inside = {record.index for chain in chains for one in chain.raised for record in (*one.frames, *one.message)}
        outside = [one for one in records if one.index not in inside and not one.text.endswith(_TRACEBACK)]
        chosen = [*_with_following([one.index for one in outside if _is_error(one)][:4], records)]
        if chains and not chosen:  # a killed process prints no cause, so other processes and its last lines have to do
            before = [one.index for one in outside if _CONSEQUENCE.search(one.text[:_CHARACTERS])][:_NOTICED_LINES]
            before += [one.index for one in outside[-_BEFORE_LINES:]]
    cause_lines = sorted(set(chosen))[: _CAUSE_LINES + _MESSAGE_LINES]
    known = set(cause_lines)
    others = [one for one in records if one.index not in known and not one.is_chatter]
    noticed = [lines[one.index] for one in others if _CONSEQUENCE.search(one.text[:_CHARACTERS])]
    rest = [lines[one.index] for one in others]
    end = range(max(0, len(lines) - (_END_LINES if cause_lines or before else _LAST_LINES)), len(lines))
    return Cause(
        tuple(lines[index] for index in cause_lines),
        tuple(noticed),
        tuple(rest),
        tuple(_show(lines, {*cause_lines, *before, *end})),
        bool(causes),
    )


def _show(lines: Sequence[str], indices: Iterable[int]) -> Iterator[str]:
    before: int | None = None
    for index in sorted(indices):
        if before is not None and index != before + 1:
            yield GAP
        yield lines[index]
        before = index


def _is_error(record: Record) -> bool:
    """Return whether a line is an error, by its level, else by its text."""
    if record.is_chatter or _CONSEQUENCE.search(record.text[:_CHARACTERS]) or _FATAL.search(record.text[:_CHARACTERS]):
        return False
    return record.is_error or bool(_ERROR_LINE.search(record.text[:_CHARACTERS]) or _EXCEPTION.match(record.text))


def _with_following(indices: Iterable[int], records: Sequence[Record]) -> Iterator[int]:
    """Yield the indices, each with the indented lines below it: anyhow's causes, clap's tips, pydantic's values."""
    at = {record.index: position for position, record in enumerate(records)}
    for index in indices:
        yield index
        for record in records[at[index] + 1 : at[index] + 5]:
            if not record.text.startswith(" "):
                break
            yield record.index


def _read_chains(records: Sequence[Record]) -> Iterator[_Chain]:
    """Yield the tracebacks of all streams, chained ones together."""
    streams: dict[tuple[str, bool], list[Record]] = {}
    for record in records:
        if not record.is_chatter:
            streams.setdefault((record.process, record.is_error), []).append(record)
    for (process, is_logged), stream in streams.items():
        yield from _read_stream(process, stream, is_logged=is_logged)


def _read_stream(process: str, stream: Sequence[Record], *, is_logged: bool) -> Iterator[_Chain]:
    chain: _Chain | None = None
    position = 0
    while position < len(stream):
        record = stream[position]
        if not record.text.endswith(_TRACEBACK):
            position += 1
            continue
        raised, end = _read_raised(stream, position + 1)
        is_chained = chain is not None and any(
            one.text.startswith(_CHAINED) for one in stream[max(0, position - 3) : position]
        )
        if not is_chained:
            if chain is not None:
                yield chain
            before = " ".join(one.text for one in stream[max(0, position - 2) : position + 1])
            is_fatal, is_survived = bool(_FATAL.search(before)), bool(_SURVIVED.search(before))
            chain = _Chain(process, is_logged, is_fatal=is_fatal, is_survived=is_survived)
        if raised is not None and chain is not None:
            chain.raised.append(raised)
        elif chain is not None and not chain.raised:
            chain = None
        position = end
    if chain is not None:
        yield chain


def _read_raised(stream: Sequence[Record], position: int) -> tuple[_Raised | None, int]:
    """Return the exception below `Traceback (most recent call last):`, and the index after it."""
    frames: list[Record] = []
    while position < len(stream) and (stream[position].text.startswith((" ", "\t")) or not stream[position].text):
        if stream[position].text:
            frames.append(stream[position])
        position += 1
    if position == len(stream) or stream[position].text.endswith(_TRACEBACK):
        return None, position
    message = [stream[position]]
    for record in stream[position + 1 : position + _MESSAGE_LINES]:
        if not record.text.startswith((" ", "\t")) or record.index > message[-1].index + _MESSAGE_LINES:
            break
        message.append(record)
    return _Raised(message[0].text, frames, message), position + len(message)
