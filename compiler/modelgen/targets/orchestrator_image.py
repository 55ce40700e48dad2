"""List the sources of the orchestrator's image, and how they are installed."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
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
    package = Path(modelgen_runtime.__file__).parent
    sources = {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in (*package.rglob("*.py"), *(package / "page" / "static").iterdir())
        if path.parent.name != _ONLY_ON_HOST
    }
    copied = {name: copy_file(f"{ORCHESTRATOR}/{name}") for name in _COPIED}
    return {f"{ORCHESTRATOR}/{name}": data for name, data in sorted({**copied, **sources}.items())}


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
