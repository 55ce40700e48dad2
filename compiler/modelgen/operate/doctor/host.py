"""Read a host's programs and files, within a few seconds."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.operate.programs import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL_TOGETHER = 4.0
"""Time limit in seconds for all checks together."""
_EACH = 3.0
_MOST = 1 << 20


class Host:
    """A host to check. Thread-safe.

    Args:
        environment: Environment variables, including the PATH for programs.
        root: The folder of /proc, /sys, /etc, /dev and /var.
        patience: Time limit in seconds for everything together, from now on.
        each: Time limit in seconds for one program.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        root: Path = Path("/"),
        patience: float = ALL_TOGETHER,
        each: float = _EACH,
    ) -> None:
        self.environment = os.environ if environment is None else environment
        self._root = root
        self._end, self._each = time.monotonic() + patience, each
        self._asked: dict[tuple[tuple[str, ...], bytes], Future[Answer]] = {}
        self._guard = threading.Lock()

    @property
    def seconds_left(self) -> float:
        """The seconds that remain."""
        return self._end - time.monotonic()

    def which(self, program: str) -> str | None:
        """Return the path of a program, or None."""
        return shutil.which(program, path=self.environment.get("PATH"))

    def run(self, program: str, *arguments: str, given: bytes = b"") -> Answer:
        """Return the answer of a program, with optional stdin; equal calls run it only once."""
        question = ((program, *arguments), given)
        with self._guard:
            is_new = question not in self._asked
            said = self._asked.setdefault(question, Future())
        if is_new:
            path = self.which(program)
            try:
                said.set_result(
                    Answer(None, errors=f"`{program}` is not installed")
                    if path is None
                    else ask([path, *arguments], min(self._each, self.seconds_left), self.environment, given)
                )
            except BaseException as error:  # else threads that wait for the same answer would wait for ever
                said.set_exception(error)
                raise
        return said.result()

    def path(self, path: str) -> Path:
        """Return the path of a system file."""
        return self._root / path.lstrip("/")

    def free(self, place: Path) -> int | None:
        """Return the free bytes at a path; None if the path is missing or in a closed folder."""
        try:
            return shutil.disk_usage(place).free
        except (OSError, ValueError):
            return None

    def read(self, path: str) -> str | None:
        """Return the text of a system file, or None if it is missing or not readable."""
        return read_text(self.path(path))


def read_text(path: Path) -> str | None:
    """Return the text of a file, or None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode(errors="replace")
    except (OSError, ValueError):  # a zero byte in a path is a ValueError
        return None
