"""List the sources of the orchestrator's image, and how they are installed."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import modelgen_runtime
from modelgen.targets.places import ORCHESTRATOR
from modelgen.targets.templates import copy_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONLY_ON_HOST = "processes"
"""The package of the driver that `modelgen serve` uses; a container never runs it."""
_COPIED = (".dockerignore", "Dockerfile", "requirements.txt")


@cache
def image_files() -> Mapping[str, bytes]:
    """Return all files of the image's build context, by path in the output."""
    copied = {name: copy_file(f"{ORCHESTRATOR}/{name}") for name in _COPIED}
    return {f"{ORCHESTRATOR}/{name}": data for name, data in sorted({**copied, **_sources()}.items())}


def _sources() -> dict[str, bytes]:
    """Return the modules of the orchestrator and the files of its page, by path in its package's folder."""
    package = Path(modelgen_runtime.__file__).parent
    sources: dict[str, bytes] = {}
    for folder, _, names in os.walk(package):  # in a third of the time of `rglob`
        inside = PurePath(folder).relative_to(package.parent).as_posix()
        if inside.endswith(f"/{_ONLY_ON_HOST}"):
            continue
        has_page = inside.endswith("/page/static")
        for name in names:
            if has_page or name.endswith(".py"):
                sources[f"{inside}/{name}"] = Path(folder, name).read_bytes()
    return sources


@cache
def image_name(base: str) -> str:
    """Return the image's name. Its tag is a digest of its sources, so another image has another name.

    Args:
        base: The base image.
    """
    digest = hashlib.sha256(base.encode())
    for name, data in image_files().items():
        digest.update(f"\0{name}\0{len(data)}\0".encode())
        digest.update(data)
    return f"modelgen-orchestrator:{digest.hexdigest()[:16]}"
