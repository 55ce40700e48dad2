"""Write sizes for people, each kind in one unit: files in GB, as the hub does, and memory in GiB, as cards do."""

from __future__ import annotations

_FILES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"))


def of_files(size: int) -> str:
    """Return the size of files: decimal units, and all digits below one megabyte."""
    for unit, name in _FILES:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:,} byte{'' if size == 1 else 's'}"


def of_memory(size: float) -> str:
    """Return a size of memory in GiB with at most two decimals, or in MiB below one GiB."""
    factor, unit = (2**30, "GiB") if size >= 2**30 else (2**20, "MiB")
    return f"{size / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"


def of_estimate(size: float, below: float, above: float) -> str:
    """Return an estimated size of memory with its errors, in GiB with two decimals."""
    less, more = f"{below / 2**30:.2f}", f"{above / 2**30:.2f}"
    error = f"± {more}" if less == more else f"-{less} +{more}"
    return f"{size / 2**30:.2f} {error} GiB"


def of_range(low: float, high: float) -> str:
    """Return the least and the most of an estimated size of memory, in GiB with two decimals."""
    return f"{low / 2**30:.2f} to {high / 2**30:.2f} GiB"
