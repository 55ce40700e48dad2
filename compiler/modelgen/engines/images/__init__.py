"""Describe published images: the form of their repositories and tags, and their accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.images.places import HUB_HOME, OPEN_HUB_HOME

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.engines.images.versions import Version

ON_DOCKER_HUB = r"(?:docker\.io/)?"
VERSION = re.compile(r"^v?(\d+\.\d+\.\d+(?:\.\d+)?(?:\.?(?:post|rc)\d+)?)(?:-.*)?$", re.ASCII)
"""A tag that begins with the engine's version."""
ANY_TAG = re.compile("")


class Account(NamedTuple):
    """The account that an engine runs as.

    Args:
        uid: 0 is root; -1 is an account that only the image defines.
        gid: The group.
        name: The value of USER. Some programs need it without an entry in passwd (vLLM 0.11.0 fails).
        home: The value of HOME, where engines write caches and settings.
        keeps_home: Whether the image has that home, writable for this account; else it is a tmpfs.
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
    """An account other than root that images have since a release; any uid of its group can write to its home."""

    account: Account
    since: tuple[int, ...]


class CudaSuffix(NamedTuple):
    """The first and last release whose tags also exist with a suffix for an older CUDA."""

    suffix: str
    first: tuple[int, ...]
    last: tuple[int, ...]


class Published(NamedTuple):
    """A repository of published images, and the meaning of their tags.

    Args:
        name: The names of the repository, registry included.
        kinds: Patterns of tags, each with the GPUs that these images are for: `nvidia`, `amd`, `intel`, `musa`
            (Moore Threads), `gaudi`, `tpu`, `ascend`, or `none` for a processor. The first matching pattern applies.
        version: Pattern with the engine's version as first group; None if tags do not contain it.
        is_release: Whether the image is the engine's release without plugins.
        is_fork: Whether the image contains plugins or changes that may add flags.
        cuda: First release → CUDA of tags without a suffix, oldest first.
        cuda_tags: Patterns of tags that name a CUDA in another way than `cu129`.
        older_cuda: The releases that have a second tag for an older CUDA.
        amd64_until: The first release with images for arm64; None if all have them, or if that is not known.
        amd64_only: Whether no image is for arm64.
        runs_as: The account that the image itself runs as; None for root.
        own_account: An account other than root that the image has.
        runs_on: Tag, version and capability of a GPU → whether the image has kernels for it; None if that is not known.
        unpublished: Pattern of tags that are formed like others, and that the project never published.
        prefix: What tags have before the version, such as `v`; None if that is not known.
        pinned: Pattern of tags that do not move, if others do; None if tags name releases.
        skips_releases: Whether some releases have no image.
        without_server: Pattern of tags whose images lack the server, with what their tags have instead for it.
    """

    name: re.Pattern[str]
    kinds: tuple[tuple[re.Pattern[str], str], ...] = ()
    version: re.Pattern[str] | None = None
    is_release: bool = False
    is_fork: bool = False
    cuda: tuple[tuple[tuple[int, ...], tuple[int, int]], ...] = ()
    cuda_tags: tuple[tuple[re.Pattern[str], tuple[int, int]], ...] = ()
    older_cuda: CudaSuffix | None = None
    amd64_until: tuple[int, ...] | None = None
    amd64_only: bool = False
    runs_as: Account | None = None
    own_account: OwnAccount | None = None
    runs_on: Callable[[str, Version | None, str], bool | None] | None = None
    unpublished: re.Pattern[str] | None = None
    prefix: str | None = None
    pinned: re.Pattern[str] | None = None
    skips_releases: bool = False
    without_server: tuple[re.Pattern[str], str] | None = None
