"""The environment in which tests run: the same one for every caller.

Tests of a real Docker Engine or of a real inference engine use the caller's own, since it says where these are.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

# What the system needs to find programs and to write temporary files, and what configures the tests themselves.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TMP", "TEMP", "SYSTEMROOT", "COMSPEC", "PATHEXT")
_KEPT_PREFIXES = ("PYTEST_", "MODELGEN_REQUIRE_", "HYPOTHESIS_")
# Markers of tests that need the caller's environment.
_REAL = frozenset({"docker", "vllm", "oracle", "bench", "soak"})
_caller = dict(os.environ)


def is_real(item: pytest.Item) -> bool:
    """Return whether a test needs the caller's environment."""
    return any(mark.name in _REAL for mark in item.iter_markers())


def remember_caller(environment: Mapping[str, str]) -> None:
    """Use this as the caller's environment: an xdist worker receives it from the process that starts it."""
    _caller.clear()
    _caller.update(environment)


def caller() -> dict[str, str]:
    """Return the caller's environment."""
    return dict(_caller)


def known(home: str | None = None) -> dict[str, str]:
    """Return the environment that does not depend on the caller; the home directory is the caller's unless given."""
    kept = {name: value for name, value in _caller.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    home = home or os.path.expanduser("~")  # noqa: PTH111 - it may not exist
    return {**kept, "HOME": home, "USERPROFILE": home, "LANG": "C.UTF-8", "TZ": "UTC"}


def replace(environment: Mapping[str, str]) -> None:
    """Replace the environment of this process, and let the files that tests write be readable for others."""
    os.umask(0o022)
    xdist = {name: value for name, value in os.environ.items() if name.startswith("PYTEST_")}
    os.environ.clear()
    os.environ.update({**environment, **xdist})
    if hasattr(time, "tzset"):
        time.tzset()


@contextlib.contextmanager
def temporarily(environment: Mapping[str, str]) -> Iterator[None]:
    """Use another environment until the block ends."""
    before = dict(os.environ)
    replace(environment)
    try:
        yield
    finally:
        replace(before)
