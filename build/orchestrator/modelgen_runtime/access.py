"""Who may come in: the name in the Host header, and keys with roles."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from modelgen_runtime.gate import RefusedError
from modelgen_runtime.wire import OF_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelgen_runtime.manifest import Manifest

Role: TypeAlias = Literal["open", "data", "control"]

_LINE = re.compile(r"(data|control)\s+sha256:([0-9a-f]{64})", re.ASCII)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_MOST_SEEN = 1000
_OPEN = frozenset({"/healthz", "/readyz"})
_KEYS = frozenset({b"authorization", b"x-api-key"})
_NAME = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:@/\\\s\"'<>]+)(?::\d{1,5})?", re.ASCII)


class KeysError(Exception):
    """The file of keys cannot be used; the message is one sentence that names the line."""


def read_keys(path: Path) -> dict[bytes, Role]:
    """Return the role of each key by the SHA-256 of the key.

    Raises:
        KeysError: The file cannot be read, or a line is not `data sha256:HEX` or `control sha256:HEX`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(f"the keys file {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    keys: dict[bytes, Role] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not (entry := line.partition("#")[0].strip()):
            continue
        if (match := _LINE.fullmatch(entry)) is None:
            raise KeysError(f"line {number} of {path} is not `data sha256:HEX` or `control sha256:HEX`")
        keys[bytes.fromhex(match[2])] = "control" if match[1] == "control" else "data"
    if not keys:
        raise KeysError(f"{path} holds no key, so nobody could come in; `modelgen key` makes one")
    return keys


def default_hosts(manifest: Manifest) -> frozenset[str]:
    """Return the names that a Host header may hold: of this machine, of the project and its containers, and the user's.

    A page that a browser shows can reach a server on loopback under a name of its own (DNS rebinding), and is told
    apart by that name alone.
    """
    listen = manifest.settings.listen.rpartition(":")[0]
    containers = [model.container.host for model in manifest.models if model.container is not None]
    own = (*_LOOPBACK, "host.docker.internal", "orchestrator", manifest.project, f"{manifest.project}-orchestrator")
    names = (*own, listen, *containers, *manifest.settings.allowed_hosts)
    return frozenset(name.lower() for name in names if name and name != "0.0.0.0")  # noqa: S104 - no name of anybody


class Access:
    """Judges requests.

    Args:
        hosts: Names that a Host header may hold, in lower case.
        keys: See `read_keys`; None lets everybody in.
    """

    def __init__(self, hosts: Iterable[str], keys: Mapping[bytes, Role] | None) -> None:
        self._hosts = frozenset(hosts)
        self._seen = set[bytes]()
        """Host headers that were let in, as they were written."""
        self._keys = None if keys is None else [*keys.items()]
        self.dropped = OF_REQUEST if keys is None else OF_REQUEST | _KEYS
        """Headers that are not passed on: keys are this server's; where it has none, a client's are the engine's."""

    def check(self, path: str, fields: Mapping[bytes, bytes], *, needs: Role) -> None:
        """Let a request in, or refuse it.

        Args:
            path: What it asks for.
            fields: Its headers by name in lower case.
            needs: Role of the path.

        Raises:
            RefusedError: With 403 or 401.
        """
        self._check_host(fields.get(b"host"))
        if (origin := fields.get(b"origin")) is not None:
            self._check_origin(origin)
        if self._keys is None or path in _OPEN or needs == "open":
            return
        key = _key_in(fields)
        role = self._role_of(key)
        if role is None:
            what = "needs an API key" if key is None else "does not know this API key"
            raise RefusedError(401, "invalid_api_key", f"this server {what}; send it as `Authorization: Bearer …`")
        if needs == "control" and role != "control":
            raise RefusedError(403, "wrong_role", "this key has the role `data`; this path needs one of role `control`")

    def _check_host(self, host: bytes | None) -> None:
        if host in self._seen:
            return
        text = (host or b"").decode("latin-1").lower()
        match = _NAME.fullmatch(text)
        if match is not None and match[1].rstrip(".") in self._hosts:
            if len(self._seen) < _MOST_SEEN:
                self._seen.add(host or b"")
            return
        name = match[1] if match is not None else ""
        line = f'; to let it in, write `[orchestrator] allowed_hosts = ["{name}"]` in models.toml' if name else ""
        raise RefusedError(403, "host_not_allowed", f"the Host header names {name or 'no host'}, not this server{line}")

    def _check_origin(self, origin: bytes) -> None:
        """A page of another site may send a POST without asking first; it could switch models by that."""
        scheme, _, rest = origin.decode("latin-1").lower().partition("://")
        match = _NAME.fullmatch(rest)
        if scheme not in ("http", "https") or match is None or match[1] not in self._hosts:
            line = f'; to let it in, write `[orchestrator] allowed_hosts = ["{match[1]}"]`' if match else ""
            raise RefusedError(403, "origin_not_allowed", f"a page of another site asks{line}")

    def _role_of(self, key: bytes | None) -> Role | None:
        """Return the role of a key. All are compared, each in constant time, whichever matches."""
        if key is None:
            return None
        digest, found = hashlib.sha256(key).digest(), None
        for known, role in self._keys or ():
            if hmac.compare_digest(known, digest):
                found = role
        return found


def _key_in(fields: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key of a request: of `Authorization: Bearer`, or of `x-api-key`."""
    scheme, _, key = fields.get(b"authorization", b"").partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" and key.strip() else fields.get(b"x-api-key")
