"""Files: where the hub sends a client for them, and the two places that have their bytes."""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from hub_double.access import commit_of, readable
from hub_double.content import Piece
from hub_double.messages import Call, RefusedError, Reply, bytes_reply, error

if TYPE_CHECKING:
    from hub_double.content import Blob
    from hub_double.hub import Hub
    from hub_double.repos import Commit
    from hub_double.routes import Route

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def resolve(hub: Hub, call: Call, route: Route) -> Reply:
    """302 to the CDN for an LFS file, 307 to the hub's own cache for a small one."""
    repo = readable(hub, call, route.repo)
    commit = commit_of(repo, route.revision)
    blob = _blob(commit, route.path)
    headers = {
        "X-Repo-Commit": commit.id,
        "X-Linked-Size": str(blob.size),
        "X-Linked-Etag": f'"{blob.etag}"',
        "Accept-Ranges": "bytes",
        "Vary": "Origin, Accept",
    }
    if not blob.sha256:
        name = quote(route.path, safe="")
        query = urlencode({call.path: "", "etag": f'"{blob.oid}"'})
        headers["Location"] = f"/api/resolve-cache/models/{repo.id}/{commit.id}/{name}?{query}"
        return _redirect(307, headers)
    if blob.xet:
        token = f"{hub.endpoint}/api/models/{repo.id}/xet-read-token/{commit.id}"
        headers["X-Xet-Hash"] = blob.xet
        headers["Link"] = (
            f'<{token}>; rel="xet-auth", <{hub.cdn}/v1/reconstructions/{blob.xet}>; rel="xet-reconstruction-info"'
        )
    headers["Location"] = signed_url(hub, f"{repo.id}//{route.path}", blob)
    return _redirect(302, headers)


def resolve_cache(hub: Hub, call: Call, route: Route) -> Reply:
    repo = readable(hub, call, route.repo)
    commit = commit_of(repo, route.revision)
    return _content(call, _blob(commit, route.path), route.path, {"X-Repo-Commit": commit.id})


def cdn(hub: Hub, call: Call, route: Route) -> Reply:
    """A signed address is all that the CDN asks for: it still has what the hub no longer shows."""
    blob = hub.store.blobs.get(route.revision)
    signature = call.query.get("Signature", [""])[0]
    expires = call.query.get("Expires", ["0"])[0]
    file = call.query.get("file", [""])[0]
    if blob is None or signature != _signature(file, route.revision, expires):
        return _xml_error("AccessDenied")
    if int(expires) < time.time():
        return _xml_error("AccessDenied: Request has expired")
    return _content(call, blob, route.path, {})


def signed_url(hub: Hub, file: str, blob: Blob) -> str:
    name = file.rpartition("/")[2]
    expires = str(int(time.time() + hub.signed_for))
    query = {
        "response-content-disposition": f"inline; filename*=UTF-8''{quote(name)}; filename=\"{name}\";",
        "file": file,
        "Expires": expires,
        "Signature": _signature(file, blob.sha256, expires),
        "Key-Pair-Id": "DOUBLE",
    }
    return f"{hub.cdn}/repos/{blob.sha256}?{urlencode(query)}"


def _signature(*signed: str) -> str:
    return hashlib.sha256("\n".join(signed).encode()).hexdigest()


def _blob(commit: Commit, path: str) -> Blob:
    if blob := commit.files.get(path):
        return blob
    raise RefusedError(error(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.id))


def _redirect(status: int, headers: dict[str, str]) -> Reply:
    text = f"{'Found' if status == 302 else 'Temporary Redirect'}. Redirecting to {headers['Location']}"
    return bytes_reply(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8", **headers})


def _xml_error(message: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{message}</Code></Error>'
    return bytes_reply(403, text.encode(), {"Content-Type": "application/xml"})


def _content(call: Call, blob: Blob, path: str, headers: dict[str, str]) -> Reply:
    """The bytes, or the part of them that `Range` asks for."""
    etag = f'"{blob.etag}"'
    name = path.rpartition("/")[2]
    headers |= {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name)}; filename=\"{name}\";",
    }
    if etag in call.headers.get("if-none-match", ""):
        return Reply(304, headers)
    match = RANGE.fullmatch(call.headers.get("range", "").replace(" ", ""))
    if not match or not any(match.groups()) or call.headers.get("if-range", etag) != etag:
        return Reply(200, headers, [Piece(blob.source, 0, blob.size)])
    first, last = match.groups()
    start = int(first) if first else max(blob.size - int(last), 0)
    stop = min(int(last) + 1, blob.size) if first and last else blob.size
    if start >= stop:
        return error(416, "Range Not Satisfiable", Content_Range=f"bytes */{blob.size}")
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    return Reply(206, headers, [Piece(blob.source, start, stop)])
