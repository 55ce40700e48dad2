"""Collect what goes into a bundle: files of the project, snapshots, and what is wrong with each model."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modelgen.bundle.manifest import Hub, HubAsset, HubFile, HubSnapshot, ProjectFile
from modelgen.bundle.project_files import OVERRIDE, Carried, named_files, written_files
from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.hashing import Digest, in_parallel
from modelgen.hub.cache.layout import asset_path, checkouts, own_ref, tree_listing
from modelgen.hub.verifying.problems import FIX, how_to_bring
from modelgen.hub.verifying.verify import survey
from modelgen.lockfile.loading import why_unfit
from modelgen.resolve.assets import opening_by_name, outside, wants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelgen.bundle.project_files import Named, Written
    from modelgen.hub.cache.layout import Checkout
    from modelgen.ir import Fleet
    from modelgen.load import Document
    from modelgen.lockfile.entries import Asset, File, Lock
    from modelgen.resolve import ModelRun, Resolved

THREADS = 2
"""One thread hashes while another waits for the disk; more would only make a slow disk seek."""
_NOT_CARRIED = ("foreign", "listing", "mode", "ref")
"""Kinds of problems of a hub directory that a bundle does not take over."""


@dataclass(frozen=True)
class Origin:
    """The project that a bundle is made of.

    Args:
        root: The folder of models.toml.
        hub: The hub directory, absolute.
        written: The bytes of the project.
        fleet: The deployment.
        resolved: models.toml and its lock.
        apart: Folders that are no part of a folder that is mounted.
        with_override: Whether docker-compose.override.yml is carried.
        with_models: Whether the weights are carried.
    """

    root: Path
    hub: Path
    written: Written
    fleet: Fleet
    resolved: Resolved
    apart: tuple[Path, ...] = ()
    with_override: bool = False
    with_models: bool = True


@dataclass(frozen=True)
class Content:
    """Bytes that go into the bundle.

    Args:
        sha256: Their hash.
        size: Their number.
        source: The bytes, or the file.
        label: Their name, for messages.
        models: The models that need them; empty if all do.
        of_project: Whether they are carried whatever the other host has.
        help: The next step if the file is damaged.
    """

    sha256: str
    size: int
    source: bytes | Path
    label: str
    models: tuple[str, ...] = ()
    of_project: bool = False
    help: str = "run it again"


@dataclass
class Contents:
    """The contents of a bundle, save the images.

    Args:
        files: Files of the project.
        hub: The contents of the hub directory.
        contents: The bytes of both by hash, in the order in which they are written.
        faults: By model, why it cannot be carried.
        notes: Sentences about what is not carried and nothing can be done about.
    """

    files: tuple[ProjectFile, ...]
    hub: Hub
    contents: dict[str, Content]
    faults: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, content: Content) -> None:
        """Add a content; of one that is here, note that further models need it."""
        if (there := self.contents.setdefault(content.sha256, content)) is not content:
            models = tuple(dict.fromkeys((*there.models, *content.models)))
            of_project = there.of_project or content.of_project
            self.contents[content.sha256] = replace(there, models=models, of_project=of_project)


def collect(origin: Origin, known: Mapping[str, str]) -> Contents:
    """Collect what goes into a bundle, and find the faults that need no reading of weights.

    With a fault, `hub` is incomplete: a bundle can be made of what is left without the models that have one.

    Args:
        origin: The project.
        known: SHA-256 of contents that git names, by git's id, from earlier bundles.
    """
    named = named_files(origin.fleet, origin.root, _flag_files(origin.resolved.document), (origin.hub, *origin.apart))
    carried = {file.path: file for file in (*named.files.values(), *written_files(origin.written), *_override(origin))}
    found = Contents((), Hub(origin.resolved.document.config.project.hub), {}, dict(named.faults))
    found.files = tuple(_take_files(found, [carried[path] for path in sorted(carried)]))
    if origin.with_models and origin.resolved.lock is not None:
        _take_hub(found, origin, origin.resolved.lock, known)
    found.notes += _notes(origin, named)
    return found


def _flag_files(document: Document) -> dict[str, str]:
    """Return the YAML file of flags of each model that has one, relative to models.toml."""
    folder = posixpath.dirname(document.source.path) or "."
    sources = ((name, file.source) for name, file in document.files.items())
    return {name: f"./{posixpath.relpath(one.path, folder)}" for name, one in sources if one is not None}


def _override(origin: Origin) -> Iterator[Carried]:
    path = f"{origin.written.out}/{OVERRIDE}"
    if origin.with_override and (origin.root / path).is_file():
        yield Carried(path, origin.root / path)


def _notes(origin: Origin, named: Named) -> Iterator[str]:
    path = f"{origin.written.out}/{OVERRIDE}"
    if not origin.with_override and (origin.root / path).is_file():
        yield f"{path} is not carried, since it may hold passwords; `--with-override` carries it"
    for place in sorted(named.of_host):
        yield f"{place}, which `compose.volumes` mounts, is not carried; the other host needs one of its own"
    for place in sorted(named.left_out):
        yield f"{place} is not carried, since it may hold passwords"


def _take_files(found: Contents, carried: Sequence[Carried]) -> Iterator[ProjectFile]:
    hashes = in_parallel(_hash, [file.content for file in carried], threads=THREADS)
    for file, (sha256, size) in zip(carried, hashes, strict=True):
        found.add(Content(sha256, size, file.content, file.path, of_project=True))
        yield ProjectFile(file.path, sha256, size, file.executable)


def _hash(content: bytes | Path) -> tuple[str, int]:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest(), len(content)
    digest = Digest()
    digest.add_file(content)
    return digest.hex(), content.stat().st_size


def _take_hub(found: Contents, origin: Origin, lock: Lock, known: Mapping[str, str]) -> None:
    runs = origin.resolved.runs
    found.faults = {**dict(_unlocked(runs, lock)), **found.faults}
    snapshots = [entry for want in wants(runs, lock) if (entry := lock.find(want)) is not None]
    places = checkouts(origin.hub, snapshots, opening_by_name(runs))
    places.sort(key=lambda place: (place.repo, place.commit))
    needed = {file.sha256 for file in outside(runs, lock)}
    assets = sorted((asset for asset in lock.assets if asset.sha256 in needed), key=lambda asset: asset.sha256)
    for problem in survey(origin.hub, places, assets, {}, quick=True, others=False).problems:
        if problem.is_wrong and problem.kind not in _NOT_CARRIED:
            for model in problem.models or runs:
                found.faults.setdefault(model, f"{problem.path or origin.hub} {problem.text}; {problem.help}")
    hashes = _hashes(origin.hub, places, known, found.faults)
    if not found.faults:
        taken = tuple(_take_snapshot(found, origin.hub, place, hashes) for place in places)
        found.hub = Hub(found.hub.path, taken, tuple(_take_asset(found, origin.hub, asset) for asset in assets))


def _unlocked(runs: Mapping[str, ModelRun], lock: Lock) -> Iterator[tuple[str, str]]:
    """Yield each model whose repositories or other files the lock does not have, and what to do."""
    help_ = "run `modelgen lock`, then `modelgen fetch`"
    for want in wants(runs, lock):
        entry = lock.find(want)
        if fault := "is not in the lock" if entry is None else why_unfit(want, entry):
            yield from ((model, f"{want.repo} {fault}; {help_}") for model in want.models)
    known = {asset.sha256 for asset in lock.assets}
    for file, models in outside(runs, lock).items():
        if file.sha256 not in known:
            yield from ((model, f"{file.name} is not in the lock; {help_}") for model in models)


def _hashes(hub: Path, places: Sequence[Checkout], known: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each content by its name in the hub directory; of those that git names by reading them."""
    found: dict[str, str] = {}
    unknown: dict[str, tuple[Checkout, File]] = {}
    for place in places:
        for file in place.files.values():
            sha256 = file.sha256 or known.get(file.etag)
            if sha256 is not None:
                found[file.etag] = sha256
            elif not set(place.models) & faults.keys():
                unknown.setdefault(file.etag, (place, file))
    read = in_parallel(lambda one: _read(hub, *one), unknown.values(), threads=THREADS)
    for (place, file), (sha256, fault) in zip(unknown.values(), read, strict=True):
        found[file.etag] = sha256
        for model in place.models if fault else ():
            help_ = how_to_bring(place, is_bad=True)
            faults.setdefault(model, f"{place.pointer(file).relative_to(hub).as_posix()} {fault}; {help_}")
    return found


