"""Plan a bundle: what goes in, what of it is in the folder already, and what cannot be carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen import __version__
from modelgen.bundle.blobs import BlobStore
from modelgen.bundle.contents import collect
from modelgen.bundle.having import Having
from modelgen.bundle.image_plan import plan_images
from modelgen.bundle.manifest import WITHOUT, Bundle
from modelgen.bundle.papers import Papers, write_papers
from modelgen.bundle.room import Arriving, find_unfit
from modelgen.bundle.volumes import Dealer, room_for
from modelgen.files import InputError, ModelgenError
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.bundle.contents import Content, Contents, Origin
    from modelgen.bundle.destination import Facts
    from modelgen.bundle.folder import Existing
    from modelgen.bundle.image_plan import ImagePlan
    from modelgen.operate.own_images import Builder

_PER_IMAGE = 2**16
"""The most bytes in bundle.json and SHA256SUMS of an image, which has some hundred members at most."""


@dataclass(frozen=True)
class Order:
    """The bundle that is wanted.

    Args:
        origin: The project.
        folder: The folder of the bundle.
        arch: The architecture of the images.
        split: The most bytes of a volume; None for one folder.
        have: The contents of the other host, or None.
        without: Parts that are left out.
        builder: Builds the images that are modelgen's own; None in a dry run.
        proves: Whether each model's engine looks up its files; None if that depends on whether Docker answers.
        left_out: Models that were left out of the origin, each with the reason.
        is_signed: Whether it is signed afterwards.
        limits: What the host that it is for can hold, and the name of its host file; None for any host.
    """

    origin: Origin
    folder: Path
    arch: str
    split: int | None = None
    have: Having | None = None
    without: tuple[str, ...] = ()
    builder: Builder | None = None
    proves: bool | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    is_signed: bool = False
    limits: tuple[Facts, str] | None = None


@dataclass
class Plan:
    """A bundle before it is written.

    Args:
        order: The bundle that is wanted.
        contents: Its contents.
        images: Its images.
        expected: Contents that the other host has: bytes by hash.
        store: Where the contents go.
        dealer: Deals them onto volumes.
    """

    order: Order
    contents: Contents
    images: ImagePlan
    expected: dict[str, int]
    store: BlobStore
    dealer: Dealer

    @property
    def carried(self) -> list[Content]:
        """The contents that the bundle has."""
        return [one for sha256, one in self.contents.contents.items() if sha256 not in self.expected]

    @property
    def size(self) -> int:
        """The bytes of the contents that the bundle has."""
        return sum(content.size for content in self.carried)

    @property
    def missing(self) -> int:
        """The bytes that are still to be written, without images."""
        return sum(self.store.missing(content.sha256) for content in self.carried)

    @property
    def missing_images(self) -> int:
        """The bytes of images that are still to be written: an upper bound, without images that are built first."""
        return self.images.size(self.store)

    @property
    def volumes(self) -> int:
        """The number of volumes, with images that are still to be written; 0 without `--split`."""
        before = self.dealer.state
        self.dealer.deal(self.missing_images)
        volumes, self.dealer.state = self.dealer.volumes, before
        return volumes


def plan(order: Order, existing: Existing) -> Plan:
    """Plan a bundle; nothing is written. Its `contents.faults` are the models that cannot be carried.

    Raises:
        InputError: The volumes are too small.
        OSError: A file of the project cannot be read.
    """
    had = order.have or Having()
    contents = collect(order.origin, {**had.hashes, **existing.older.hashes})
    expected = {sha256: contents.contents[sha256].size for sha256 in _expected(contents, had.names)}
    images = plan_images(order.origin, order.arch, order.without, existing.older.images, had)
    contents.faults.update({**images.faults, **contents.faults})
    room = None if order.split is None else _room(order, order.split, contents, len(images.wanted))
    dealer = Dealer(room, existing.longest)
    store = BlobStore(order.folder, dealer, existing.older.blobs)
    found = Plan(order, contents, images, expected, store, dealer)
    for content in found.carried:
        store.reserve(content.sha256, content.size)
    return found


def _expected(contents: Contents, names: frozenset[str]) -> Iterator[str]:
    """Yield the contents that the other host has, under each name that the hub directory gives them."""
    needed: dict[str, set[str]] = {asset.sha256: {asset.sha256} for asset in contents.hub.assets}
    for snapshot in contents.hub.snapshots:
        for file in snapshot.files:
            needed.setdefault(file.sha256, set()).add(file.name)
    for sha256, named in needed.items():
        if named <= names and not contents.contents[sha256].of_project:
            yield sha256


class FaultyModelsError(Exception):
    """Models cannot be carried.

    Args:
        faults: The reason for each.
    """

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = dict(faults)


class UnfitError(Exception):
    """The host that the bundle is for cannot hold it.

    Args:
        problems: Why, a sentence each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


LeaveOut = Callable[[Order, Mapping[str, str]], Order]
"""Returns an order without the models that have faults, or raises an error."""


def sound_plan(order: Order, existing: Existing, leave_out: LeaveOut) -> Plan:
    """Plan a bundle, as `plan` does, of the models that can be carried.

    Raises:
        FaultyModelsError: One cannot, and `leave_out` does not leave it out.
        UnfitError: The host that it is for cannot hold it.
    """
    while (found := plan(order, existing)).contents.faults:
        order = leave_out(order, found.contents.faults)
    if order.limits is not None:
        arriving = Arriving(found.contents.hub, found.contents.files, found.images.arriving)
        if problems := find_unfit(arriving, *order.limits):
            raise UnfitError(problems)
    return found


def refuse_full(found: Plan, existing: Existing) -> None:
    """Refuse a folder without room for what is missing.

    Raises:
        ModelgenError: There is not enough.
    """
    missing = found.missing + found.missing_images
    if missing > existing.free:
        raise ModelgenError(
            f"{found.order.folder} has {of_files(existing.free)} free, and the bundle needs {of_files(missing)} more; "
            "free some space, or pass a folder on another drive"
        )


def draft(order: Order, contents: Contents) -> Bundle:
    """Return the bundle without what is known only when it is written: its blobs, and its images."""
    return Bundle(
        __version__,
        order.origin.fleet.project,
        order.arch,
        contents.files,
        contents.hub,
        without=tuple(name for name in WITHOUT if name in order.without),
        left_out=dict(order.left_out),
    )


def papers_of(order: Order, contents: Contents, made: Bundle, volumes: int) -> dict[str, bytes]:
    """Return the files for people and the importer, by path."""
    origin = order.origin
    built = frozenset(origin.written.built)
    notes = tuple(contents.notes)
    return write_papers(Papers(made, volumes, origin.fleet, origin.resolved, built, notes, order.is_signed))


def _room(order: Order, split: int, contents: Contents, images: int) -> int:
    """Return the bytes of a volume that contents may take: each has its own copy of the papers."""
    made = draft(order, contents)
    papers = [made.encode(), *papers_of(order, contents, made, 1).values()]
    sizes = [*map(len, papers), *[_PER_IMAGE] * images]
    room, least = room_for(split, sizes, [one.size for one in contents.contents.values()])
    if room is None:
        raise InputError(f"a volume of {of_files(split)} is too small; write at least `--split {least // 10**6 + 1}MB`")
    return room
