"""Describe published images: the form of their repositories and tags, and their accounts."""

from __future__ import annotations

import re
from typing import NamedTuple

from modelgen.engines.images.places import HUB_HOME, OPEN_HUB_HOME

ON_DOCKER_HUB = r"(?:docker\.io/)?"
VERSION = re.compile(r"^v?(\d+\.\d+\.\d+(?:\.\d+)?(?:\.?(?:post|rc)\d+)?)(?:-.*)?$", re.ASCII)
"""A tag that begins with the engine's version."""
ANY_TAG = re.compile("")


class Account(NamedTuple):
    """Whom an engine runs as.

    Args:
        uid: 0 is root, -1 an account that only the image itself knows.
        gid: Its group.
        name: For USER: some programs ask for it and find no entry in passwd (vLLM 0.11.0 dies of it).
        home: For HOME, where engines write caches and settings.
        keeps_home: Whether the image has that home, writable for this account; else it is made of memory.
    """

    uid: int
    gid: int
    name: str
    home: str
    keeps_home: bool

    @property
    def hub_home(self) -> str:
        """Where the hub's parent is mounted for this account (HF_HOME)."""
        return HUB_HOME if self.uid == 0 else OPEN_HUB_HOME


ROOT = Account(0, 0, "root", "/root", keeps_home=True)


class OwnAccount(NamedTuple):
    """An account that images have beside root, from a release on; any uid of its group shares its home."""

    account: Account
    since: tuple[int, ...]


class CudaSuffix(NamedTuple):
    """The first and last release whose tags also exist with a suffix for an older CUDA."""

    suffix: str
    first: tuple[int, ...]
    last: tuple[int, ...]


class Published(NamedTuple):
    """A repository of published images, and what their tags tell.

    Args:
        name: The names of the repository, registry included.
        kinds: Patterns of tags, each with the GPUs that these images are for: `nvidia`, `amd`, or `none` for a
            processor. The first pattern that is found in the tag counts.
        version: Finds the engine's version in a tag, as its first group; None where tags do not tell it.
        is_release: Whether the image has what the engine's release has, and no plugins.
        cuda: The CUDA of tags without a suffix, each from a release on, oldest first.
        cuda_tags: Patterns of tags that name a CUDA in another way than by `cu129`.
        older_cuda: Which releases have a second tag for an older CUDA.
        amd64_until: The first release with images for arm64; None where all are, or where that is not known.
        amd64_only: Whether no image is for arm64.
        runs_as: The account that the image itself runs as; None for root.
        own_account: The account that the image has beside root.
        pinned: Finds the tags that do not move, where other tags do; None where tags name releases.
    """

    name: re.Pattern[str]
    kinds: tuple[tuple[re.Pattern[str], str], ...] = ()
    version: re.Pattern[str] | None = None
    is_release: bool = False
    cuda: tuple[tuple[tuple[int, ...], tuple[int, int]], ...] = ()
    cuda_tags: tuple[tuple[re.Pattern[str], tuple[int, int]], ...] = ()
    older_cuda: CudaSuffix | None = None
    amd64_until: tuple[int, ...] | None = None
    amd64_only: bool = False
    runs_as: Account | None = None
    own_account: OwnAccount | None = None
    pinned: re.Pattern[str] | None = None
