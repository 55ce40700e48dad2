"""Find out which contents of a bundle are still to be copied, and copy them with two threads."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from modelgen_importer.manifest import File, Piece, RefusedError
from modelgen_importer.medium import read_small
from modelgen_importer.saying import Progress, each
from modelgen_importer.target import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen_importer.hub import Hub
    from modelgen_importer.manifest import Bundle, Image, Member
    from modelgen_importer.medium import Medium
    from modelgen_importer.project import Project
    from modelgen_importer.target import Target


class Job(NamedTuple):
    """A content to copy, and the places that need it."""

    content: Content
    places: list[tuple[Target, str]]


class Jobs:
    """The contents that are to be copied.

    Args:
        bundle: The bundle.
        medium: Where its contents are; None for one that was loaded before.
        project: The folder of the project.
        hub: The hub directory.
    """

    def __init__(self, bundle: Bundle, medium: Medium | None, project: Project, hub: Hub) -> None:
        self._bundle, self._medium, self._project, self._hub = bundle, medium, project, hub
        self.jobs: dict[str, Job] = {}
        self.there = 0
        """Files of the hub directory that are right."""
        self.faults: list[str] = []
        self.to_come: set[int] = set()
        """Volumes that are still needed."""

    @property
    def size(self) -> int:
        """The bytes that are to be read."""
        return sum(job.content.size * len(job.places) for job in self.jobs.values())

    def needs(self, target: Target) -> int:
        """Return the bytes that are still to be written below a folder."""
        jobs = ((job, sum(place[0] is target for place in job.places)) for job in self.jobs.values())
        return sum(max(count * job.content.size - target.copied(job.content.sha256), 0) for job, count in jobs if count)

    def find(self, *, quick: bool) -> None:
        """Find the contents of the hub directory and the project that are not in place.

        Args:
            quick: Whether a file of the right size counts as right; else it is read, unless its hash is known.
        """
        files, hub = self._hub.all_places(self._bundle), self._hub

        def is_right(found: tuple[str, str, File]) -> bool:
            pointer, place, file = found
            spot = next((path for path in (place, pointer) if hub.size(path) == file.size), None)
            return spot is not None and (quick or hub.is_known(spot, file) or hub.is_right(spot, file))

        right = each(is_right, files, Progress(0))
        self.there = sum(right)
        for (_, place, file), is_there in zip(files, right):
            if not is_there:
                self._add(file, hub, place)
        for file in self.kept():
            if self._project.size(place := self._project.blob(file.sha256)) != file.size:
                self._add(file, self._project, place)

    def kept(self) -> Iterator[File]:
        """Yield the small contents that are kept, so that `--rollback` has them."""
        yield from self._bundle.files
        for one in self._bundle.hub.snapshots:
            yield File(f"the listing of {one.repo}", one.tree, self._bundle.size(one.tree))
        for config in filter(None, map(_config, self._bundle.images)):
            is_there = self._project.find(config.sha256, config.size) is not None
            if is_there or (config.sha256 in self._bundle.blobs and self._medium is not None):
                yield File(config.name, config.sha256, config.size)

    def add_images(self, images: Iterable[Image]) -> None:
        """Add the members of images of which parts are to come: an image is loaded as a whole."""
        for image in images:
            contents = [(member, self.member(member)) for member in image.members if member.type == "file"]
            paths = [path for _, content in contents if content is not None for path, _ in content.pieces]
            if None in paths:
                for member, content in contents:
                    if content is not None and self._project.find(member.sha256, member.size) is None:
                        place = (self._project, self._project.blob(member.sha256))
                        self.jobs.setdefault(member.sha256, Job(content, [])).places.append(place)

    def member(self, member: Member) -> Content | None:
        """Return the content of a member of an archive; None if the bundle leaves it out, since Docker has it."""
        is_carried = member.sha256 in self._bundle.blobs and self._medium is not None
        return self._content(File(member.name, member.sha256, member.size)) if is_carried else None

    def config(self, image: Image) -> bytes:
        """Return the configuration of an image; empty if it is not here."""
        if (found := _config(image)) is None:
            return b""
        path = self._project.find(found.sha256, found.size)
        content = self.member(found) if path is None else None
        path = content.pieces[0][0] if content is not None and len(content.pieces) == 1 else path
        return read_small(path) if path is not None else b""

    def run(self) -> None:
        """Copy everything; what is wrong or to come is noted, and stops nothing else."""
        progress = Progress(self.size)

        def copy(job: Job) -> None:
            is_begun = any(target.copied(job.content.sha256) for target, _ in job.places)
            if not is_begun and not any(path for path, _ in job.content.pieces):
                self.to_come.update(piece.volume for _, piece in job.content.pieces)
                return
            try:
                content = job.content
                for target, place in job.places:
                    if missing := target.copy(content, place, progress.add):
                        self.to_come.update(missing)
                        break
                    # The next place gets it from this one: parts of it may have come on other volumes.
                    content = content._replace(pieces=[(target.path(place), Piece(content.sha256, content.size))])
            except RefusedError as error:
                if error.code != 1:
                    raise
                self.faults.append(str(error))

        jobs = sorted(self.jobs.values(), key=lambda job: -job.content.size)
        each(copy, jobs, progress)

    def _add(self, file: File, target: Target, place: str) -> None:
        try:
            job = self.jobs.setdefault(file.sha256, Job(self._content(file), []))
        except RefusedError as error:
            self.faults.append(str(error))
        else:
            if (target, place) not in job.places:
                job.places.append((target, place))

    def _content(self, file: File) -> Content:
        """Return a content with the files that have it, here or on the medium."""
        git = file.name if len(file.name) == 40 else ""
        kept = self._project.find(file.sha256, file.size)
        if kept is None and self._medium is not None and file.sha256 in self._bundle.blobs:
            pieces = self._bundle.pieces(file.sha256).items()
            places = [(self._medium.place(name, piece), piece) for name, piece in pieces]
            return Content(file.sha256, file.size, places, git)
        kept = kept or self._elsewhere(file)
        if kept is None:
            raise RefusedError(
                f"{file.path} is not in this bundle, since this host had it, and it is no longer here; "
                "load the older bundle again, or make this one without `--have`"
            )
        return Content(file.sha256, file.size, [(kept, Piece(file.sha256, file.size))], git)

    def _elsewhere(self, file: File) -> Path | None:
        """Return a file of the hub directory that should have a content, in another place or by another name."""
        for spot in self._spots.get(file.sha256, ()):
            if self._hub.size(spot) == file.size:
                return self._hub.root / spot
        return next(self._hub.find(file.name or file.sha256, file.size), None)

    @cached_property
    def _spots(self) -> dict[str, list[str]]:
        """The places in the hub directory where this bundle and those loaded before have each content."""
        found: dict[str, list[str]] = {}
        for bundle in (self._bundle, *self._project.bundles()):
            for pointer, place, file in self._hub.all_places(bundle):
                found.setdefault(file.sha256, []).extend((place, pointer))
        return found


def _config(image: Image) -> Member | None:
    """Return the configuration among the members of an image."""
    return next((one for one in image.members if one.sha256 and f"sha256:{one.sha256}" == image.config), None)
