"""What is known of published images: hardware, CUDA, processors, the account that an engine may run as.

Sources, of each release from 0.8.5 to 0.33.0: vLLM's docker/Dockerfile, .buildkite/release-pipeline.yaml and
docs/deployment/docker.md; SGLang's docker/Dockerfile of 0.5.5 to 0.5.23; the lists of tags in llama.cpp's
docs/docker.md and TEI's README. Nothing is assumed of other images.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.places import HUB_HOME, OPEN_HUB_HOME
from modelgen.engines.versions import LLAMACPP

if TYPE_CHECKING:
    from modelgen.engines.versions import Image, Version

_REGISTRY = r"(?:docker\.io/)?"
_VLLM = re.compile(rf"{_REGISTRY}vllm/vllm-openai")
_SGLANG = re.compile(rf"{_REGISTRY}lmsysorg/sglang")
_ROCM = re.compile(rf"{_REGISTRY}(?:vllm/vllm-openai-rocm|rocm/vllm(?:-dev)?|lmsysorg/sglang-rocm)")
_CPU = re.compile(rf"{_REGISTRY}vllm/vllm-openai-(?:cpu|xpu)")
_TEI = re.compile(r"ghcr\.io/huggingface/text-embeddings-inference")
# By the tag, for which cards: llama.cpp's `server-cuda13-b6500`, TEI's `cpu-1.9`, `89-1.9` and `1.9` (for an A100).
_KINDS_BY_TAG = (
    (LLAMACPP, re.compile(r"[a-z]+-cuda"), "nvidia"),
    (LLAMACPP, re.compile(r"[a-z]+-rocm"), "amd"),
    (LLAMACPP, re.compile(r"[a-z]+(?:-b\d+)?$"), "none"),
    (_TEI, re.compile(r"cpu-"), "none"),
    (_TEI, re.compile(r"(?:(?:cuda|turing|hopper|\d+)-|\d+\.|latest$)"), "nvidia"),
)
_CUDA_SUFFIX = re.compile(r"(?:^|-)cu(\d\d)(\d)(?:-|$)", re.ASCII)
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ARCH = re.compile(rf"(?:^|-)({'|'.join(_ARCHES)})(?:-|$)")
# From this release on, the CUDA of the tag without a suffix.
_CUDA = (
    (_VLLM, (((0, 8, 5), (12, 4)), ((0, 9), (12, 8)), ((0, 11, 1), (12, 9)), ((0, 20), (13, 0)))),
    (_SGLANG, (((0, 5, 5), (12, 9)), ((0, 5, 11), (13, 0)))),
)
# Releases whose tags also come with the suffix -cu129, first and last.
_CU129 = ((_VLLM, (0, 20), (0, 32, 999)), (_SGLANG, (0, 5, 11), (0, 5, 19)))
_FIRST_ARM64 = (0, 10, 2)
_FIRST_NON_ROOT = (0, 22)


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
# Images that run as somebody else by themselves: speaches' Dockerfile ends with USER ubuntu.
_OWN_ACCOUNTS = (
    (re.compile(r"ghcr\.io/speaches-ai/speaches"), Account(1000, 1000, "ubuntu", "/home/ubuntu", keeps_home=True)),
)
_USER = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)


def account(image: Image | None, version: Version | None, user: str | None) -> Account:
    """Return whom an engine runs as.

    Args:
        image: Of the engine.
        version: Of the engine in it.
        user: `compose.user`, if it is written.
    """
    if user is None:
        own = (account for name, account in _OWN_ACCOUNTS if image and name.fullmatch(image.name))
        return next(own, ROOT)
    has_vllm_account = bool(image and _VLLM.fullmatch(image.name) and version and version.release >= _FIRST_NON_ROOT)
    if user in ("root", "root:root", "0:root", "root:0"):
        return ROOT
    if has_vllm_account and user in ("vllm", "vllm:root", "vllm:0"):
        user = "2000:0"
    match = _USER.fullmatch(user)
    if match is None:
        return Account(-1, -1, user, "", keeps_home=True)
    uid, gid = int(match[1]), int(match[2] or 0)
    if uid == 0:
        return ROOT
    if has_vllm_account and gid == 0:
        # The home of uid 2000 is writable for all of group 0.
        return Account(uid, 0, "vllm", "/home/vllm", keeps_home=True)
    return Account(uid, gid, "engine", "/home/engine", keeps_home=False)


def cuda_of(image: Image, version: Version | None) -> tuple[int, int] | None:
    """Return the CUDA that an image brings, such as (12, 9); None where nothing is known or it brings none."""
    if image.tag and (suffix := _CUDA_SUFFIX.search(image.tag)) and kind_of(image) != "amd":
        return int(suffix[1]), int(suffix[2])
    if LLAMACPP.fullmatch(image.name) and "-cuda13" in (image.tag or ""):
        return 13, 0
    by_release = next((table for name, table in _CUDA if name.fullmatch(image.name)), ())
    return next((cuda for since, cuda in reversed(by_release) if version and version.release >= since), None)


def older_cuda_tag(image: Image, version: Version | None) -> str | None:
    """Return the same release's tag with CUDA 12.9, where it was published."""
    if version is None or not image.tag or _CUDA_SUFFIX.search(image.tag):
        return None
    has_tag = any(name.fullmatch(image.name) and first <= version.release <= last for name, first, last in _CU129)
    return f"{image.name}:v{version.text}-cu129" if has_tag else None


def arches_of(image: Image, version: Version | None) -> frozenset[str]:
    """Return the processors that an image is for; empty where nothing is known."""
    if image.tag and (named := _ARCH.search(image.tag)):
        return frozenset({_ARCHES[named[1]]})
    is_old = _VLLM.fullmatch(image.name) and version is not None and version.release < _FIRST_ARM64
    return frozenset({"amd64"}) if is_old or _ROCM.fullmatch(image.name) else frozenset()


def kind_of(image: Image) -> str | None:
    """Return the cards that an image is for: `nvidia`, `amd`, or `none` for a processor; None where unknown."""
    tag = image.tag or ""
    if _ROCM.fullmatch(image.name) or (_SGLANG.fullmatch(image.name) and "rocm" in tag):
        return "amd"
    if _CPU.fullmatch(image.name) or (_SGLANG.fullmatch(image.name) and re.search(r"xeon|cpu|npu|xpu", tag)):
        return "none"
    by_tag = (kind for name, tags, kind in _KINDS_BY_TAG if name.fullmatch(image.name) and tags.match(tag))
    if kind := next(by_tag, None):
        return kind
    return "nvidia" if _VLLM.fullmatch(image.name) or _SGLANG.fullmatch(image.name) else None


def is_release(image: Image) -> bool:
    """Return whether this is a published image of the engine's project, so that its data is all that there is."""
    return any(name.fullmatch(image.name) for name in (_VLLM, _SGLANG, _ROCM, _CPU))
