"""Provide the images that `up` needs: build the orchestrator's, pull the others that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.ir import Build, Fleet
    from modelgen.operate.changes import Changes
    from modelgen.operate.own_images import Builder


@dataclass(frozen=True)
class Places:
    """The folders that an image is built from.

    Args:
        out: The output directory.
        state: The state folder beside models.toml.
    """

    out: Path
    state: Path

    @property
    def root(self) -> Path:
        """The folder of models.toml."""
        return self.state.parent


def ready_images(fleet: Fleet, changes: Changes, places: Places, *, offline: bool) -> None:
    """Build or pull the images of all containers that will be created.

    Raises:
        ModelgenError: An image is not available.
    """
    from modelgen.operate.changes import ORCHESTRATOR, SOCKET_PROXY
    from modelgen.operate.docker import has_image
    from modelgen.operate.own_images import orchestrator_image

    made = {*changes.new, *changes.changed}
    keys = (
        {fleet.orchestrator.socket_proxy_image: "`socket_proxy_image` in [orchestrator]"}
        if SOCKET_PROXY in made
        else {}
    )
    for service in fleet.services:
        if service.name not in made:
            continue
        if service.build is None:
            keys.setdefault(service.image, f"`image` of the model `{service.model}` or of its engine")
        elif not has_image(service.image):
            _build(service.image, service.build, service.model, places.root, offline=offline)
    for image, key in keys.items():
        if not has_image(image):
            _pull(image, key, offline=offline)
    own = orchestrator_image(fleet.orchestrator.base_image)
    if ORCHESTRATOR in made and not has_image(own.name):
        own_builder(places, "modelgen up", offline=offline).build(own)


def _build(image: str, build: Build, model: str, root: Path, *, offline: bool) -> None:
    from modelgen.operate.building import build_image

    if offline:
        raise ModelgenError(
            f"the image {image} is missing, and --offline does not build it; build it where there is a network, and "
            "copy it here with `docker save` and `docker load`"
        )
    click.echo(f"building {image} from {build.context}", err=True)
    build_image(image, build, model, root)


def _pull(image: str, key: str, *, offline: bool) -> None:
    from modelgen.operate.docker import show

    if offline:
        raise ModelgenError(
            f"the image {image} is missing, and --offline does not pull it; copy it here with `docker save` and "
            f"`docker load`, or set another with {key}"
        )
    if not show(["docker", "pull", image]):
        raise ModelgenError(
            f"the image {image} is missing and cannot be pulled; build or load it, or set another with {key}"
        )


def own_builder(places: Places, again: str, *, offline: bool) -> Builder:
    """Return what builds modelgen's own images.

    Args:
        places: The folders that an image is built from.
        again: The command to repeat after an error.
        offline: Whether nothing may be downloaded.
    """
    from modelgen.cli.state_folder import write_state
    from modelgen.operate.own_images import REQUIREMENTS, Builder
    from modelgen.targets.places import ORCHESTRATOR

    def write(requirements: bytes) -> Path:
        write_state(places.state, {REQUIREMENTS: requirements})
        return places.state / REQUIREMENTS

    return Builder(places.out / ORCHESTRATOR, write, again, partial(click.echo, err=True), offline=offline)
