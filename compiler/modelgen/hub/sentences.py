"""What went wrong with the hub, as one sentence that names the model and the next step."""

from __future__ import annotations

import re
import urllib.error
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError
from modelgen.hub import client
from modelgen.hub.settings import proxy_for, without_secrets

if TYPE_CHECKING:
    from modelgen.hub.client import Connection


def explain(  # noqa: PLR0913 - what a sentence names
    error: BaseException, connection: Connection, *, model: str, repo: str, what: str = "", commit: str = ""
) -> ModelgenError:
    """Return the sentence for a failure of the hub.

    Args:
        error: As the client raised it.
        connection: Through which.
        model: Id of the model that needs the repository.
        repo: Repository id.
        what: The file or revision that it is about.
        commit: Of the lock.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status, hub = client.status_of(error), without_secrets(connection.endpoint)
    about = f"{model}: {repo}"
    token = "your token has no access" if connection.token else "there is no token"
    if isinstance(error, GatedRepoError):
        return ModelgenError(
            f"{about} is gated and {token}; accept its terms at {hub}/{repo} and set HF_TOKEN, or give --token-file"
        )
    if status == 401 and "Invalid credentials" in str(error):
        return ModelgenError(f"{about}: the hub does not know your token; renew HF_TOKEN or the file of --token-file")
    if isinstance(error, RepositoryNotFoundError):
        reason = ", or your token may not see it" if connection.token else ", or it is private and there is no token"
        return InputError(
            f"{about} is not at {hub}{reason}; mend `repo` in models.toml, or set HF_TOKEN to a token that may"
        )
    if isinstance(error, RevisionNotFoundError):
        return InputError(
            f"{about} has no {commit or what} any more; run `modelgen lock --upgrade {model}`, "
            "or mend `revision` in models.toml"
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return InputError(f"{about} has no file {what}; run `modelgen lock --upgrade {model}`")
    if status in (401, 403):
        return ModelgenError(f"{about}: the hub refuses access ({status}); set HF_TOKEN to a token that may read it")
    if client.is_untrusted(error):
        return ModelgenError(f"the certificate of {hub} is not trusted; set SSL_CERT_FILE to your authority's")
    if client.is_no_tls(error):
        return ModelgenError(f"{hub} does not speak TLS; mend HF_ENDPOINT: http:// where it begins with https://")
    of = f" ({what})" if what else ""
    if status is None and client.is_transient(error) and (proxy := proxy_for(connection.endpoint)) is not None:
        return ModelgenError(f"{about}{of}: {proxy} does not answer: {first_line(error)}; mend or unset it")
    return ModelgenError(f"{about}{of}: {first_line(error)}; what is there is kept, run the command again")


def first_line(error: BaseException) -> str:
    """Return what an error says, in a few words of one line, without what may be secret."""
    if (status := client.status_of(error)) is not None:
        return (
            f"the hub answers {status}"
            if not isinstance(error, urllib.error.HTTPError)
            else f"the server answers {status}"
        )
    for cause in client.causes(error):
        reason = getattr(cause, "reason", cause)
        if isinstance(reason, OSError) and reason.strerror:
            return without_secrets(reason.strerror).lower()
    text = str(error).strip() or type(error).__name__
    first = next((line.strip() for line in text.splitlines() if line.strip()), text)
    return without_secrets(re.sub(r"^\[Errno -?\d+\] ", "", first)).rstrip(".")[:300]
