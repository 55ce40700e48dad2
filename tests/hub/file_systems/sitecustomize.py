"""Makes the file systems of a process refuse what MODELGEN_TEST_REFUSED says. Python imports this as it starts.

`flock=ENOLCK chmod=EPERM fsync=EINVAL` let these calls fail; `chmod=ignored` gives every file the modes of a mount with
`umask=077`, whatever anybody sets, as vfat, exFAT and CIFS do.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

REFUSED = dict(item.split("=") for item in os.environ.get("MODELGEN_TEST_REFUSED", "").split())


def refuse(name: str) -> Any:  # noqa: ANN401 - takes what the call takes
    number = getattr(errno, REFUSED[name])

    def call(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def ignore(*_: object, **__: object) -> Any:  # noqa: ANN401 - takes what the call takes
    return 0o077


if REFUSED.get("chmod") == "ignored":
    os.umask(0o077)
    os.umask = ignore
    os.chmod = os.fchmod = ignore
elif "chmod" in REFUSED:
    os.chmod = os.fchmod = refuse("chmod")
if "fsync" in REFUSED:
    os.fsync = refuse("fsync")
if "flock" in REFUSED and sys.platform != "win32":
    import fcntl

    fcntl.flock = refuse("flock")
