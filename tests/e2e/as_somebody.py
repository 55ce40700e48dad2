"""Say who one is and what one may do here, as JSON. Runs in a container, as the engine's own account."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path


def runs(folder: Path) -> bool:
    """Tell whether a program can be made in a folder and run from there, as compiled kernels are."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "kernel"
    program.write_text("#!/usr/bin/python3\nprint('ran')\n")
    program.chmod(0o700)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout == "ran\n"


def refusal(folder: Path) -> str:
    """Return why nothing can be written there."""
    try:
        (folder / "new").write_text("")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "written"


def main() -> None:
    environment = os.environ
    caches = sorted({name for name in environment if name.endswith(("_CACHE", "_CACHE_DIR", "_CACHE_ROOT", "_BASE"))})
    hub = Path(environment["HF_HUB_CACHE"])
    print(
        json.dumps(
            {
                "who": [os.getuid(), os.getgid()],
                "home": environment["HOME"],
                "runs in home": runs(Path.home()),
                "runs in caches": {
                    name: runs(Path(environment[name])) for name in caches if Path(environment[name]) != hub
                },
                "models": [folder.name for folder in hub.iterdir()],
                "weights": {file.name: file.stat().st_size > 0 for file in sorted(hub.glob("models--*/snapshots/*/*"))},
                "hub": refusal(hub),
                "system": refusal(Path("/usr")),
            }
        )
    )


if __name__ == "__main__":
    main()
