"""The files of the page, and how they are answered.

They contain no data of the deployment, so they need no key. All clients get the same HTML at `/`, whatever they accept:
a program that probes `/` looks at the status only.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen_runtime.http.handler import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen_runtime.http.handler import Request

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_INLINE = re.findall(rb"<script>(.*?)</script>", (_FOLDER / "index.html").read_bytes(), re.DOTALL)
"""The script that is in the page, since it handles the others' loss."""
_HASHES = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in _INLINE)
_POLICY = (
    f"default-src 'none'; script-src 'self' {_HASHES}; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""With trusted types, a browser refuses to turn any text into HTML."""
_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
    ("Vary", "Accept-Encoding"),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page, as it is and compressed; its tag is weak, since both have the same."""

    content: bytes
    compressed: bytes
    content_type: str
    etag: str

    def answer(self, request: Request) -> Response:
        """Return the file, or 304 for a client that has it."""
        headers = (*_HEADERS, ("ETag", self.etag))
        if self.etag.encode() in request.fields.get(b"if-none-match", b""):
            return Response(304, headers=headers)
        if b"gzip" in request.fields.get(b"accept-encoding", b""):
            return Response(200, self.compressed, self.content_type, (*headers, ("Content-Encoding", "gzip")))
        return Response(200, self.content, self.content_type, headers)


@dataclass(frozen=True, slots=True)
class Moved:
    """An address of the page below which its relative addresses would be wrong."""

    location: str

    def answer(self, _: Request) -> Response:
        """Redirect to the page. The location is relative too, for a proxy that serves the page below a path."""
        return Response(308, headers=(*_HEADERS, ("Location", self.location)))


def _read(path: Path) -> File:
    content = path.read_bytes()
    etag = f'W/"{hashlib.sha256(content).hexdigest()[:20]}"'
    return File(content, gzip.compress(content, mtime=0), _TYPES[path.suffix], etag)


def _read_all() -> dict[str, File]:
    files = {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}
    index = files.pop("index.html")
    return {"/": index, "/ui": index, **{f"/page/{name}": file for name, file in files.items()}}


PAGE: Mapping[str, File] = _read_all()
"""The files by path."""
ANSWERS: Mapping[str, File | Moved] = {**PAGE, "/ui/": Moved("../")}
"""All addresses of the page."""
