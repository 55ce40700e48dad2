"""Write a build and die by SIGKILL at the nth step on the file system. A program of its own, not a test.

usage: killing.py STEP
Compiles models.toml in the current directory and writes build/; exits with 0 when it comes to its end alive.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelgen import output
from modelgen.pipeline import compile_source

LAST = int(sys.argv[1])
taken = 0


def counted(call: Callable[..., Any]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any system call
        global taken  # noqa: PLW0603 - the program is its counter
        taken += 1
        if taken == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)

    return step


artifacts = compile_source(Path("models.toml").read_bytes()).artifacts
os.fsync = counted(os.fsync)
for name in ("replace", "unlink", "open", "mkdir"):
    setattr(Path, name, counted(getattr(Path, name)))
output.build(artifacts, Path("build"), force=False)
