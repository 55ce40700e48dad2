"""Describe the tool image: modelgen with its dependencies, Docker's command line, and Compose."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import modelgen
import modelgen_importer
import modelgen_runtime
from modelgen.files import ModelgenError
from modelgen.operate.docker import run
from modelgen.operate.own_images import REQUIREMENTS, OwnImage
from modelgen.targets.places import TEMPLATES
from modelgen.targets.templates import copy_file

_DISTRIBUTION = "modelgen-serve"
_DOCKERFILE = "Dockerfile"
_ELF = b"\x7fELF"


@cache
def tool_image(base: str) -> OwnImage:
    """Return the tool image. Its tag is a digest of its sources, so another image has another name.

    Args:
        base: The base image.

    Raises:
        ModelgenError: The programs or the dependencies of this host cannot be found.
    """
    files = {f"tool/app/{path}": data for path, data in _sources().items()}
    files |= {_DOCKERFILE: copy_file(f"tool/{_DOCKERFILE}"), REQUIREMENTS: requirements()}
    programs = {
        "tool/usr/local/bin/docker": _docker(),
        "tool/usr/local/lib/docker/cli-plugins/docker-compose": _compose(),
    }
    digest = hashlib.sha256(base.encode())
    for path, data in sorted(files.items()):
        digest.update(f"\0{path}\0{len(data)}\0".encode())
        digest.update(data)
    for path, program in programs.items():
        with program.open("rb") as file:
            digest.update(f"\0{path}\0{hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return OwnImage(f"modelgen-tool:{digest.hexdigest()[:16]}", "the image of modelgen", base, files, programs)


def _sources() -> dict[str, bytes]:
    """Return the files of the packages, by their paths in the folder of packages."""
    folders = {
        package.__name__: Path(package.__path__[0]) for package in (modelgen, modelgen_importer, modelgen_runtime)
    }
    folders["modelgen/templates"] = TEMPLATES
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and path.is_file()
    }


def requirements() -> bytes:
    """Return the requirements file: the packages that modelgen runs with here, with their versions.

    Raises:
        ModelgenError: modelgen runs from a folder, so its dependencies are unknown.
    """
    try:
        found = _with_dependencies(_DISTRIBUTION, {})
    except PackageNotFoundError as error:
        raise ModelgenError(
            f"the package {error.name} is not installed, so the image of modelgen cannot be built; install modelgen "
            "with pip, or pass `--without tool`"
        ) from error
    del found[_DISTRIBUTION]
    return "".join(f"{name}=={release}\n" for name, release in sorted(found.items())).encode()


def _with_dependencies(name: str, found: dict[str, str]) -> dict[str, str]:
    name = canonicalize_name(name)
    if name not in found:
        found[name] = version(name)
        for line in requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                _with_dependencies(requirement.name, found)
    return found


def _docker() -> Path:
    found = shutil.which("docker")
    if found is None:
        raise ModelgenError("the command `docker` is not installed; install Docker, and try again")
    return _program(Path(found).resolve(), "the command `docker`")


def _compose() -> Path:
    info = json.loads(run(["docker", "info", "--format", "{{json .ClientInfo}}"]))
    for plugin in info.get("Plugins") or ():
        if plugin.get("Name") == "compose" and plugin.get("Path"):
            return _program(Path(plugin["Path"]).resolve(), "the Compose plugin")
    raise ModelgenError("Docker Compose v2 is not installed; install the plugin `docker-compose-plugin`, and try again")


def _program(path: Path, title: str) -> Path:
    """Check that a program can run in the image. Snap and Docker Desktop for Mac and Windows have others."""
    with path.open("rb") as file:
        is_linux = sys.platform == "linux" and file.read(4) == _ELF
    if not is_linux or path.name == "snap":
        raise ModelgenError(
            f"{title} ({path}) does not run in a container, so the image of modelgen cannot be built; use a host "
            "with Docker Engine on Linux, or pass `--without tool`"
        )
    return path
