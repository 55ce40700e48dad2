"""Return properties of an image by its name and tag: version, GPUs, CUDA, CPUs, account.

The engines describe their own images (`Engine.images`). Other images have no assumed properties.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines import ENGINES
from modelgen.engines.images import ROOT, Account, Published
from modelgen.engines.images.versions import parse_version

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Image, Version

_CUDA_SUFFIX = re.compile(r"(?:^|-)cu(\d\d)(\d)(?:-|$)", re.ASCII)
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ARCH = re.compile(rf"(?:^|-)({'|'.join(_ARCHES)})(?:-|$)")
_USER = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)
_PREFIXED = re.compile(r"(v?)(\d+\.\d+(?:[.-].*)?)", re.ASCII)
_COMMIT = re.compile(r"(?:^|-)[0-9a-f]{40}(?:-|$)")
_FLOATING = re.compile(r"(?:^|[-_.])(?:latest|nightly|main|master|dev|stable|edge)(?:[-_.]|$)", re.IGNORECASE)
_PUBLISHED = tuple(published for engine in ENGINES.values() for published in engine.images)
_UNKNOWN = Published(re.compile(r"(?!)"))


def published(image: Image) -> Published:
    """Return the description of an image; an image that no engine describes has no properties."""
    return next((found for found in _PUBLISHED if found.name.fullmatch(image.name)), _UNKNOWN)


def version_of(image: Image) -> Version | None:
    """Return the engine's version if the image's tag contains it."""
    pattern = published(image).version
    found = pattern.search(image.tag) if pattern and image.tag is not None else None
    return parse_version(found[1]) if found else None


def is_floating(image: Image) -> bool:
    """Return whether the reference may name another image tomorrow."""
    if image.digest is not None or (image.tag is not None and _COMMIT.search(image.tag)):
        return False
    pinned = published(image).pinned
    moves = pinned is not None and not pinned.search(image.tag or "")
    return image.tag is None or _FLOATING.search(image.tag) is not None or moves


def account(image: Image | None, version: Version | None, user: str | None) -> Account:
    """Return the account that an engine runs as.

    Args:
        image: The engine's image.
        version: The engine's version in the image.
        user: `compose.user`, or None.
    """
    known = published(image) if image else _UNKNOWN
    if user is None:
        return known.runs_as or ROOT
    if user in ("root", "root:root", "0:root", "root:0"):
        return ROOT
    own = known.own_account.account if known.own_account and _is_since(version, known.own_account.since) else None
    if own and user in (own.name, f"{own.name}:root", f"{own.name}:{own.gid}"):
        return own
    match = _USER.fullmatch(user)
    if match is None:
        return Account(-1, -1, user, "", keeps_home=True)
    uid, gid = int(match[1]), int(match[2] or 0)
    if uid == 0:
        return ROOT
    if own and gid == own.gid:
        return own._replace(uid=uid)
    return Account(uid, gid, "engine", "/home/engine", keeps_home=False)


def cuda_of(image: Image, version: Version | None) -> tuple[int, int] | None:
    """Return the CUDA in an image, such as (12, 9); None if it is not known or there is none."""
    if image.tag and (suffix := _CUDA_SUFFIX.search(image.tag)) and kind_of(image) != "amd":
        return int(suffix[1]), int(suffix[2])
    known = published(image)
    by_tag = (cuda for pattern, cuda in known.cuda_tags if pattern.search(image.tag or ""))
    by_release = (cuda for since, cuda in reversed(known.cuda) if _is_since(version, since))
    return next(by_tag, None) or next(by_release, None)


def older_cuda_tag(image: Image, version: Version | None) -> str | None:
    """Return the tag of the same release with an older CUDA, or None."""
    if version is None or not image.tag or _CUDA_SUFFIX.search(image.tag):
        return None
    older = published(image).older_cuda
    has_tag = older is not None and older.first <= version.release <= older.last
    return f"{image.name}:v{version.text}-{older.suffix}" if older and has_tag else None


def runs_on(image: Image, version: Version | None, capability: str) -> bool | None:
    """Return whether an image has kernels for the capability of a GPU; None if that is not known."""
    known = published(image).runs_on
    return known(image.tag or "", version, capability) if known and image.tag else None


def is_unpublished(image: Image) -> bool:
    """Return whether the project is known to have published no such tag."""
    pattern = published(image).unpublished
    return pattern is not None and pattern.search(image.tag or "") is not None


def tag_with_server(image: Image) -> str | None:
    """Return the tag with the engine's server that belongs to a tag without it; None for a tag that has it."""
    found = published(image).without_server
    if found is None or image.tag is None or not found[0].search(image.tag):
        return None
    return found[0].sub(found[1], image.tag)


def published_tag(image: Image) -> str | None:
    """Return the tag with which the project publishes the version, if this one has another prefix; None otherwise."""
    prefix, written = published(image).prefix, _PREFIXED.fullmatch(image.tag or "")
    return f"{prefix}{written[2]}" if prefix is not None and written and written[1] != prefix else None


def arches_of(image: Image, version: Version | None) -> frozenset[str]:
    """Return the processors that an image is for; empty if they are not known."""
    if image.tag and (named := _ARCH.search(image.tag)):
        return frozenset({_ARCHES[named[1]]})
    known = published(image)
    is_old = known.amd64_until is not None and version is not None and version.release < known.amd64_until
    return frozenset({"amd64"}) if is_old or known.amd64_only else frozenset()


def kind_of(image: Image) -> str | None:
    """Return the GPUs that an image is for, as in `Published.kinds`; None if they are unknown."""
    return next((kind for tags, kind in published(image).kinds if tags.search(image.tag or "")), None)


def is_release(image: Image) -> bool:
    """Return whether this is a published image of the engine's project, so that the catalogue is complete for it."""
    return published(image).is_release


def is_fork(image: Image) -> bool:
    """Return whether this is a published image with plugins or changes that may add flags."""
    return published(image).is_fork


def _is_since(version: Version | None, release: tuple[int, ...]) -> bool:
    return version is not None and version.release >= release
