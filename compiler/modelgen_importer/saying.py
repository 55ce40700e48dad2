"""Print what happens: sentences, one line of progress on a terminal, and what a bundle says about itself."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from modelgen_importer.manifest import RefusedError, UnableError, cannot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelgen_importer.manifest import Bundle

T = TypeVar("T")
R = TypeVar("R")


def say(text: str, *, is_fault: bool = False) -> None:
    """Print a line; characters that are not printable, which a bundle may hold, become question marks."""
    line = "".join(character if character.isprintable() else "?" for character in text)
    stream = sys.stderr if is_fault else sys.stdout
    encoding = stream.encoding or "ascii"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def size_of(number: int) -> str:
    """Return a number of bytes in decimal units."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if value < 999.5 or unit == "PB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


class StoppedError(Exception):
    """Another thread has failed."""


class Progress:
    """One line on a terminal, and nothing elsewhere.

    Args:
        total: The bytes to come.
    """

    is_stopped = False

    def __init__(self, total: int) -> None:
        self._total, self._done, self._shown = total, 0, 0.0
        self._begun, self._guard = time.monotonic(), threading.Lock()
        self._is_on = bool(total) and sys.stderr.isatty()

    def add(self, count: int) -> None:
        """Count bytes.

        Raises:
            StoppedError: `each` has failed.
        """
        if self.is_stopped:
            raise StoppedError
        if not self._is_on:
            return
        with self._guard:
            self._done += count
            now = time.monotonic()
            if now - self._shown >= 0.2:
                self._shown = now
                rate = self._done / max(now - self._begun, 0.001)
                line = f"{size_of(self._done)} of {size_of(self._total)}, {size_of(int(rate))}/s"
                sys.stderr.write(f"\r{line:<60}")
                sys.stderr.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._is_on:
            sys.stderr.write(f"\r{'':<60}\r")
            sys.stderr.flush()


def each(function: Callable[[T], R], items: Iterable[T], progress: Progress) -> list[R]:
    """Return the results of a function for all items; two threads, since hashing keeps a processor busy.

    If one fails, or at Ctrl-C, the others end at their next block.
    """
    todo = [*enumerate(items)][::-1]
    results: dict[int, R] = {}
    errors: list[BaseException] = []

    def work() -> None:
        with contextlib.suppress(IndexError):
            while not progress.is_stopped:
                number, item = todo.pop()
                try:
                    results[number] = function(item)
                except BaseException as error:  # noqa: BLE001 - it is raised by the main thread
                    errors.append(error)
                    progress.is_stopped = True

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        progress.is_stopped = True
        raise
    finally:
        progress.end()
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(results))]


def about(bundle: Bundle) -> Iterator[str]:
    """Yield what is not in a bundle, and what was not tried."""
    if bundle.without:
        yield f"This bundle was made without {', '.join(bundle.without)}."
    for model, reason in bundle.left_out.items():
        yield f"{model} was left out: {reason}"
    for model, proof in bundle.proven.items():
        if proof is not True:
            yield f"{model} was not tried with its engine: {proof}"


def run(command: Callable[[], int]) -> int:
    """Run a command, and return its exit code; a known failure is a sentence."""
    try:
        return command()
    except RefusedError as error:
        say(str(error), is_fault=True)
        return error.code
    except OSError as error:
        say(str(cannot("use", error.filename or "a file", error)), is_fault=True)
        return UnableError.code
    except KeyboardInterrupt:
        say("stopped; what was copied is kept, so run it again", is_fault=True)
        return 130
