"""What was asked, by whom, and how much of it was sent."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub_double.messages import Host


@dataclass
class Request:
    """One request; `status` and `sent` follow while it is answered."""

    method: str
    host: Host
    path: str  # without the query
    query: str
    file: str  # namespace/name/path of the file that it is about, or empty
    range: str  # the header, or empty
    token_sent: bool
    token_good: bool  # the hub knows it; whether it opens this repository is another matter
    user_agent: str
    status: int = 0
    sent: int = 0  # bytes of the body, counted when they are handed to the system

    def matches(self, pattern: str) -> bool:
        return matches(pattern, self.file or self.path)


def matches(pattern: str, name: str) -> bool:
    """`*.safetensors`, `config.json`, `org/model/*` or a whole name."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")


class Log:
    """The requests since the last clear, in the order of their arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._answering: Counter[Host] = Counter()
        self.most_at_once: Counter[Host] = Counter()

    @contextlib.contextmanager
    def answering(self, host: Host) -> Iterator[None]:
        """Count an answer as under way."""
        with self._lock:
            self._answering[host] += 1
            self.most_at_once[host] = max(self.most_at_once[host], self._answering[host])
        try:
            yield
        finally:
            with self._lock:
                self._answering[host] -= 1

    def add(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()

    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(request) for request in self.requests()]
