"""Ctrl-C, SIGTERM and SIGHUP: handle them at once, clean up, and report the result in one sentence."""

from __future__ import annotations

import contextlib
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, *(() if sys.platform == "win32" else (signal.SIGHUP,)))


class StoppedError(KeyboardInterrupt):
    """A signal has ended the command. Code that handles Ctrl-C handles this, too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class InterruptedRunError(ModelgenError):
    """An interrupted command, with one sentence on the state that it leaves.

    Args:
        message: The sentence.
        exit_code: 128 plus the number of the signal, as in shells.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass
class Interruption:
    """The state that an interruption would leave at this moment.

    Args:
        consequence: The sentence after "interrupted; ".
    """

    consequence: str


@contextlib.contextmanager
def interruptible(consequence: str) -> Iterator[Interruption]:
    """Unwind the block on the first signal, and end the command with a sentence on the state that it leaves.

    Further signals are ignored while the block cleans up. A signal that the caller ignores (`nohup`) stays ignored.

    Raises:
        InterruptedRunError: A signal came.
    """
    interruption = Interruption(consequence)
    with stopped_by_signals():
        try:
            yield interruption
        except KeyboardInterrupt as error:
            raise InterruptedRunError(f"interrupted; {interruption.consequence}", exit_code(error)) from error


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Unwind the block on the first signal, by a StoppedError.

    Further signals are ignored while the block cleans up. A signal that the caller ignores (`nohup`) stays ignored.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def stop(number: int, _: FrameType | None) -> None:
        for one in handled:
            signal.signal(one, signal.SIG_IGN)
        raise StoppedError(number)

    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore signals during a block that takes no time and must not be half done."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(error: KeyboardInterrupt) -> int:
    """Return the exit code of a command that a signal ended."""
    return error.exit_code if isinstance(error, StoppedError) else 128 + signal.SIGINT
