"""The images of the orchestrator and the socket proxy, under the names that generated files have for them.

Python with pip as the official image has it, and HAProxy; both are this machine's own.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deployment import tagged
from docker_cli import docker, run
from local_image import PYTHON, Entries, import_image, packages_at, program, standard_library

from compiling import REPOSITORY
from modelgen.lower import DEFAULT_BASE_IMAGE, DEFAULT_SOCKET_PROXY_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = "modelgen-e2e"
_PROGRAMS = ("sh", "ls", "mkdir", "chown", "cat")
_LIBRARIES = ("libpthread", "libdl", "libm", "librt", "libutil", "libgcc_s", "libstdc++")
_SITE = f"{PYTHON.parent.parent}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


@contextmanager
def own_images() -> Iterator[None]:
    """Have both under their names for a while."""
    with ExitStack() as stack:
        stack.enter_context(tagged(_image("python", _python), DEFAULT_BASE_IMAGE, ours=_OURS))
        stack.enter_context(tagged(_image("socket-proxy", _socket_proxy), DEFAULT_SOCKET_PROXY_IMAGE, ours=_OURS))
        yield


def download_wheels(folder: Path) -> Path:
    """Return a folder with all that the orchestrator needs, from the index that pip asks."""
    folder.mkdir(exist_ok=True)
    requirements = REPOSITORY / "templates" / "orchestrator" / "requirements.txt"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
    run([*command, "--requirement", requirements])
    return folder


def _image(kind: str, entries: object) -> str:
    parts = [sys.version, str(PYTHON), *(Path(__file__).with_name(f"{name}.py").read_text() for name in _SOURCES)]
    name = f"{_OURS}/{kind}:{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}"
    if not docker("image", "ls", "--quiet", name):
        assert callable(entries)
        import_image(name, entries(), ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    return name


_SOURCES = ("own_images", "local_image")


def _python() -> Entries:
    files = {f"/usr/bin/{name}": program(name) for name in _PROGRAMS}
    # Wheels are linked against them, though glibc has had most of them in one for long.
    files |= {str(path): path for name in _LIBRARIES for path in Path("/lib").glob(f"*-linux-gnu/{name}.so.*")}
    files |= {**dict(standard_library()), **dict(packages_at(_SITE, ["pip"]))}
    links = {"/usr/bin/python3": str(PYTHON), "/usr/bin/python": str(PYTHON), "/bin": "/usr/bin"}
    return Entries(files, links=links, folders={"/tmp": (0, 0o1777)}, texts={"/etc/passwd": _PASSWD})


_PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"


def _socket_proxy() -> Entries:
    return Entries({"/usr/sbin/haproxy": program("haproxy")}, texts={"/etc/passwd": _PASSWD})
