"""The hub as a test sees it: content to put in, switches to turn, a log to read."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hub_double import api, resolve
from hub_double.faults import Delivery, Faults
from hub_double.log import Log, Request
from hub_double.messages import Call, Host, RefusedError, Reply, error
from hub_double.repos import Gated, Store, Xet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hub_double.access import Token
    from hub_double.routes import Route

HANDLERS: Mapping[str, Callable[[Hub, Call, Route], Reply]] = {
    "revision": api.model_info,
    "tree": api.tree,
    "paths-info": api.paths_info,
    "refs": api.refs,
    "commits": api.commits,
    "auth-check": api.auth_check,
    "xet-read-token": api.xet_token,
    "whoami-v2": api.whoami,
    "agent-harnesses": api.agent_harnesses,
    "resolve": resolve.resolve,
    "resolve-cache": resolve.resolve_cache,
    "cdn": resolve.cdn,
}
# One certificate: a client reads all of the system's when it starts, although the double speaks plain HTTP.
AUTHORITY = Path(__file__).with_name("authority.pem")
# What would lead a client elsewhere, or tell it something of this machine.
FOREIGN = ("HF_", "HUGGING", "TRANSFORMERS_")


class Hub:
    """A hub of one's own. Never share one between tests: whoever comes first meets the faults."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.endpoint = ""
        self.cdn = ""
        self.store = Store()
        self.faults = Faults()
        self.log = Log()
        self.tokens: dict[str, Token] = {}
        self.latency = 0.0  # seconds before any answer
        self.was_asked = threading.Event()  # set by the first request, before the latency
        self.rate: int | None = None  # bytes a second that a connection gets
        self.page_size = 1000  # entries on a page of a tree
        self.xet_tokens = False  # whether a transfer by Xet may begin; where it leads, the double has nothing
        self.signed_for = 3600.0  # seconds until the CDN's addresses expire

    def add(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path],
        *,
        gated: Gated | None = None,
        private: bool | None = None,
        license: str | None = None,  # noqa: A002 - the hub's word
        task: str | None = None,
        revision: str = "main",
        delete: Collection[str] = (),
        lfs_over: int = 10_000,
        xet: Xet = False,
    ) -> str:
        """Commit files on a branch, over those that it has, and return the commit.

        What is not said of a repository stays as it was; a new one is open, public, apache-2.0 and for
        text-generation. `xet` is True or globs: these LFS files are offered by Xet too.
        """
        commit = self.store.add(repo_id, files, revision=revision, delete=delete, lfs_over=lfs_over, xet=xet)
        repo = self.store.repos[repo_id]
        if gated is not None:
            repo.gated = "auto" if gated is True else gated
        repo.private = repo.private if private is None else private
        repo.license = license or repo.license
        repo.task = repo.task if task is None else task
        return commit

    def tag(self, repo_id: str, name: str, commit: str) -> None:
        """Name a commit."""
        self.store.repos[repo_id].tags[name] = commit

    def move(self, repo_id: str, branch: str, commit: str) -> None:
        """Point a branch elsewhere, as a push by force does."""
        self.store.repos[repo_id].branches[branch] = commit

    def forget(self, repo_id: str, commit: str) -> None:
        """Delete a revision upstream; branches and tags at it fall back to its parent."""
        with self.store.lock:
            self.store.repos[repo_id].forget(commit)

    def delete(self, repo_id: str) -> None:
        """Delete a repository; addresses that the CDN signed before still work."""
        with self.store.lock:
            del self.store.repos[repo_id]

    @property
    def requests(self) -> list[Request]:
        """What was asked since the last `clear`."""
        return self.log.requests()

    def clear(self) -> None:
        """Forget the requests."""
        self.log.clear()

    def requests_for(self, pattern: str) -> list[Request]:
        """The requests about these files (a glob), or of these paths."""
        return [request for request in self.requests if request.matches(pattern)]

    def bytes_sent(self, pattern: str = "*") -> int:
        """The bytes of these files that were sent, from either host."""
        files = [request for request in self.requests_for(pattern) if request.file]
        return sum(request.sent for request in files if request.status in {200, 206})

    def most_at_once(self, host: Host) -> int:
        """How many answers a host gave at once."""
        return self.log.most_at_once[host]

    @property
    def environment(self) -> dict[str, str]:
        """For a child process: a client that knows this hub, an empty home, and no token or proxy."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) and not name.lower().endswith("_proxy")
        }
        return kept | {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": str(AUTHORITY),
        }

    def reply(self, call: Call, route: Route) -> tuple[Reply, Delivery]:
        """The answer, with the faults that it meets."""
        if refusal := self.faults.refusal(call, route):
            return refusal, Delivery()
        call = self.faults.request(call, route)
        handler = HANDLERS.get(route.kind)
        try:
            reply = handler(self, call, route) if handler else error(404, "Not Found")
        except RefusedError as refused:
            reply = refused.reply
        reply, delivery = self.faults.body(call, route, reply)
        if self.rate and route.has_bytes and delivery.rate is None:
            delivery = replace(delivery, rate=self.rate)
        return reply, delivery
