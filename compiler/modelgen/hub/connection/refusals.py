"""Explain refusals by the hub, a delivery network or a proxy, and name the next step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.hub.connection import error_kinds
from modelgen.hub.connection.addresses import is_same_origin, site_of
from modelgen.hub.connection.failures import HubError, Subject
from modelgen.hub.connection.proxies import proxy_for
from modelgen.hub.connection.settings import without_secrets

if TYPE_CHECKING:
    from modelgen.hub.connection.answered import Answered
    from modelgen.hub.connection.client import Connection

_FINE_GRAINED = re.compile(r"(?i)fine.?grained")
AGAIN = "downloads are kept; run the command again"


def refusal(error: BaseException, answer: Answered, connection: Connection, subject: Subject, commit: str) -> HubError:
    """Return the error for an answer that is a refusal."""
    return (
        _of_proxy(answer, subject)
        or _of_account(error, answer, connection, subject)
        or _of_content(error, connection, subject, commit)
        or HubError(subject, _other(answer, connection))
    )


def _of_proxy(answer: Answered, subject: Subject) -> HubError | None:
    if answer.status != 407:
        return None
    proxy = proxy_for(answer.url) or f"a proxy before {site_of(answer.url)}"
    return HubError(subject, proxy_refuses(407, proxy, site_of(answer.url)))


def proxy_refuses(status: int, proxy: str, site: str) -> str:
    """Return the meaning of a proxy's refusal, and the next step."""
    if status == 407:
        return f"{proxy} requires a password (407); add it to that variable: http://USER:PASSWORD@HOST:PORT"
    return f"{proxy} does not connect to {site} (it answers {status}); allow that host, or add it to NO_PROXY"


def _of_account(error: BaseException, answer: Answered, connection: Connection, subject: Subject) -> HubError | None:
    """Return the error of the token, or of its owner's access."""
    from huggingface_hub.errors import GatedRepoError

    hub, whole = without_secrets(connection.endpoint), Subject(subject.models, subject.repo)
    if connection.token and _FINE_GRAINED.search(answer.words):
        return HubError(
            whole,
            f"{site_of(answer.url)} refuses the fine-grained token {connection.source}{_quoted(answer)}; allow "
            f"that token to read public gated repositories and the owner's at {hub}/settings/tokens",
        )
    if isinstance(error, GatedRepoError):
        said = f"your token has no access{_quoted(answer)}" if connection.token else "there is no token"
        return HubError(
            whole,
            f"is gated and {said}; accept its terms at {hub}/{whole.repo} and set HF_TOKEN, or pass --token-file",
            joint=" ",
        )
    if not is_same_origin(answer.url, connection.endpoint) or not connection.token:
        return None
    if answer.status == 401 and not answer.code:
        return HubError(
            whole,
            f"the hub {site_of(answer.url)} does not accept your token {connection.source}{_quoted(answer)}; "
            f"{connection.renewal}",
        )
    return None


def _of_content(error: BaseException, connection: Connection, subject: Subject, commit: str) -> HubError | None:
    """Return the error for a missing repository, revision or file."""
    from huggingface_hub.errors import RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    hub, whole = without_secrets(connection.endpoint), Subject(subject.models, subject.repo)
    if isinstance(error, RepositoryNotFoundError):
        reason = (
            ", or your token has no access to it" if connection.token else ", or it is private and there is no token"
        )
        form = "" if "/" in subject.repo else ", which is usually `namespace/name`"
        return HubError(
            whole,
            f"is not at {hub}{reason}; correct the repository's name{form}, or set HF_TOKEN to a token with access",
            joint=" ",
            is_input=True,
        )
    # Updating any model of a repository updates its commit.
    upgrade = f"run `modelgen lock --upgrade {subject.models.split(',')[0].split(' ')[0]}`"
    if isinstance(error, RevisionNotFoundError):
        said = f"has no {commit or subject.file} any more; {upgrade}, or correct `revision` in models.toml"
        return HubError(whole, said, joint=" ", is_input=True)
    if isinstance(error, RemoteEntryNotFoundError):
        return HubError(subject, f"there is no such file at {hub}; {upgrade}", is_input=True)
    return None


def _other(answer: Answered, connection: Connection) -> str:
    """Return the meaning of a status that is not about a repository."""
    site, status, said = site_of(answer.url), answer.status, _quoted(answer)
    is_hub = is_same_origin(answer.url, connection.endpoint)
    if status in (401, 403) and is_hub and answer.is_of_api:
        return f"the hub {site} refuses access ({status}){said}; set HF_TOKEN to a token with access"
    if status in (401, 403):
        before = "" if (proxy := proxy_for(answer.url)) is None else f", through {proxy},"
        return (
            f"{site}{before} refuses access ({status}){said}; a token does not help: allow that host in "
            "the firewall or proxy, or set HF_ENDPOINT to a mirror"
        )
    if status in (410, 451):
        why = "for legal reasons" if status == 451 else "any more"
        return f"{site} does not provide it {why} ({status}){said}; choose another `repo` or `revision` in models.toml"
    if 300 <= status < 400:
        return f"{site} redirects in a loop or without a target ({status}); fix HF_ENDPOINT, or report it to that host"
    if error_kinds.is_passing(status):
        return f"{site} answers {status}{said}; {AGAIN}"
    return f"{site} answers {status}{said}; check HF_ENDPOINT and the proxy: this is not an answer of the hub"


def _quoted(answer: Answered) -> str:
    return f': "{answer.words}"' if answer.words else ""
