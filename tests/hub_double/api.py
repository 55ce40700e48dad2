"""The endpoints that answer JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from hub_double.access import caller, commit_of, readable, visible
from hub_double.content import git_name
from hub_double.messages import Call, RefusedError, Reply, bytes_reply, error, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub_double.content import Blob
    from hub_double.hub import Hub
    from hub_double.repos import Commit, Repo
    from hub_double.routes import Route

Json = dict[str, Any]
EXPANDED_PAGE = 50  # the hub's pages are shorter when it has more to say of each file


def model_info(hub: Hub, call: Call, route: Route) -> Reply:
    repo = visible(hub, call, route.repo)
    commit = commit_of(repo, route.revision)
    info = _info(repo, commit, blobs=call.asks("blobs"))
    if wanted := [*call.query.get("expand", []), *call.query.get("expand[]", [])]:
        info = {name: info[name] for name in ("_id", "id", *wanted) if name in info}
    return json_reply(info)


def _info(repo: Repo, commit: Commit, *, blobs: bool) -> Json:
    return {
        "_id": hashlib.sha1(repo.id.encode()).hexdigest()[:24],
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.id.partition("/")[0],
        "sha": commit.id,
        "lastModified": commit.date,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "library_name": "transformers",
        "tags": ["transformers", "safetensors", f"license:{repo.license}"],
        "cardData": {"license": repo.license},
        "config": _config(commit),
        "usedStorage": sum(blob.size for blob in commit.files.values()),
        "spaces": [],
        "siblings": [_sibling(path, blob, blobs=blobs) for path, blob in commit.files.items()],
        **({"pipeline_tag": repo.task} if repo.task else {}),
    }


def _config(commit: Commit) -> Json:
    """What the hub tells of config.json."""
    blob = commit.files.get("config.json")
    if blob is None or not isinstance(blob.source, bytes):
        return {}
    try:
        config = json.loads(blob.source)
    except (ValueError, RecursionError):
        return {}
    told = ("architectures", "model_type", "quantization_config")
    return {name: config[name] for name in told if name in config} if isinstance(config, dict) else {}


def _sibling(path: str, blob: Blob, *, blobs: bool) -> Json:
    if not blobs:
        return {"rfilename": path}
    sibling: Json = {"rfilename": path, "blobId": blob.oid, "size": blob.size}
    if blob.sha256:
        sibling["lfs"] = {"sha256": blob.sha256, "size": blob.size, "pointerSize": blob.pointer_size}
    return sibling


def tree(hub: Hub, call: Call, route: Route) -> Reply:
    commit = commit_of(visible(hub, call, route.repo), route.revision)
    inside = f"{route.path}/" if route.path else ""
    below = {path.removeprefix(inside): path for path in commit.files if path.startswith(inside)}
    if inside and not below:
        raise RefusedError(error(404, f"{route.path} does not exist on {route.revision}", "EntryNotFound"))
    expand = call.asks("expand")
    entries = [
        _entry(commit, inside + name, expand=expand)
        for name in sorted(set(below) | _folders(below))
        if call.asks("recursive") or "/" not in name
    ]
    return _page(hub, call, entries, expand=expand)


def _folders(paths: Mapping[str, str]) -> set[str]:
    return {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}


def _entry(commit: Commit, path: str, *, expand: bool) -> Json:
    blob = commit.files.get(path)
    if blob is None:
        inner = sorted(f"{blob.oid} {name}" for name, blob in commit.files.items() if name.startswith(f"{path}/"))
        entry: Json = {"type": "directory", "oid": git_name("\n".join(inner).encode(), "tree"), "size": 0, "path": path}
    else:
        entry = {"type": "file", "oid": blob.oid, "size": blob.size, "path": path}
        if blob.sha256:
            entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": blob.pointer_size}
        if blob.xet:
            entry["xetHash"] = blob.xet
    if expand:
        entry["lastCommit"] = {"id": commit.id, "title": "Add files", "date": commit.date}
        if blob:
            scan = {"status": "safe"}
            entry["securityFileStatus"] = {"status": "safe", "avScan": scan, "pickleImportScan": None}
    return entry


def _page(hub: Hub, call: Call, entries: list[Json], *, expand: bool) -> Reply:
    """One page, with the address of the next in `Link`."""
    size = min(hub.page_size, EXPANDED_PAGE) if expand else hub.page_size
    cursor = call.query.get("cursor", [""])[0]
    start = int(base64.urlsafe_b64decode(cursor)) if cursor else 0
    headers: dict[str, str] = {}
    if start + size < len(entries):
        after = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = urlencode({**call.query, "cursor": [after]}, doseq=True)
        headers["Link"] = f'<{hub.endpoint}{call.path}?{query}>; rel="next"'
    return json_reply(entries[start : start + size], headers)


def paths_info(hub: Hub, call: Call, route: Route) -> Reply:
    commit = commit_of(visible(hub, call, route.repo), route.revision)
    if "json" in call.headers.get("content-type", ""):
        asked = json.loads(call.body)
        paths, expand = asked["paths"], bool(asked.get("expand"))
    else:
        form = parse_qs(call.body.decode())
        paths, expand = form.get("paths", []), form.get("expand", [""])[0].lower() == "true"
    known = set(commit.files) | _folders({path: path for path in commit.files})
    return json_reply([_entry(commit, path, expand=expand) for path in paths if path in known])


def refs(hub: Hub, call: Call, route: Route) -> Reply:
    repo = visible(hub, call, route.repo)
    data: Json = {"branches": [], "converts": [], "tags": []}
    pulls = [
        {"name": name, "ref": name, "targetCommit": commit}
        for name, commit in repo.branches.items()
        if name.startswith("refs/pr/")
    ]
    for kind, folder, names in (("branches", "heads", repo.branches), ("tags", "tags", repo.tags)):
        data[kind] = [
            {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit}
            for name, commit in names.items()
            if not name.startswith("refs/")
        ]
    return json_reply(data | ({"pullRequests": pulls} if call.asks("include_prs") else {}))


def commits(hub: Hub, call: Call, route: Route) -> Reply:
    repo = visible(hub, call, route.repo)
    commit: Commit | None = commit_of(repo, route.revision)
    entries: list[Json] = []
    while commit and commit.id in repo.commits:
        authors = [{"user": "double-user"}]
        entries.append({"id": commit.id, "title": "Add files", "message": "", "authors": authors, "date": commit.date})
        commit = commit.parent
    return _page(hub, call, entries, expand=False)


def auth_check(hub: Hub, call: Call, route: Route) -> Reply:
    readable(hub, call, route.repo)
    return json_reply({})


def xet_token(hub: Hub, call: Call, route: Route) -> Reply:
    """The log shows that Xet was chosen; the transfer itself is not covered, and this status is never retried."""
    readable(hub, call, route.repo)
    if hub.xet_tokens:
        return bytes_reply(
            200,
            b"{}",
            {
                "Content-Type": "application/json",
                "X-Xet-Cas-Url": hub.cdn,
                "X-Xet-Access-Token": "xet-access",
                "X-Xet-Token-Expiration": "4102444800",
            },
        )
    return error(501, "Xet is not covered by the double")


def whoami(hub: Hub, call: Call, _route: Route) -> Reply:
    if not (token := caller(hub, call)):
        return error(401, "Invalid username or password.")
    access = {"displayName": "double", "role": "read", "createdAt": "2026-01-01T00:00:00.000Z"}
    return json_reply(
        {
            "type": "user",
            "id": "0" * 24,
            "name": token.name,
            "fullname": token.name,
            "email": f"{token.name}@example.org",
            "emailVerified": True,
            "canPay": False,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


def agent_harnesses(_hub: Hub, _call: Call, _route: Route) -> Reply:
    """The command line of the client asks for this at every start."""
    return json_reply({"standardEnvVars": [], "harnesses": {}})