def _read(hub: Path, place: Checkout, file: File) -> tuple[str, str | None]:
    """Return the SHA-256 of a file that git names, and what is wrong with it."""
    sha256, git = Digest(), Digest(file.size)
    try:
        with open_regular(path_of(hub, place.pointer(file))) as opened:
            while block := opened.read(2**20):
                sha256.update(block)
                git.update(block)
    except OSError as error:
        return "", f"cannot be read: {(error.strerror or str(error)).lower()}"
    is_right = git.hex() == file.etag
    return sha256.hex(), None if is_right else "is damaged: its hash is not that of models.lock"


def path_of(hub: Path, path: Path) -> Path:
    """Return where the content of a file of the hub directory is, through links that stay in it."""
    return hub.joinpath(*follow(hub, path.relative_to(hub).as_posix()).parts)


def _take_snapshot(found: Contents, hub: Path, place: Checkout, hashes: Mapping[str, str]) -> HubSnapshot:
    listing = tree_listing(place)
    tree = hashlib.sha256(listing).hexdigest()
    found.add(Content(tree, len(listing), listing, f"the listing of {place.repo}", of_project=True))
    files = []
    for path in sorted(place.files):
        file = place.files[path]
        sha256, pointer = hashes[file.etag], place.pointer(file)
        label, help_ = pointer.relative_to(hub).as_posix(), how_to_bring(place, is_bad=True)
        found.add(Content(sha256, file.size, path_of(hub, pointer), label, place.models, help=help_))
        files.append(HubFile(path, file.etag, sha256, file.size))
    refs = tuple(sorted({*place.refs, own_ref(place.commit)}))
    return HubSnapshot(place.repo, place.commit, refs, tree, tuple(sorted(place.models)), tuple(files))


def _take_asset(found: Contents, hub: Path, asset: Asset) -> HubAsset:
    pointer = asset_path(hub, asset)
    label, place = pointer.relative_to(hub).as_posix(), path_of(hub, pointer)
    size = place.stat().st_size if asset.size is None else asset.size
    help_ = f"{FIX}, then `modelgen fetch`"
    found.add(Content(asset.sha256, size, place, label, tuple(asset.models), help=help_))
    return HubAsset(label, asset.sha256, size)
