"""A container image of the engine double, made of this machine's own Python in seconds: no registry is asked.

It holds the interpreter, its standard library, the real huggingface_hub as it is installed for modelgen, `ip` for the
network tests, the shared libraries of all these, and `engine/api_server.py` where vLLM has its server.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from docker_cli import docker
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "modelgen-e2e/engine"
_PYTHON = Path(sys.executable).resolve()
_PACKAGES = "/opt/engine"
_DOUBLE = Path(__file__).parent / "engine" / "api_server.py"
_VLLM = "#!/usr/bin/python3\nfrom vllm.entrypoints.openai.api_server import vllm\n\nvllm()\n"
# No server needs them, and they are most of a standard library.
_LEFT_OUT = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"}


def engine_image() -> str:
    """Return the image's name; its tag is a hash of what is in it, so it is made only once."""
    packages = sorted(_with_requirements("huggingface_hub", set()))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    parts = [sys.version, str(_PYTHON), *versions, _DOUBLE.read_text(), Path(__file__).read_text()]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    name = f"{REPOSITORY}:{digest[:16]}"
    if not docker("image", "ls", "--quiet", name):
        _import_image(name, packages)
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
    for name in packages:
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts:
                yield f"{_PACKAGES}/{file}", Path(str(file.locate()))
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.rglob("*"):
        inside = path.relative_to(library).parts
        if path.is_file() and not inside[0].startswith("config-") and _LEFT_OUT.isdisjoint(inside):
            yield str(path), path
    tool = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert tool, "the network tests need the `ip` command: install iproute2"
    yield "/usr/sbin/ip", Path(tool)
    yield str(_PYTHON), _PYTHON
    yield "/etc/ld.so.cache", Path("/etc/ld.so.cache")
    yield f"{_PACKAGES}/vllm/entrypoints/openai/api_server.py", _DOUBLE


def _shared_libraries(files: dict[str, Path]) -> dict[str, Path]:
    """Return all libraries, and their loader, that the programs and extension modules among the files ask for."""
    binaries = [path for path in files.values() if path.suffix == ".so" or path == _PYTHON or path.name == "ip"]
    # It exits 1 when one of them is static, which is no mistake.
    listing = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return {path: Path(path) for path in re.findall(r"^\t(?:.* => )?(/\S+) \(0x", listing, re.MULTILINE)}


def _import_image(name: str, packages: list[str]) -> None:
    files = dict(_files(packages))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for target, source in {**files, **_shared_libraries(files)}.items():
            entry = tar.gettarinfo(source, target.lstrip("/"))
            # All capabilities are dropped, so the container's root reads only what is its own or everybody's.
            entry.uid, entry.gid, entry.mode = 0, 0, entry.mode | 0o444
            with source.open("rb") as data:
                tar.addfile(entry, data)
        python = tarfile.TarInfo("usr/bin/python3")
        python.type, python.linkname = tarfile.SYMTYPE, str(_PYTHON)
        tar.addfile(python)
        for folder in ("home/vllm", "home/vllm/.cache", "home/vllm/.config"):
            # As vLLM's Dockerfile makes them from 0.22 on: for uid 2000, and whoever is in group 0.
            home = tarfile.TarInfo(folder)
            home.type, home.uid, home.gid, home.mode = tarfile.DIRTYPE, 2000, 0, 0o775
            tar.addfile(home)
        vllm = tarfile.TarInfo("usr/bin/vllm")
        vllm.size, vllm.mode = len(_VLLM), 0o755
        tar.addfile(vllm, io.BytesIO(_VLLM.encode()))
    changes = [f"ENV PYTHONPATH={_PACKAGES}", "ENV HOME=/root", "ENV PYTHONUNBUFFERED=1"]
    subprocess.run(
        ["docker", "import", *(part for change in changes for part in ("--change", change)), "-", name],
        input=archive.getvalue(),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=300,
    )
