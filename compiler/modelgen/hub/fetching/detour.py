"""A small file through the official client by way of a temporary folder, for hubs where the client cannot lock files.

The client names no switch for its locks (huggingface_hub 2.4.0, WeakFileLock) and only takes ENOSYS for their absence.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.hub import publishing
from modelgen.hub.fetching.planning import partial_path
from modelgen.hub.fetching.through_client import bring_through_client
from modelgen.hub.holding import make_folder

if TYPE_CHECKING:
    from modelgen.hub.fetching.session import Session
    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import File


def bring_by_detour(session: Session, checkout: Checkout, file: File, *, counts: bool, links: bool) -> None:
    """Download a file to a temporary folder and move it to its place.

    Args:
        session: See there.
        checkout: Where the file belongs.
        file: The file, of a size that git holds.
        counts: Whether its bytes were announced.
        links: Whether the hub directory has links.

    Raises:
        Exception: Whatever client, network and disk raise.
    """
    with tempfile.TemporaryDirectory(prefix="modelgen-") as folder:
        aside = replace(checkout, hub=Path(folder))
        bring_through_client(replace(session, hub=aside.hub), aside, file, counts=counts)
        part = partial_path(session.hub, checkout, file)
        make_folder(part.parent)
        shutil.copyfile(aside.pointer(file), part)
    publishing.open_and_sync(part)
    publishing.place(part, checkout, file, links=links)
