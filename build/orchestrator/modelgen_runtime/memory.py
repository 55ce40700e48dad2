"""Return freed memory to the system."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE = 1 << 20


def return_large_buffers() -> None:
    """Make the C library return the memory of a large body as soon as it is freed.

    By default glibc raises the size from which it does so to that of the largest body so far, up to 32 MiB; what is
    smaller comes from its heap, which shrinks only from the end: three times the bodies' own size stayed taken.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no such option, and always does so
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)
