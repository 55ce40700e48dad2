"""Build the images that models.toml describes with `build`, where they are missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.files import ModelgenError
from modelgen.host_paths import is_remote

if TYPE_CHECKING:
    from modelgen.ir import Build


def build_image(image: str, build: Build, model: str, root: Path, *, offline: bool) -> None:
    """Build an image as Compose would.

    Args:
        image: Its name.
        build: Its build.
        model: A model that runs on it.
        root: The folder of models.toml.
        offline: Whether nothing may be downloaded.

    Raises:
        ModelgenError: It cannot be built.
    """
    from modelgen.operate.docker import show

    if offline:
        raise ModelgenError(
            f"the image {image} is missing, and --offline does not build it; build it where there is a network, and "
            "copy it here with `docker save` and `docker load`"
        )
    context = build.context if is_remote(build.context) else _folder(build.context, model, root)
    file = build.dockerfile if build.dockerfile is None or is_remote(context) else f"{context}/{build.dockerfile}"
    options = [*(["--file", file] if file else []), *(["--target", build.target] if build.target else [])]
    options += [part for name, value in build.args for part in ("--build-arg", f"{name}={value}")]
    click.echo(f"building {image} from {context}", err=True)
    if not show(["docker", "build", "--tag", image, *options, context]):
        raise ModelgenError(
            f"the image {image} of `{model}` cannot be built; see above, and correct the Dockerfile or `build` in "
            "models.toml"
        )


def _folder(context: str, model: str, root: Path) -> str:
    path = Path(os.path.normpath(root / os.path.expanduser(context)))  # noqa: PTH111 - Path raises where there is no home
    if not path.is_dir():
        raise ModelgenError(
            f"{path}, the `context` of the `build` of `{model}`, is not a folder; put its Dockerfile there, or correct "
            "`context` in models.toml"
        )
    return path.as_posix()
