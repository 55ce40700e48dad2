"""Access checks: the name in the Host header, and API keys with roles."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway.base_address import LISTING
from modelgen_runtime.gateway.origins import is_preflight
from modelgen_runtime.http.wire import OF_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.gateway.keys import Key, Role
    from modelgen_runtime.gateway.origins import Origins
    from modelgen_runtime.gateway.request_head import RequestHead
    from modelgen_runtime.manifest import Manifest

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_MOST_SEEN = 1000
# Clients of Anthropic, Azure and Google send these; all others send `Authorization`.
_KEY_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")
_KEYS = frozenset({b"authorization", *_KEY_HEADERS})
_FORMS = "`Authorization: Bearer KEY`, `x-api-key: KEY` or `api-key: KEY`"
_SHOWN = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_NAME = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:@/\\\s\"'<>]+)(?::\d{1,5})?", re.ASCII)


def default_hosts(manifest: Manifest) -> frozenset[str]:
    """Return the names that a Host header may contain: loopback, the project, its containers, and `allowed_hosts`.

    A web page can reach a server on loopback under its own name (DNS rebinding). Only the Host header reveals it.
    """
    listen = manifest.settings.listen.rpartition(":")[0]
    containers = [model.container.host for model in manifest.models if model.container is not None]
    own = (*_LOOPBACK, "host.docker.internal", "orchestrator", manifest.project, f"{manifest.project}-orchestrator")
    names = (*own, listen, *containers, *manifest.settings.allowed_hosts)
    return frozenset(name.lower() for name in names if name and name != "0.0.0.0")  # noqa: S104 - not a host name


class Access:
    """Checks requests.

    Args:
        hosts: Names that a Host header may contain, in lower case.
        keys: The keys by their SHA-256; None admits requests without a key.
        origins: Checks requests of pages in browsers.
    """

    def __init__(self, hosts: Iterable[str], keys: Mapping[bytes, Key] | None, origins: Origins) -> None:
        self._hosts, self.origins = frozenset(hosts), origins
        self._seen = set[bytes]()
        """Host headers that were accepted, as written."""
        self._keys = None if keys is None else [*keys.items()]
        self.dropped = OF_REQUEST if keys is None else OF_REQUEST | _KEYS
        """Headers that are not forwarded. Keys belong to this server; if it has none, they are the engine's."""

    def check(self, path: str, head: RequestHead, *, is_control: bool, needs: Role | None) -> Key | None:
        """Return the key of a request, or None without keys, or refuse it.

        Args:
            path: What it asks for.
            head: Its head.
            is_control: Whether the path is one of this server's own, which are closed to pages of other origins.
            needs: Role of the path; None if it needs no key.

        Raises:
            RefusedError: With 403 or 401.
        """
        if (host := head.fields.get(b"host")) not in self._seen:
            self._check_host(host)
        if is_control or b"origin" in head.fields:
            self.origins.check(path, head.fields, is_control=is_control)
        if self._keys is None or needs is None or (is_preflight(head) and not is_control):
            return None  # browsers send no key with a preflight
        sent = _keys_in(head.fields)
        # Some clients also send a key of another service. Of two known keys, the one with the lesser role counts.
        known = sorted(
            (key for one in sent if (key := self._find(one)) is not None), key=lambda key: key.role != "user"
        )
        if not known:
            what = "does not know this API key" if sent else "needs an API key"
            raise RefusedError(401, "invalid_api_key", f"this server {what}; send it as {_FORMS}")
        if needs == "admin" and known[0].role == "user":
            hint = (
                f"; {LISTING} lists the models for clients, so their base URL ends in /v1" if path == "/models" else ""
            )
            message = f"this key has the role `user`; this path needs one of role `admin`{hint}"
            raise RefusedError(403, "wrong_role", message)
        return known[0]

    @property
    def keys(self) -> list[Key]:
        """All keys."""
        return [key for _, key in self._keys or ()]

    def _check_host(self, host: bytes | None) -> None:
        text = (host or b"").decode("latin-1").lower()
        match = _NAME.fullmatch(text)
        if match is not None and match[1].rstrip(".") in self._hosts:
            if len(self._seen) < _MOST_SEEN:
                self._seen.add(host or b"")
            return
        name = match[1] if match is not None and _SHOWN.fullmatch(match[1]) else ""
        line = f'; to let it in, write `[orchestrator] allowed_hosts = ["{name}"]` in models.toml' if name else ""
        raise RefusedError(403, "host_not_allowed", f"the Host header names {name or 'no host'}, not this server{line}")

    def _find(self, key: bytes) -> Key | None:
        """Return a known key. All keys are compared, each in constant time."""
        digest, found = hashlib.sha256(key).digest(), None
        for known, one in self._keys or ():
            if hmac.compare_digest(known, digest):
                found = one
        return found


def _keys_in(fields: Mapping[bytes, bytes]) -> set[bytes]:
    """Return the keys in all headers that clients use; some send `Authorization: KEY` without `Bearer`."""
    scheme, _, key = fields.get(b"authorization", b"").partition(b" ")
    if not key and scheme.lower() != b"bearer":
        scheme, key = b"bearer", scheme
    keys = {fields.get(name, b"") for name in _KEY_HEADERS}
    if scheme.lower() == b"bearer":
        keys.add(key.strip())
    return keys - {b""}
