"""Find what the host that a bundle is for has no room for, or cannot hold by its name or size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.hub.locking.target_names import Target
from modelgen.lockfile.repos import repo_folder
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.bundle.destination import Facts
    from modelgen.bundle.manifest import Hub, ProjectFile

_PLACES = {"project": "files of the project", "hub": "weights", "docker": "images"}
_WINDOWS = "win32"
_MOST_NAMED = 5


class Arriving(NamedTuple):
    """The contents that come to the host.

    Args:
        hub: The contents of the hub directory.
        files: Files of the project.
        bytes_images: The bytes of the images that the host does not have.
    """

    hub: Hub
    files: Sequence[ProjectFile]
    bytes_images: int = 0


def find_unfit(arriving: Arriving, facts: Facts, name: str) -> list[str]:
    """Return why the host cannot hold what comes, a sentence each.

    Args:
        arriving: What comes.
        facts: What is known of the host.
        name: The name of the host file, for messages.
    """
    sentences = [*_too_large(arriving, facts, name), *_unfit_names(arriving, facts, name)]
    more = len(sentences) - _MOST_NAMED
    shown = [*sentences[:_MOST_NAMED], f"and {more} further files of this kind"] if more > 0 else sentences
    return [*_without_room(arriving, facts, name), *shown]


def _without_room(arriving: Arriving, facts: Facts, name: str) -> Iterator[str]:
    """Yield each file system with less free space than its places need together."""
    there = {*facts.blobs}
    contents = {
        one.sha256: one.size for place in arriving.hub.snapshots for one in place.files if one.name not in there
    }
    contents |= {asset.sha256: asset.size for asset in arriving.hub.assets if asset.sha256 not in there}
    needs = {
        "project": sum(file.size for file in arriving.files),
        "hub": sum(contents.values()),
        "docker": arriving.bytes_images,
    }
    disks: dict[object, list[str]] = {}
    for place in _PLACES:
        number = getattr(facts, f"disk_{place}")
        disks.setdefault(place if number is None else number, []).append(place)
    for places in disks.values():
        free = min((size for place in places if (size := getattr(facts, f"free_{place}")) is not None), default=None)
        needed = sum(needs[place] for place in places)
        if free is not None and needed > free:
            what = " and ".join(_PLACES[place] for place in places if needs[place])
            yield (
                f"{name} has {of_files(free)} free for {what}, which need {of_files(needed)}; free some space there, "
                "and describe that host again"
            )


def _too_large(arriving: Arriving, facts: Facts, name: str) -> Iterator[str]:
    if facts.largest_file is None:
        return
    for path, size in _sizes(arriving):
        if size > facts.largest_file:
            yield (
                f"{path} has {of_files(size)}, and a file in the hub's file system of {name} has at most "
                f"{of_files(facts.largest_file)}; put the hub on another file system there"
            )


def _sizes(arriving: Arriving) -> Iterator[tuple[str, int]]:
    for place in arriving.hub.snapshots:
        yield from ((f"{place.repo}/{file.path}", file.size) for file in place.files)
    yield from ((asset.path, asset.size) for asset in arriving.hub.assets)


def _unfit_names(arriving: Arriving, facts: Facts, name: str) -> Iterator[str]:
    """Yield names that the host cannot hold beside the others, and names and paths that are too long there."""
    is_windows = facts.system == _WINDOWS
    target = Target(is_windows=is_windows, folds=bool(facts.ignores_case))
    is_shared = facts.disk_project is not None and facts.disk_project == facts.disk_hub
    if is_shared or is_windows:  # else only the hub's file system is known
        yield from _unfit_in("", [file.path for file in arriving.files], target, facts, name)
    hub = f"{arriving.hub.path}/"
    yield from _unfit_in(hub, [repo_folder(place.repo) for place in arriving.hub.snapshots], target, facts, name)
    for place in arriving.hub.snapshots:
        folder = f"{hub}{repo_folder(place.repo)}/"
        paths = [file.path for file in place.files]
        yield from _unfit_in(f"{folder}snapshots/{place.commit}/", paths, target, facts, name)
        yield from _unfit_in(f"{folder}refs/", place.refs, target, facts, name)


def _unfit_in(folder: str, paths: Sequence[str], target: Target, facts: Facts, name: str) -> Iterator[str]:
    unfit = {path: f"{fault}; rename it, or leave it out" for path, fault in target.unfit(paths).items()}
    unfit |= {path: fault for path in paths if (fault := _too_long(folder, path, facts))}
    yield from (f"{folder}{path} cannot be stored on the host of {name}: {unfit[path]}" for path in sorted(unfit))


def _too_long(folder: str, path: str, facts: Facts) -> str | None:
    longest = max(len(part.encode()) for part in path.split("/"))
    if facts.longest_name is not None and longest > facts.longest_name:
        return f"a name has {longest} bytes, and at most {facts.longest_name} fit there; use another file system"
    length = len(folder) + len(path)
    if facts.longest_path is not None and length > facts.longest_path:
        return (
            f"its path has {length} characters even below the project's folder, and at most {facts.longest_path} fit "
            "there; enable long paths, or write a shorter `hub` in [project]"
        )
    return None
