"""Plan the images of a bundle, and save those that neither the folder nor the other host has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.bundle.having import Having
from modelgen.bundle.images import Archiving, inspect, is_same, wanted_images
from modelgen.bundle.manifest import IMAGES, TOOL, Image
from modelgen.bundle.own_images import build_missing, own_images
from modelgen.files import ModelgenError
from modelgen.operate.local_images import size_together
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from modelgen.bundle.blobs import BlobStore
    from modelgen.bundle.contents import Origin
    from modelgen.bundle.images import Wanted
    from modelgen.ir import Fleet
    from modelgen.operate.local_images import LocalImage
    from modelgen.operate.own_images import Builder, OwnImage


@dataclass(frozen=True)
class ImagePlan:
    """The images of a bundle.

    Args:
        wanted: All of them, in the order in which they are saved.
        local: Those that are in the local Engine, by reference.
        own: The images that modelgen builds, by reference.
        older: The bundle that is in the folder.
        had: The contents of the other host.
        faults: By model, why its image cannot be carried.
    """

    wanted: tuple[Wanted, ...] = ()
    local: Mapping[str, LocalImage] = field(default_factory=dict)
    own: Mapping[str, OwnImage] = field(default_factory=dict)
    older: Mapping[str, Image] = field(default_factory=dict)
    had: Having = field(default_factory=Having)
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def to_build(self) -> list[str]:
        """The images that are built before they are saved."""
        return [reference for reference in self.own if reference not in self.local]

    @property
    def arriving(self) -> int:
        """The bytes of the images that the other host does not have; an upper bound, without those that are built."""
        return size_together(found for found in self.local.values() if not self._is_had(found))

    def size(self, store: BlobStore) -> int:
        """Return the bytes of the images that are saved; an upper bound, without those that are built first."""
        found = (self.local.get(image.reference) for image in self.wanted)
        return size_together(one for one in found if one is not None and self._known(one, store) is None)

    def save(
        self, store: BlobStore, builder: Builder | None, arch: str, say: Callable[[str], None]
    ) -> Iterator[tuple[Image, bool]]:
        """Save the images; yield each, and whether the other host has it.

        Args:
            store: Where their contents go.
            builder: Builds the images that modelgen builds.
            arch: The architecture of the other host.
            say: Prints a line.

        Raises:
            ModelgenError: An image cannot be built or saved.
            OSError: The folder cannot be written.
        """
        if builder is not None:
            build_missing(self.own.values(), builder, arch)
        built = inspect((one for one in self.wanted if one.reference in self.own), arch)
        if built.problems:
            raise ModelgenError(built.problems[0])
        local = {**self.local, **built.images}
        archiving = Archiving(store)
        for image in self.wanted:
            found = local[image.reference]
            known = self._known(found, store)
            if known is None:
                say(f"saving {image.reference}, {of_files(found.size)}")
                yield archiving.add(image.reference, image.role), False
            else:
                yield replace(known, role=image.role), self._is_had(found)

    def _known(self, found: LocalImage, store: BlobStore) -> Image | None:
        """Return what is known of an image that need not be saved."""
        if self._is_had(found):
            older = self.had.images.get(found.reference)
            return Image(found.reference, "", found.id, None, 0, ()) if older is None else older
        older = self.older.get(found.reference)
        if older is None or not is_same(found, older):
            return None
        members = [member for member in older.members if member.sha256]
        return older if all(store.has(member.sha256 or "", member.size) for member in members) else None

    def _is_had(self, found: LocalImage) -> bool:
        older = self.had.images.get(found.reference)
        return found.id in self.had.image_ids or (older is not None and is_same(found, older))


def plan_images(
    origin: Origin, arch: str, without: Collection[str], older: Mapping[str, Image], had: Having
) -> ImagePlan:
    """Plan the images of a deployment, and modelgen's own; nothing is built.

    Args:
        origin: The project.
        arch: The architecture of the other host.
        without: Parts that are left out.
        older: The images of the bundle that is in the folder, by reference.
        had: The contents of the other host.

    Raises:
        ModelgenError: Docker does not answer, or an image is missing that no bundle can do without.
    """
    if IMAGES in without and TOOL in without:
        return ImagePlan()
    fleet = origin.fleet
    own = own_images(fleet, has_tool=TOOL not in without)
    wanted = wanted_images(fleet, origin.root, arch) if IMAGES not in without else ()
    built = [one for one in own if IMAGES not in without or one.role == TOOL]
    local: dict[str, LocalImage] = {}
    faults: dict[str, str] = {}
    for image in wanted:
        found = inspect([image], arch)
        local |= found.images
        users = [service.model for service in fleet.services if service.image == image.reference]
        if found.problems and not users:
            raise ModelgenError(found.problems[0])
        faults |= dict.fromkeys(users if found.problems else (), "".join(found.problems))
    local |= inspect(built, arch).images
    made = {image.reference: own[image] for image in built}
    return ImagePlan((*wanted, *built), local, made, older, had, faults)


def tool_of(fleet: Fleet, without: Collection[str]) -> str | None:
    """Return the reference of the image with modelgen, which the scripts of a bundle run; None without it."""
    if TOOL in without:
        return None
    return next(image.reference for image in own_images(fleet, has_tool=True) if image.role == TOOL)
