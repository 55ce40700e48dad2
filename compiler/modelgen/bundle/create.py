"""Write a bundle: copy the contents, write the papers, and remove last what an older bundle left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.bundle.blobs import DamagedError
from modelgen.bundle.contents import THREADS
from modelgen.bundle.folder import hash_of, mark_complete, mark_incomplete, place, remove_all
from modelgen.bundle.manifest import NAME, Requires
from modelgen.bundle.papers import SUMS, sums
from modelgen.bundle.plan import draft, papers_of, refuse_full, sound_plan
from modelgen.files import ModelgenError
from modelgen.hub.cache.hashing import in_parallel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.bundle.blobs import BlobStore
    from modelgen.bundle.contents import Content
    from modelgen.bundle.folder import Existing
    from modelgen.bundle.manifest import Bundle
    from modelgen.bundle.plan import LeaveOut, Plan

Shown = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows the progress of reading so many bytes; the function is called by several threads with the bytes read."""


def create(found: Plan, existing: Existing, leave_out: LeaveOut, shown: Shown) -> tuple[Plan, Bundle]:
    """Write a bundle as planned; return the plan of what was written, which may have fewer models, and the bundle.

    Raises:
        FaultyModelsError: The files of a model are damaged, and `leave_out` does not leave it out.
        ModelgenError: There is not enough space, or a file of the project has changed meanwhile.
        OSError: The folder cannot be written.
    """
    refuse_full(found, existing)
    while faults := copy(found, shown):
        found = sound_plan(leave_out(found.order, faults), existing, leave_out)
    return found, finish(found)


def copy(found: Plan, shown: Shown) -> dict[str, str]:
    """Copy the contents into the folder; return the models whose files are damaged, each with the reason.

    Raises:
        ModelgenError: A file of the project has changed meanwhile.
        OSError: The folder cannot be written.
    """
    store = found.store
    missing = [content for content in found.carried if not store.has(content.sha256, content.size)]
    if missing:
        mark_incomplete(found.order.folder)
    missing.sort(key=lambda content: -content.size)
    faults: dict[str, str] = {}
    with shown(sum(content.size for content in missing)) as store.advanced:
        for content, fault in in_parallel(lambda one: _copy(store, one), missing, threads=THREADS):
            if fault is not None and not content.models:
                raise ModelgenError(f"{content.label} {fault}; run it again when nothing changes it")
            for model in content.models if fault is not None else ():
                faults.setdefault(model, f"{content.label} {fault}; {content.help}")
    return faults


def _copy(store: BlobStore, content: Content) -> tuple[Content, str | None]:
    try:
        if isinstance(content.source, bytes):
            store.add_bytes(content.source, content.sha256)
        else:
            store.add_file(content.source, content.sha256, content.size)
    except DamagedError as error:
        return content, str(error)
    return content, None


def finish(found: Plan) -> Bundle:
    """Write the papers and bundle.json, then remove what an older bundle had and this one does not need.

    Raises:
        OSError: The folder cannot be written.
    """
    order, folder = found.order, found.order.folder
    made = _bundle(found)
    written = {**papers_of(order, found.contents, made, found.dealer.volumes), NAME: made.encode()}
    hashes = {path: hash_of(data) for path, data in written.items()}
    folders = folders_of(found)
    for volume, root in folders.items():
        place(root, {**written, SUMS: sums(made, hashes, volume)})
    kept = {root / name for root in folders.values() for name in (*written, SUMS)}
    remove_all([*found.store.strays(), *(path for path in _papers_in(folder) if path not in kept)])
    mark_complete(folder)
    return made


def folders_of(found: Plan) -> dict[int | None, Path]:
    """Return the folder of each volume; without volumes, that of the bundle."""
    folder = found.order.folder
    if found.order.split is None:
        return {None: folder}
    return {volume: folder / f"vol{volume}" for volume in range(1, found.dealer.volumes + 1)}


def _papers_in(folder: Path) -> Iterable[Path]:
    """Yield the files of older bundles beside their contents: of other volumes, or of an older importer."""
    for root in (folder, *folder.glob("vol[0-9]*/")):
        names = (NAME, SUMS, f"{SUMS}.sig", "README.txt", "CONTENTS.md")
        yield from (path for path in (*(root / name for name in names), *root.glob("importer/*")) if path.is_file())


def _bundle(found: Plan) -> Bundle:
    of_files = sum(file.size for file in found.contents.files)
    of_hub = sum(content.size for content in found.carried if content.models)
    return replace(
        draft(found.order, found.contents),
        blobs=dict(found.store.blobs),
        expected=found.expected,
        requires=Requires(bytes_hub=of_hub, bytes_files=of_files),
    )
