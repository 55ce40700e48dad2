"""Compare a GPU of `[gpus]` with the installed one, whatever program lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from modelgen.config import Gpu

_TOLERANCE = 0.97
"""A GPU of "24 GiB" has a little less: the driver reserves some, 0.05 % of an RTX 4090, 0.4 % of an H100."""


def other_card(subject: str, name: str, gpu: Gpu, installed: str, known: str) -> Finding:
    """Return the finding on a GPU that is another one than its table says.

    Args:
        subject: The heading.
        name: The name of its table.
        gpu: The table.
        installed: The installed GPU, as its driver names it.
        known: Its name for `card`.
    """
    text = f'{name} is {installed}, but models.toml has `card = "{gpu.card}"`'
    return Finding(subject, "bad", text, f'`[gpus.{name}] card = "{known}"`')


def less_memory(subject: str, name: str, installed: str, there: int, written: int) -> Finding | None:
    """Return the finding on a GPU with less memory than its table says; None if it has enough.

    Args:
        subject: The heading.
        name: The name of its table.
        installed: The installed GPU, as its driver names it.
        there: Its bytes.
        written: The bytes of its table.
    """
    if there >= written * _TOLERANCE:
        return None
    text = f"{name} is {installed} with {in_gib(there)} GiB, but models.toml has {written / 2**30:.1f} GiB"
    return Finding(subject, "bad", text, f'`[gpus.{name}] memory = "{in_gib(there)}GiB"`')


def in_gib(size: int) -> float:
    """Return bytes in GiB, rounded down, so that the help never names more than there is."""
    return int(size / 2**30 * 10) / 10
