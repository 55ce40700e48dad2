"""Who may see and read what, and the words in which the hub says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hub_double.messages import Call, RefusedError, error

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from hub_double.hub import Hub
    from hub_double.repos import Commit, Repo

BAD_TOKEN = "Invalid credentials in Authorization header"


@dataclass
class Token:
    """A good token: its owner may read these gated and private repositories (globs)."""

    accepts: AbstractSet[str] = field(default_factory=frozenset)
    name: str = "double-user"

    def opens(self, repo: Repo) -> bool:
        return any(fnmatchcase(repo.id, pattern) for pattern in self.accepts)


def caller(hub: Hub, call: Call) -> Token | None:
    """The token of the call; one that the hub does not know fails even where none is needed."""
    if call.token is None:
        return None
    if token := hub.tokens.get(call.token):
        return token
    raise RefusedError(error(401, BAD_TOKEN))


def visible(hub: Hub, call: Call, repo_id: str) -> Repo:
    """The repository, unless it is unknown or private: the two look the same."""
    token = caller(hub, call)
    repo = hub.store.repos.get(repo_id)
    if repo and (not repo.private or (token and token.opens(repo))):
        return repo
    if token:
        raise RefusedError(error(404, "Repository not found", "RepoNotFound"))
    raise RefusedError(error(401, "Invalid username or password.", "RepoNotFound"))


def readable(hub: Hub, call: Call, repo_id: str) -> Repo:
    """The repository, if the caller may have its files."""
    repo = visible(hub, call, repo_id)
    token = caller(hub, call)
    if not repo.gated or (token and token.opens(repo)):
        return repo
    if token:
        reason = "you are not in the authorized list"
        advice = f"Visit {hub.endpoint}/{repo.id} to ask for access."
        raise RefusedError(error(403, f"Access to model {repo.id} is restricted and {reason}. {advice}", "GatedRepo"))
    advice = "You must have access to it and be authenticated to access it. Please log in."
    raise RefusedError(error(401, f"Access to model {repo.id} is restricted. {advice}", "GatedRepo"))


def commit_of(repo: Repo, revision: str) -> Commit:
    if commit := repo.find(revision):
        return commit
    raise RefusedError(error(404, f"Invalid rev id: {revision}", "RevisionNotFound"))
