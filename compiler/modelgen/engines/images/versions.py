"""Parse image references and versions."""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,3})((?:\.?(?:post|rc|dev|a|b)\d+)?(?:\+[\w.]+)?)", re.ASCII)
_BUILD = re.compile(r"b(\d{1,6})", re.ASCII)
_REFERENCE = re.compile(
    r"(?P<name>(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


class Version(NamedTuple):
    """An engine's release.

    Args:
        release: The numbers; `0.10.1.1` has four. Pre- and post-releases have those of their release: launch forms and
            flags do not change between them (0.8.5 to 0.8.5.post1: no difference).
        text: The version as written, without a leading `v`.
    """

    release: tuple[int, ...]
    text: str


class Image(NamedTuple):
    """The parts of an image reference; `tag` and `digest` may be None."""

    name: str
    tag: str | None
    digest: str | None


def parse_image(reference: str) -> Image | None:
    """Return the parts of a reference by the grammar of github.com/distribution/reference, or None."""
    match = _REFERENCE.fullmatch(reference)
    return Image(match["name"], match["tag"], match["digest"]) if match else None


def vendor_of(capability: str) -> str:
    """Return the vendor of GPUs with a capability: `amd` for a gfx name, else `nvidia`."""
    return "amd" if capability.startswith("gfx") else "nvidia"


def parse_capability(capability: str) -> tuple[int, int]:
    """Return NVIDIA's compute capability, such as `8.6`, as two numbers."""
    major, _, minor = capability.partition(".")
    return int(major), int(minor)


def parse_version(text: str) -> Version | None:
    """Return the version in a text, or None; a build of llama.cpp such as `b6500` has one number."""
    if build := _BUILD.fullmatch(text):
        return Version((int(build[1]),), text)
    match = _VERSION.fullmatch(text)
    if not match:
        return None
    return Version(tuple(int(part) for part in match[1].split(".")), match[1] + match[2])
