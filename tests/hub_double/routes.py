"""Which endpoint a path means, and of which repository, revision and file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from hub_double.messages import Call

RESOLVE = re.compile(r"/(?P<repo>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
RESOLVE_CACHE = re.compile(r"/api/resolve-cache/models/(?P<repo>.+)/(?P<revision>[0-9a-f]{40})/(?P<path>.+)")
CDN = re.compile(r"/repos/(?P<revision>[0-9a-f]{64})")
MODELS = "/api/models/"
VERBS = ("revision", "tree", "paths-info", "refs", "commits", "auth-check", "xet-read-token")
FILES = ("resolve", "resolve-cache", "cdn")


@dataclass(frozen=True)
class Route:
    """An endpoint and what it is asked about."""

    kind: str
    repo: str = ""
    revision: str = ""
    path: str = ""

    @property
    def is_file(self) -> bool:
        return self.kind in FILES

    @property
    def has_bytes(self) -> bool:
        return self.kind in {"resolve-cache", "cdn"}

    @property
    def file(self) -> str:
        """The repository's file, `namespace/name/path`; empty for anything else."""
        return f"{self.repo}/{self.path}" if self.is_file else ""


def route_of(call: Call) -> Route:
    path = call.path
    if call.host == "cdn":
        if not (match := CDN.fullmatch(path)):
            return Route("unknown")
        repo, _, name = call.query.get("file", [""])[0].partition("//")
        return Route("cdn", repo, match["revision"], name)
    if path.startswith("/_double/"):
        return Route("control", path=path.removeprefix("/_double/"))
    if match := RESOLVE_CACHE.fullmatch(path):
        return Route("resolve-cache", *map(unquote, match.groups()))
    if path.startswith(MODELS):
        return _model_route(path.removeprefix(MODELS).split("/"))
    if path in {"/api/whoami-v2", "/api/agent-harnesses"}:
        return Route(path.removeprefix("/api/"))
    if match := RESOLVE.fullmatch(path):
        return Route("resolve", *map(unquote, match.groups()))
    return Route("unknown")


def _model_route(parts: list[str]) -> Route:
    """`name/verb/…` or `namespace/name/verb/…`."""
    words = 1 if len(parts) > 1 and parts[1] in VERBS else 2
    repo, rest = "/".join(parts[:words]), [unquote(part) for part in parts[words:]]
    if not rest:
        return Route("revision", repo, "main")
    verb, *after = rest
    revision = after[0] if after else "main"
    return Route(verb if verb in VERBS else "unknown", repo, revision, "/".join(after[1:]))
