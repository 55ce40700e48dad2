"""Build the images that are modelgen's own, so that the other host builds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.bundle.images import Wanted
from modelgen.bundle.tool_image import tool_image
from modelgen.files import ModelgenError
from modelgen.operate.docker import has_image, run
from modelgen.operate.own_images import orchestrator_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.ir import Fleet
    from modelgen.operate.own_images import Builder, OwnImage


def own_images(fleet: Fleet, *, has_tool: bool) -> Mapping[Wanted, OwnImage]:
    """Return the images that a bundle of a fleet has; nothing is built yet.

    Args:
        fleet: The fleet.
        has_tool: Whether the bundle has the tool image.

    Raises:
        ModelgenError: The tool image cannot be built on this host.
    """
    base = fleet.orchestrator.base_image
    found = {"orchestrator": orchestrator_image(base)} if fleet.orchestrator.enabled else {}
    if has_tool:
        found["tool"] = tool_image(base)
    return {Wanted(image.name, role): image for role, image in found.items()}


def build_missing(images: Iterable[OwnImage], builder: Builder, arch: str) -> None:
    """Build those that are not here yet.

    Args:
        images: The images.
        builder: Builds them.
        arch: The architecture of the destination, as in Docker's platforms.

    Raises:
        ModelgenError: One cannot be built; the message names the next step.
    """
    missing = [image for image in images if not has_image(image.name)]
    if not missing:
        return
    here = run(["docker", "version", "--format", "{{.Server.Arch}}"]).strip()
    if here != arch:
        raise ModelgenError(
            f"this Docker Engine is {here}, and the other host is {arch}: {missing[0].title} cannot be built here; "
            f"run `modelgen bundle create` on a host with {arch}"
        )
    for image in missing:
        builder.build(image)
