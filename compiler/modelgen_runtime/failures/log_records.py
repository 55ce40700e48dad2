"""Parse the prefixes of log lines: process and level. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_JSON = 8_192
_COMPOSE = re.compile(r"[\w.-]{1,80} {1,40}\| ")
# vLLM: `(EngineCore_DP0 pid=585) `, `(VllmWorker rank=0 pid=585) `.
_PROCESS = re.compile(r"\((?P<process>[A-Za-z][\w-]{0,60}(?: rank=\d{1,6})?(?: pid=\d{1,10})?)\) ?")
# vLLM: `ERROR 09-16 17:46:22 [core.py:718] `; older ones without brackets.
_VLLM = re.compile(r"(?P<level>[A-Z]{4,8}) \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \[?[\w./-]{1,120}:\d{1,6}\] ?")
# uvicorn: `ERROR:    …`.
_UVICORN = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL): {1,8}")
# SGLang: `[2025-09-16 17:46:22 TP0] …`.
_SGLANG = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?P<process>(?: [A-Z]{2,3}\d{1,4}){0,4})\] ?")
# TEI: `2026-01-23T13:41:25.805694Z ERROR text_embeddings_backend: path: …`.
_RUST = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{8,20}Z {1,3}(?P<level>[A-Z]{4,5}) ")
# PyTorch: `[W1128 16:13:33.415227268 utils.cpp:218] …`, `W1128 16:21:13.928000 7 torch/…] …`.
_GLOG = re.compile(r"(?:\[rank\d{1,4}\]:)?\[?(?P<level>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d{1,9} ")
_PYTHON_WARNING = re.compile(r"\S{1,400}\.py:\d{1,6}: \w{1,40}Warning: ")

_CHATTER = frozenset({"TRACE", "DEBUG", "INFO", "WARN", "WARNING", "I", "W"})
_ERRORS = frozenset({"ERROR", "CRITICAL", "FATAL", "E", "F"})


@dataclass(frozen=True, slots=True)
class Record:
    """A parsed line.

    Args:
        index: Index of the line.
        process: Name of the process, if several print to one log; "" if unknown.
        level: Log level as written, or "".
        text: The line without its prefix.
    """

    index: int
    process: str
    level: str
    text: str

    @property
    def is_chatter(self) -> bool:
        """Return whether its level is a warning or lower."""
        return self.level in _CHATTER

    @property
    def is_error(self) -> bool:
        """Return whether its level is an error."""
        return self.level in _ERRORS


def read_records(lines: Sequence[str]) -> Iterator[Record]:
    """Parse lines."""
    for index, line in enumerate(lines):
        yield _read(index, line)


def _read(index: int, line: str) -> Record:
    if line[:1] == "{":
        return _read_json(index, line)
    process, level, text = "", "", line
    if (found := _COMPOSE.match(text)) is not None:
        text = text[found.end() :]
    if (found := _PROCESS.match(text)) is not None:
        process, text = found["process"], text[found.end() :]
    for pattern in (_VLLM, _UVICORN, _RUST, _GLOG):
        if (found := pattern.match(text)) is not None:
            return Record(index, process, found["level"], text[found.end() :])
    if (found := _SGLANG.match(text)) is not None:
        return Record(index, found["process"].strip(), level, text[found.end() :])
    return Record(index, process, "WARNING" if _PYTHON_WARNING.match(text) else level, text)


def _read_json(index: int, line: str) -> Record:
    """Parse a line of TEI's `--json-output`."""
    try:
        entry = json.loads(line[:_LONGEST_JSON])
        level, message = entry["level"], entry.get("message") or entry["fields"]["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return Record(index, "", "", line)
    if not isinstance(level, str) or not isinstance(message, str):
        return Record(index, "", "", line)
    return Record(index, "", level, message)
