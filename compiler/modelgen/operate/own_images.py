"""Build modelgen's own images, such as the orchestrator's, from files that it has in memory."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.operate.docker import try_quietly
from modelgen.targets.orchestrator_image import image_files, image_name
from modelgen.targets.places import ORCHESTRATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHEELS, CA, REQUIREMENTS = "wheels", "ca.crt", "requirements.txt"
_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+)")
# Errors of BuildKit and of the classic builder for a base image that cannot be pulled.
_NO_BASE = re.compile(r"failed to resolve source metadata|pull access denied|(?:Head|Get) \\?\"https://[^\"]*/v2/")
_NO_INDEX = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError|NewConnectionError|ConnectTimeoutError"
    r"|Failed to establish a new connection|Could not find a version|No matching distribution"
)


@dataclass(frozen=True)
class OwnImage:
    """An image that modelgen builds.

    Args:
        name: Its name.
        title: Its name for people.
        base: The image that it is built on.
        files: Its build context by path, with a Dockerfile and a requirements.txt.
        programs: Further files of the context, by their paths on this host.
    """

    name: str
    title: str
    base: str
    files: Mapping[str, bytes]
    programs: Mapping[str, Path] = field(default_factory=dict)


def orchestrator_image(base: str) -> OwnImage:
    """Return the orchestrator's image.

    Args:
        base: The base image.
    """
    folder = f"{ORCHESTRATOR}/"
    files = {path.removeprefix(folder): data for path, data in image_files().items()}
    return OwnImage(image_name(base), "the orchestrator's image", base, files)


@dataclass(frozen=True)
class Builder:
    """Builds them on this host.

    Args:
        beside: The folder in which the user may put `wheels` and `ca.crt`.
        write: Writes the input of `pip download`, and returns its path.
        again: The command to repeat.
        say: Prints a line for people.
        offline: Whether nothing may be downloaded.
    """

    beside: Path
    write: Callable[[bytes], Path]
    again: str
    say: Callable[[str], object]
    offline: bool = False

    def build(self, image: OwnImage) -> None:
        """Build an image.

        Raises:
            ModelgenError: It cannot be built; the message names the next step.
        """
        wheels = self.beside / WHEELS
        if self.offline and not wheels.is_dir():
            raise ModelgenError(
                f"the image {image.name} is missing; to build it without a network, put its wheels into {wheels}; "
                f"{self._way_to_wheels(image)}"
            )
        self.say(f"building {image.title} on {image.base}")
        with tempfile.TemporaryDirectory(prefix="modelgen-image-") as name:
            self._fill(Path(name), image)
            options = ["--network", "none"] if self.offline else []
            said = try_quietly(
                ["docker", "build", "--quiet", *options, "--tag", image.name, "--build-arg", f"BASE={image.base}", name]
            )
        if said is not None:
            self.say(said.rstrip())
            raise ModelgenError(self._explain(said, image))

    def _fill(self, context: Path, image: OwnImage) -> None:
        """Write the build context. Modes do not depend on the umask: the image's account is not that of its files."""
        for path in (*image.files, *image.programs):
            (context / path).parent.mkdir(parents=True, exist_ok=True)
        for folder in context.rglob("*/"):
            folder.chmod(0o755)
        for path, data in image.files.items():
            (context / path).write_bytes(data)
            (context / path).chmod(0o644)
        for path, program in image.programs.items():
            shutil.copyfile(program, context / path)
            (context / path).chmod(0o755)
        if (self.beside / WHEELS).is_dir():
            shutil.copytree(self.beside / WHEELS, context / WHEELS)
        if (self.beside / CA).is_file():
            shutil.copyfile(self.beside / CA, context / CA)

    def _explain(self, said: str, image: OwnImage) -> str:
        """Return why an image could not be built, from the output of Docker and pip, and the next step."""
        if _NO_INDEX.search(said):
            return (
                f"pip cannot reach its index during the build of {image.title} (see above); "
                f"{self._way_to_wheels(image)}; or, if the network intercepts TLS, copy its CA to {self.beside / CA}"
            )
        if _NO_BASE.search(said):
            return (
                f"Docker cannot pull {image.base}; load it (`docker load`), add your network's CA to Docker, or set "
                "another with `base_image` in [orchestrator]"
            )
        return (
            f"{image.title} cannot be built on {image.base}; see above, or set another with `base_image` in "
            "[orchestrator]"
        )

    def _way_to_wheels(self, image: OwnImage) -> str:
        """Return the command that downloads the wheels, and write its input."""
        version = _PYTHON.search(image.base)
        machine = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        options = [
            *(["--python-version", version[1]] if version else []),
            *(part for libc in ("2014", "_2_28") for part in ("--platform", f"manylinux{libc}_{machine}")),
        ]
        command = ["python3", "-m", "pip", "download", "--only-binary", ":all:", *options]
        command += ["--dest", (self.beside / WHEELS).as_posix()]
        command += ["--requirement", self.write(image.files[REQUIREMENTS]).as_posix()]
        return f"`{shlex.join(command)}` downloads them on a host with a package index; then run `{self.again}` again"
