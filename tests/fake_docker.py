"""A `docker` on PATH that is a small script: it answers what `modelgen up` asks, and notes what it is told to do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from doctoring import INFO
from modelgen.lower import DEFAULT_BASE_IMAGE, DEFAULT_SOCKET_PROXY_IMAGE
from modelgen.targets.orchestrator_image import image_name

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """#!/bin/sh
case "$*" in
  "version --format {{{{.Server.Version}}}}") echo 28.3.2 ;;
  "version --format {{{{json .}}}}") echo '{version}' ;;
  "info --format {{{{json .}}}}") echo '{info}' ;;
  "compose version --short") echo 2.40.3 ;;
  "ps --all --no-trunc "*) cat {state}/containers ;;
  "ps --format {{{{.Names}}}}"*) cat {state}/ports ;;
  "ps "*) ;;
  "network ls "*demo-gate*) cat {state}/old-network ;;
  "volume ls "*) cat {state}/volumes ;;
  "image ls "*modelgen-orchestrator*) cat {state}/own-image ;;
  "image ls "*) cat {state}/images ;;
  "image inspect "*) echo sha256:0123 ;;
  *" config --hash "*) cat {state}/digests ;;
  *)
    echo "$*" >> {state}/done
    for verb in $(cat {state}/failing); do
      case " $* " in *" $verb "*) cat {state}/said >&2; exit 1 ;; esac
    done
    for verb in $(cat {state}/hanging); do
      case " $* " in *" $verb "*) echo $$ > {state}/pid; exec sleep 1000 ;; esac
    done ;;
esac
"""


class FakeDocker:
    """The program, and the project `demo` as it shows it.

    Args:
        folder: For all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.state, self.bin = folder / "state", folder / "bin"
        for path in (self.state, self.bin):
            path.mkdir(parents=True)
        for name in ("containers", "ports", "digests", "done", "failing", "hanging", "said", "old-network", "volumes"):
            (self.state / name).touch()
        for name in ("own-image", "images"):
            (self.state / name).write_text("0123456789ab\n")
        version = json.dumps({"Server": {"Version": "28.3.2", "ApiVersion": "1.51"}})
        program = self.bin / "docker"
        program.write_text(_SCRIPT.format(version=version, info=json.dumps(INFO), state=self.state))
        program.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with the program before all others."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    @property
    def done(self) -> str:
        """What it was told to do, a line each."""
        return (self.state / "done").read_text()

    def fail(self, verb: str, says: str = "it cannot") -> None:
        """Let commands with this word fail."""
        (self.state / "failing").write_text(verb)
        (self.state / "said").write_text(says)

    def lose_image(self) -> None:
        """Have no image of the orchestrator."""
        (self.state / "own-image").write_text("")

    def lose_images(self) -> None:
        """Have no image but that of the orchestrator."""
        (self.state / "images").write_text("")

    def keep_old_network(self) -> None:
        """Have the network of a socket proxy from before 0.1.0."""
        (self.state / "old-network").write_text("0123456789ab\n")

    def hang(self, verb: str) -> None:
        """Let commands with this word never end."""
        (self.state / "hanging").write_text(verb)

    def show(self, build: Path, port: int, *models: str, edited: str = "") -> None:
        """Show containers of the models, the orchestrator and the socket proxy, which were made from a folder.

        Args:
            build: The folder.
            port: That the orchestrator publishes.
            models: Ids.
            edited: The service whose container is another than the file says.
        """
        services = {f"command-{model}": ("i:1", model) for model in models}
        services |= {
            "orchestrator": (image_name(DEFAULT_BASE_IMAGE), ""),
            "socket-proxy": (DEFAULT_SOCKET_PROXY_IMAGE, ""),
        }
        rows = [
            f"demo-{name}\trunning\t{image}\t{name}\t{'old' if name == edited else 'new'}\t{model}\t{build}"
            for name, (image, model) in services.items()
        ]
        (self.state / "containers").write_text("".join(f"{row}\n" for row in rows))
        (self.state / "digests").write_text("".join(f"{name} new\n" for name in services))
        (self.state / "ports").write_text(f"demo-orchestrator\t127.0.0.1:{port}->8080/tcp\n")
