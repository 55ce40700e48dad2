"""What an image reference tells about the engine inside."""

from __future__ import annotations

import re
from typing import NamedTuple

# Images whose tags carry the engine's own version (facts: 79 of 229 public files pin one of these). Other projects'
# tags have other meanings: nvcr.io/nvidia/vllm:25.11-py3 and opea/vllm-gaudi:1.22.0 are not vLLM's numbers.
_TAGGED_IMAGES = re.compile(r"(?:docker\.io/)?(?:vllm/vllm-openai(?:-rocm|-cpu|-xpu)?|lmsysorg/sglang)")
_ROCM_IMAGE = re.compile(r"(?:docker\.io/)?rocm/vllm(?:-dev)?")
LLAMACPP = re.compile(r"ghcr\.io/gg(?:ml-org|erganov)/llama\.cpp")
_TAG_VERSION = re.compile(r"v?(\d+\.\d+\.\d+(?:\.\d+)?(?:\.?(?:post|rc)\d+)?)(?:-.*)?", re.ASCII)
_ROCM_VERSION = re.compile(r"(?:^|_)vllm_(\d+\.\d+\.\d+)(?:_|$)", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,3})((?:\.?(?:post|rc|dev|a|b)\d+)?(?:\+[\w.]+)?)", re.ASCII)
_REFERENCE = re.compile(
    r"(?P<name>(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_FLOATING = re.compile(r"(?:^|[-_.])(?:latest|nightly|main|master|dev|stable|edge)(?:[-_.]|$)", re.IGNORECASE)

_COMMIT = re.compile(r"(?:^|-)[0-9a-f]{40}(?:-|$)")


class Version(NamedTuple):
    """An engine's release.

    Args:
        release: The numbers; `0.10.1.1` has four. Pre- and post-releases count as their release: launch forms and
            flags do not change between them (0.8.5 to 0.8.5.post1: no difference).
        text: As written, without a leading `v`.
    """

    release: tuple[int, ...]
    text: str


class Image(NamedTuple):
    """The parts of an image reference; `tag` and `digest` may be None."""

    name: str
    tag: str | None
    digest: str | None

    @property
    def is_floating(self) -> bool:
        """Return whether tomorrow's pull may bring another image under the same name."""
        is_pinned = self.digest is not None or (self.tag is not None and _COMMIT.search(self.tag) is not None)
        return not is_pinned and (self.tag is None or _FLOATING.search(self.tag) is not None or self._is_rolling)

    @property
    def _is_rolling(self) -> bool:
        """llama.cpp's tags move with every commit, save those that name a build."""
        return LLAMACPP.fullmatch(self.name) is not None and not re.search(r"-b\d+$", self.tag or "")


def parse_image(reference: str) -> Image | None:
    """Return the parts of a reference by the grammar of github.com/distribution/reference, or None."""
    match = _REFERENCE.fullmatch(reference)
    return Image(match["name"], match["tag"], match["digest"]) if match else None


def parse_version(text: str) -> Version | None:
    """Return the version that `text` is, or None."""
    match = _VERSION.fullmatch(text)
    if not match:
        return None
    return Version(tuple(int(part) for part in match[1].split(".")), match[1] + match[2])


def version_of(image: Image) -> Version | None:
    """Return the engine's version where the image's tag is known to tell it."""
    if image.tag is None:
        return None
    if _ROCM_IMAGE.fullmatch(image.name):
        found = _ROCM_VERSION.search(image.tag)
    elif _TAGGED_IMAGES.fullmatch(image.name):
        found = _TAG_VERSION.fullmatch(image.tag)
    else:
        return None
    return parse_version(found[1]) if found else None
