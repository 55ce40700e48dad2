"""The images that `up` needs: the orchestrator's is built here, the others are pulled where they are not there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.ir import Fleet
    from modelgen.operate.changes import Changes

_WHEELS = "wheels"


def ready_images(artifacts: Mapping[str, bytes], fleet: Fleet, changes: Changes, out: Path, *, offline: bool) -> None:
    """Have the images of all containers that are to be created.

    Raises:
        ModelgenError: One of them cannot be had.
    """
    from modelgen.operate.changes import GATE, ORCHESTRATOR
    from modelgen.operate.docker import has_image
    from modelgen.targets.orchestrator_image import image_name

    made = {*changes.new, *changes.changed}
    images = [service.image for service in fleet.services if service.name in made]
    images += [fleet.orchestrator.gate_image] if GATE in made else []
    for image in dict.fromkeys(images):
        if not has_image(image):
            _pull(image, offline=offline)
    own = image_name(fleet.orchestrator.base_image)
    if ORCHESTRATOR in made and not has_image(own):
        _build(artifacts, own, fleet.orchestrator.base_image, out, offline=offline)


def _pull(image: str, *, offline: bool) -> None:
    from modelgen.operate.docker import show

    if offline:
        raise ModelgenError(
            f"the image {image} is not here, and --offline forbids to pull it; bring it by `docker save` and "
            "`docker load`"
        )
    if not show(["docker", "pull", image]):
        raise ModelgenError(
            f"the image {image} is not here and cannot be pulled; build it or load it, or name another in models.toml"
        )


def _build(artifacts: Mapping[str, bytes], image: str, base: str, out: Path, *, offline: bool) -> None:
    """Build the orchestrator's image from what will be written: the old files still belong to what runs."""
    from modelgen.operate.docker import show
    from modelgen.targets.places import ORCHESTRATOR, ORCHESTRATOR_CONFIG

    wheels = out / ORCHESTRATOR / _WHEELS
    if offline and not wheels.is_dir():
        raise ModelgenError(
            f"the image {image} is not here, and to build it without a network {wheels} has to hold what "
            f"{ORCHESTRATOR}/requirements.txt lists; `pip download --dest` brings it"
        )
    click.echo(f"building the orchestrator's image on {base}", err=True)
    with tempfile.TemporaryDirectory(prefix="modelgen-image-") as name:
        context = Path(name)
        for path, data in artifacts.items():
            if path.startswith(f"{ORCHESTRATOR}/") and not path.startswith(f"{ORCHESTRATOR_CONFIG}/"):
                target = context / path.removeprefix(f"{ORCHESTRATOR}/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        if wheels.is_dir():
            shutil.copytree(wheels, context / _WHEELS)
        options = ["--network", "none"] if offline else []
        command = ["docker", "build", "--quiet", *options, "--tag", image, "--build-arg", f"BASE={base}", name]
        if not show(command, errors_only=True):
            raise ModelgenError(
                f"the orchestrator's image cannot be built on {base}; see above, or name another by `base_image` in "
                "[orchestrator]"
            )
