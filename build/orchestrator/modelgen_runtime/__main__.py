"""`python -m modelgen_runtime MANIFEST --state DIR`: serve what a manifest says."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen_runtime.manifest import is_address, read_manifest
from modelgen_runtime.manifest_reader import ManifestError
from modelgen_runtime.orchestrator import run
from modelgen_runtime.serving import CannotServeError

if TYPE_CHECKING:
    from collections.abc import Coroutine

_MMAP_THRESHOLD = -3  # of mallopt(3)
_LARGE = 1 << 20


def main() -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code: 1 for a bad manifest, 3 for the world."""
    parser = argparse.ArgumentParser(prog="modelgen_runtime", description="Serve the models of a manifest.")
    parser.add_argument("manifest", type=Path, help="manifest.json, as modelgen writes it")
    parser.add_argument("--state", type=Path, required=True, help="folder for state and logs")
    parser.add_argument("--bind", help="address of the socket, where it is not the manifest's `listen`")
    arguments = parser.parse_args()
    if arguments.bind is not None and not is_address(arguments.bind):
        parser.error("--bind must be an address such as 127.0.0.1:8080")
    path: Path = arguments.manifest
    _return_large_buffers()
    logging.basicConfig(format="%(asctime)s modelgen: %(message)s", level=logging.INFO)
    try:
        manifest = read_manifest(path.read_bytes())
    except (ManifestError, OSError) as error:
        error_text = f"cannot read {path}: {error.strerror}" if isinstance(error, OSError) else f"{path}: {error}"
        print(f"modelgen: {error_text}", file=sys.stderr)  # noqa: T201 - to its user
        return 1 if isinstance(error, ManifestError) else 3
    try:
        _run(run(manifest, path, arguments.state, arguments.bind or manifest.settings.listen))
    except CannotServeError as error:
        print(f"modelgen: {error}", file=sys.stderr)  # noqa: T201 - to its user
        return error.exit_code
    return 0


def _return_large_buffers() -> None:
    """Make the C library return the memory of a large body as soon as it is freed.

    By default glibc raises the size from which it does so to that of the largest body so far, up to 32 MiB; what is
    smaller comes from its heap, which shrinks only from the end: three times the bodies' own size stayed taken.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no such option, and always does so
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)


def _run(work: Coroutine[None, None, None]) -> None:
    """Run on uvloop where there is one: it halves the cost of a request."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    sys.exit(main())
