"""Build the images that models.toml describes with `build`, as Compose would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.host_paths import is_remote
from modelgen.operate.docker import show

if TYPE_CHECKING:
    from modelgen.ir import Build


def build_command(image: str, build: Build, root: Path) -> list[str]:
    """Return the command that builds an image.

    Args:
        image: Its name.
        build: Its build.
        root: The folder of models.toml.
    """
    context = _context(build, root)
    file = build.dockerfile if build.dockerfile is None or is_remote(context) else f"{context}/{build.dockerfile}"
    options = [*(["--file", file] if file else []), *(["--target", build.target] if build.target else [])]
    options += [part for name, value in build.args for part in ("--build-arg", f"{name}={value}")]
    return ["docker", "build", "--tag", image, *options, context]


def build_image(image: str, build: Build, model: str, root: Path) -> None:
    """Build an image, with Docker's output on stderr.

    Args:
        image: Its name.
        build: Its build.
        model: A model that runs on it.
        root: The folder of models.toml.

    Raises:
        ModelgenError: It cannot be built.
    """
    context = _context(build, root)
    if not is_remote(context) and not Path(context).is_dir():
        raise ModelgenError(
            f"{context}, the `context` of the `build` of `{model}`, is not a folder; put its Dockerfile there, or "
            "correct `context` in models.toml"
        )
    if not show(build_command(image, build, root)):
        raise ModelgenError(
            f"the image {image} of `{model}` cannot be built; see above, and correct the Dockerfile or `build` in "
            "models.toml"
        )


def _context(build: Build, root: Path) -> str:
    """Return the address of a build context, or its absolute path as Docker takes it."""
    if is_remote(build.context):
        return build.context
    return Path(os.path.normpath(root / os.path.expanduser(build.context))).as_posix()  # noqa: PTH111 - Path raises where there is no home
