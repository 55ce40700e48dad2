"""Write a bundle: copy the contents, write the papers, and remove last what an older bundle left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.bundle.blobs import DamagedError
from modelgen.bundle.contents import THREADS
from modelgen.bundle.folder import hash_of, mark_complete, mark_incomplete, place, remove_all
from modelgen.bundle.manifest import NAME, Requires
from modelgen.bundle.papers import CONTENTS, IMPORTER, README, SUMS, sums
from modelgen.bundle.plan import draft, papers_of, refuse_full, sound_plan
from modelgen.bundle.proving import FOLDER as PROVING
from modelgen.bundle.proving import Proof, Proving
from modelgen.bundle.signing import SIGNATURE
from modelgen.files import ModelgenError
from modelgen.hub.cache.hashing import in_parallel
from modelgen.operate.docker import require_docker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelgen.bundle.blobs import BlobStore
    from modelgen.bundle.contents import Content
    from modelgen.bundle.folder import Existing
    from modelgen.bundle.manifest import Bundle, Image
    from modelgen.bundle.plan import LeaveOut, Plan

Shown = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows the progress of reading so many bytes; the function is called by several threads with the bytes read."""


@dataclass(frozen=True)
class Done:
    """A bundle that was written.

    Args:
        plan: The plan, which may have fewer models than the first one.
        bundle: The bundle.
        warnings: Sentences about files that engines may miss.
    """

    plan: Plan
    bundle: Bundle
    warnings: tuple[str, ...] = ()


def create(found: Plan, existing: Existing, leave_out: LeaveOut, shown: Shown, say: Callable[[str], None]) -> Done:
    """Write a bundle as planned.

    Args:
        found: The plan.
        existing: The folder.
        leave_out: Leaves out the models whose files are damaged, or that their engine would not start with.
        shown: Shows the progress of copying.
        say: Prints a line.

    Raises:
        FaultyModelsError: There are such models, and `leave_out` does not leave them out.
        ModelgenError: There is not enough space, a file of the project has changed meanwhile, or Docker fails.
        OSError: The folder cannot be written.
    """
    refuse_full(found, existing)
    proof = Proof()
    while faults := copy(found, shown) or (proof := prove(found, say)).faults:
        found = sound_plan(leave_out(found.order, faults), existing, leave_out)
    order = found.order
    saved = [*found.images.save(found.store, order.builder, order.arch, say)]
    return Done(found, finish(found, saved, proof), tuple(proof.warnings))


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


def prove(found: Plan, say: Callable[[str], None]) -> Proof:
    """Have the engines look up what they open when they start, in the bytes of the bundle.

    Raises:
        ModelgenError: Docker does not answer, and the proof is demanded.
        OSError: The folder cannot be written.
    """
    order, origin = found.order, found.order.origin
    models = sorted({model for snapshot in found.contents.hub.snapshots for model in snapshot.models})
    lock = origin.resolved.lock
    if lock is None or not models:
        return Proof()
    if order.proves is False:
        return Proof(dict.fromkeys(models, "`--no-prove` was passed"))
    try:
        require_docker()
    except ModelgenError:
        if order.proves:
            raise
        return Proof(dict.fromkeys(models, "no Docker Engine answered where the bundle was made"))

    def sources(sha256: str) -> list[Path]:
        content = found.contents.contents[sha256].source
        return found.store.sources(sha256) or ([content] if isinstance(content, Path) else [])

    proving = Proving(order.folder, origin.root, origin.fleet, origin.resolved.runs, lock, sources, say)
    return proving.prove(found.contents.hub, models)


def finish(found: Plan, saved: Sequence[tuple[Image, bool]], proof: Proof) -> Bundle:
    """Write the papers and bundle.json, then remove what an older bundle had and this one does not need.

    Args:
        found: The plan.
        saved: The images, each with whether the other host has it.
        proof: The result of the engines' look-ups.

    Raises:
        OSError: The folder cannot be written.
    """
    order, folder = found.order, found.order.folder
    made = _bundle(found, saved, proof)
    written = {**papers_of(order, found.contents, made, found.dealer.volumes), NAME: made.encode()}
    hashes = {path: hash_of(data) for path, data in written.items()}
    folders = folders_of(found)
    for volume, root in folders.items():
        place(root, {**written, SUMS: sums(made, hashes, volume)})
    kept = {root / name for root in folders.values() for name in (*written, SUMS)}
    remove_all(folder, [*found.store.strays(), *(path for path in _papers_in(folder) if path not in kept)])
    shutil.rmtree(folder / PROVING, ignore_errors=True)
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
        names = (NAME, SUMS, SIGNATURE, README, CONTENTS)
        yield from (path for path in (*(root / name for name in names), *root.glob(f"{IMPORTER}/*")) if path.is_file())


def _bundle(found: Plan, saved: Sequence[tuple[Image, bool]], proof: Proof) -> Bundle:
    had = [member for image, is_had in saved if is_had for member in image.members if member.sha256]
    blobs = found.store.blobs
    of_files = sum(file.size for file in found.contents.files)
    of_hub = sum(content.size for content in found.carried if content.models)
    of_images = sum(image.size for image, is_had in saved if not is_had)
    return replace(
        draft(found.order, found.contents),
        images=tuple(image for image, _ in saved),
        blobs=dict(blobs),
        expected={**found.expected, **{one.sha256: one.size for one in had if one.sha256 and one.sha256 not in blobs}},
        proven=proof.proven,
        requires=Requires(of_hub, of_images, of_files),
    )
