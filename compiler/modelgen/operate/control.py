"""Call the orchestrator's control API."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIXED_BY_USER = (400, 404, 409)
_FIXED_BY_KEY = ("urn:modelgen:invalid_api_key", "urn:modelgen:wrong_role")


class UnreachableError(ModelgenError):
    """No server answers at the orchestrator's address."""


@dataclass(frozen=True)
class Orchestrator:
    """The client of a running orchestrator.

    Args:
        url: Its address, without a slash at its end.
        key: A key of role `admin`, or None; never printed.
    """

    url: str
    key: str | None = field(default=None, repr=False)

    def ask(self, method: str, path: str, body: object = None, *, seconds: float | None = None) -> dict[str, Any]:
        """Return the JSON of an answer; wait without a limit unless `seconds` is set.

        Args:
            method: The HTTP method.
            path: The path of the request.
            body: The body, sent as JSON.
            seconds: The maximum time without data.

        Raises:
            ModelgenError: The orchestrator cannot be reached, breaks off its answer, or refuses the request.
        """
        with self._open(method, path, body, seconds) as answer, self._complete():
            data = answer.read()
        try:
            read: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise ModelgenError(f"the server at {self.url} is not an orchestrator of modelgen") from error
        return read

    def follow(self, path: str) -> Iterator[Any]:
        """Yield the data of Server-Sent Events as they come.

        Raises:
            ModelgenError: As for `ask`, and when the orchestrator ends.
        """
        with self._open("GET", path, None, None) as answer:
            while True:
                with self._complete():
                    line = answer.readline()
                if not line:
                    raise UnreachableError(f"the orchestrator at {self.url} has ended")
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    @contextlib.contextmanager
    def _complete(self) -> Iterator[None]:
        """Raise an error if the orchestrator ends before its answer is complete."""
        try:
            yield
        except (http.client.HTTPException, OSError) as error:
            raise UnreachableError(
                f"the orchestrator at {self.url} broke off its answer; run `modelgen status` to see whether it is back"
            ) from error

    def _open(self, method: str, path: str, body: object, seconds: float | None) -> Any:  # noqa: ANN401 - urllib's
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)  # noqa: S310 - the user's own
        request.add_header("Content-Type", "application/json")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        # Requests to the user's own server use no proxy, so that no proxy gets the key.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error, self.url) from error
        except ConnectionResetError as error:  # the base class of http.client.RemoteDisconnected
            raise UnreachableError(
                f"the server at {self.url} closed the connection without an answer; `modelgen status` shows whether it "
                "is back"
            ) from error
        except http.client.HTTPException as error:
            raise ModelgenError(f"the server at {self.url} is not an orchestrator of modelgen") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            cause = getattr(reason, "strerror", None) or reason
            raise UnreachableError(
                f"no answer at {self.url} ({str(cause).lower()}); start it with `modelgen up` or `modelgen serve`, "
                "or pass another address with --url"
            ) from error


def quoted(name: str) -> str:
    """Return a name, quoted for a path."""
    return urllib.parse.quote(name, safe="")


def _refusal(error: urllib.error.HTTPError, url: str) -> ModelgenError:
    """Return the error for a refusal by the orchestrator, with the engine's last lines if it has them."""
    try:
        problem = json.loads(error.read())
        detail, log = str(problem["detail"]), [str(line) for line in problem.get("log", ())]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, http.client.HTTPException):
        return ModelgenError(f"the server at {url} is not an orchestrator of modelgen: it answered {error.code}")
    if problem.get("type") in _FIXED_BY_KEY:
        if error.code == 401:  # its detail lists headers, which a command does not set
            detail = f"the orchestrator at {url} requires a valid key"
        detail += "; set MODELGEN_KEY to a key of role `admin`"
    text = "\n".join([detail, *(f"  | {line}" for line in log)])
    return InputError(text) if error.code in _FIXED_BY_USER else ModelgenError(text)
