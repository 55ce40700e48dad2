"""`python -m hub_double ROOT`: serve the folders ROOT/namespace/name as repositories."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hub_double.access import Token
from hub_double.server import serve

if TYPE_CHECKING:
    from hub_double.hub import Hub

NOT_CONTENT = {".git", ".cache"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hub_double", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--rate", type=int, metavar="BYTES", help="a second, that one connection gets of a file")
    parser.add_argument("--token", action="append", default=[], help="a good token, which opens every repository")
    parser.add_argument("--gated", action="append", default=[], metavar="REPO")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(port=arguments.port, latency=arguments.latency) as hub:
        hub.rate = arguments.rate
        hub.tokens = {token: Token(accepts={"*"}) for token in arguments.token}
        add_folders(hub, arguments.root, arguments.gated)
        print(f"hub_double: {hub.endpoint}", flush=True)
        stop.wait()


def add_folders(hub: Hub, root: Path, gated: list[str]) -> None:
    for folder in sorted(root.glob("*/*/")):
        repo_id = folder.relative_to(root).as_posix()
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files = {path.relative_to(folder).as_posix(): path for path in paths}
        kept = {name: path for name, path in files.items() if not NOT_CONTENT & set(name.split("/"))}
        if kept:
            hub.add(repo_id, kept, gated=repo_id in gated)


if __name__ == "__main__":
    main()
