"""A container image of the engine double, made of this machine's own Python in seconds: no registry is asked.

It holds the interpreter, its standard library, the real huggingface_hub as it is installed for modelgen, `ip` for the
network tests, the shared libraries of all these, and `engine/api_server.py` where vLLM has its server.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docker_cli import docker
from local_image import PYTHON, Entries, import_image, packages_at, program, standard_library
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "modelgen-e2e/engine"
_PACKAGES = "/opt/engine"
_DOUBLE = Path(__file__).parent / "engine" / "api_server.py"
_VLLM = b"#!/usr/bin/python3\nfrom vllm.entrypoints.openai.api_server import vllm\n\nvllm()\n"


def engine_image() -> str:
    """Return the image's name; its tag is a hash of what is in it, so it is made only once."""
    packages = sorted(_with_requirements("huggingface_hub", set()))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    sources = [Path(__file__), Path(__file__).with_name("local_image.py"), _DOUBLE]
    parts = [sys.version, str(PYTHON), *versions, *(path.read_text() for path in sources)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    name = f"{REPOSITORY}:{digest[:16]}"
    if not docker("image", "ls", "--quiet", name):
        entries = Entries(
            files=dict(_files(packages)),
            texts={"/usr/bin/vllm": _VLLM},
            links={"/usr/bin/python3": str(PYTHON)},
            # As vLLM's Dockerfile makes them from 0.22 on: for uid 2000, and whoever is in group 0.
            folders=dict.fromkeys(("/home/vllm", "/home/vllm/.cache", "/home/vllm/.config"), (2000, 509)),
        )
        import_image(name, entries, [f"ENV PYTHONPATH={_PACKAGES}", "ENV HOME=/root", "ENV PYTHONUNBUFFERED=1"])
    return name


def _with_requirements(package: str, found: set[str]) -> set[str]:
    """Return the package and all that it requires here, by the metadata of what is installed."""
    if package not in found:
        found.add(package)
        for line in importlib.metadata.requires(package) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                _with_requirements(requirement.name, found)
    return found


def _files(packages: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield (path in the image, file here): packages in a folder of their own, all else where Python looks for it."""
    yield from packages_at(_PACKAGES, packages)
    yield from standard_library()
    yield "/usr/sbin/ip", program("ip")
    yield f"{_PACKAGES}/vllm/entrypoints/openai/api_server.py", _DOUBLE
