"""Download a file by one plain request, without the official client: receive, hash, and move it to its place.

Three kinds of files come this way: small files, since the client sends two requests for headers first; any file of a
mirror that leaves out headers which the client needs; and files that git holds, where the client cannot lock its files,
since it has no switch for its locks (huggingface_hub 2.4.0, WeakFileLock; see `client.can_lock`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import sync
from modelgen.hub.cache import publishing
from modelgen.hub.cache.hashing import Digest
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.connection import error_kinds
from modelgen.hub.connection.answers import raise_for_status, refuse_page
from modelgen.hub.fetching.planning import partial_path

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.session import Session
    from modelgen.lockfile.entries import File


def lacks_headers(error: BaseException) -> bool:
    """Return whether the official client refuses an answer because it lacks the hub's headers."""
    from huggingface_hub.errors import FileMetadataError

    return any(isinstance(cause, FileMetadataError) for cause in error_kinds.causes(error))


def bring_directly(session: Session, checkout: Checkout, file: File) -> bool:
    """Download a file in one try, move it to its place if its hash is right, and return whether it was.

    Redirects are followed, also to other hosts; the HTTP client sends the token only to the hub's own.

    Raises:
        Exception: Any error of network and disk.
    """
    from huggingface_hub.file_download import are_symlinks_supported

    part = partial_path(session.hub, checkout, file)
    make_folder(part.parent)
    found = _receive(session, checkout, file, part)
    if found != file.etag:
        part.unlink()
        return False
    publishing.place(part, checkout, file, links=are_symlinks_supported(session.hub))
    return True


def _receive(session: Session, checkout: Checkout, file: File, part: Path) -> str:
    """Write the received data to `part`, sync it, and return its hash."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    connection = session.connection
    url = hf_hub_url(checkout.repo, file.path, revision=checkout.commit, endpoint=connection.endpoint)
    headers = build_hf_headers(token=connection.token, library_name="modelgen") | {"Accept-Encoding": "identity"}
    patience = constants.HF_HUB_DOWNLOAD_TIMEOUT  # as for every other transfer
    with get_session().stream("GET", url, headers=headers, timeout=patience) as response:
        raise_for_status(response)
        if response.headers.get("Content-Length") != str(file.size):
            refuse_page(response)
        come, digest = 0, Digest(None if file.sha256 else file.size)
        try:
            part.unlink(missing_ok=True)  # a file of another user may not be writable
            with part.open("xb") as target:
                for block in response.iter_raw(2**20):
                    target.write(block)
                    digest.update(block)
                    session.count(checkout.repo, file.path, len(block))
                    come += len(block)
                    session.pace.spend(len(block))
                    if come > file.size or session.stop.is_set():
                        break
                target.flush()
                sync(target.fileno())
        finally:
            session.count(checkout.repo, file.path, -come)  # counted again when it is in its place
    if come < file.size:
        raise ConnectionResetError("the connection ended early")
    return digest.hex()
