"""Print the facts of this host as TOML, for `modelgen bundle create --for host.toml`.

    python3 -I importer/describe.py [--into TARGET] [--hub PATH] > host.toml

It runs docker, nvidia-smi and nvidia-ctk or rocm-smi, and getenforce, each for at most 5 seconds, reads /proc, /sys
and /etc, and makes a temporary folder in PATH, which it removes. Facts that it does not find are left out. It prints no
name of the host or of a user, no network address and no environment variable.
"""

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # this folder: a file that was put into it must not be in the place of a module of Python

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/")
"""The folder of /proc, /sys and /etc."""
Table = dict[str, Any]
_SECONDS, _MOST_BYTES, _MOST_NAMES = 5, 4 << 20, 200_000
_FOUR_GIB = 2**32
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SOCKET = "/var/run/docker.sock"
_BLOB = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"\D{0,20}?(\d{1,6}(?:\.\d{1,6}){0,3})", re.ASCII)
_KIT = re.compile(r" (?:Engineering Reference )?Developer Kit.*", re.DOTALL)
_TOTAL = re.compile(r"^MemTotal:\s+(\d{1,12}) kB", re.MULTILINE | re.ASCII)


def describe(target: Path, hub: Path) -> str:
    """Return the text of host.toml for a project folder and a hub directory, which need not exist yet."""
    info, version = (_object(_ask("docker", name, "--format", "{{json .}}")) for name in ("info", "version"))
    cards = _nvidia() or _amd()
    tables = {"host": _host(info, version, cards)}
    for number, card in enumerate(cards):
        tables[f"gpus.gpu{number}"] = {key: card.get(key) for key in ("card", "memory", "device", "capability", "kind")}
    images = re.findall(r"sha256:[0-9a-f]{64}\b", _ask("docker", "image", "ls", "--no-trunc", "--quiet"))
    have = {"blobs": _blobs(hub), "images": sorted(set(images))}
    tables["destination"] = {"format": 1, **_docker(info, cards), **_disks(target, hub, info), **have}
    return "\n".join(f"[{name}]\n" + "".join(_lines(table)) for name, table in tables.items())


def probe(folder: Path) -> Table:
    """Return what the file system of a folder, or of the nearest one above that exists, can hold.

    `links` and `modes`: whether symbolic links exist and permissions have an effect; `ignores_case`; `longest_name` in
    bytes; `longest_path` and `largest_file` where they are limited. Unknown facts are left out.
    """
    folder = nearest(folder)
    found: Table = {}
    if sys.platform == "win32":
        found["longest_path"] = 259  # learn.microsoft.com, "Maximum Path Length Limitation"
    else:
        found["longest_name"] = os.pathconf(folder, "PC_NAME_MAX")
    # A folder that may not be written leaves the rest unknown.
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix=".modelgen-", dir=folder) as name:
        file, link = Path(name, "a"), Path(name, "link")
        file.write_bytes(b"")
        found["ignores_case"] = Path(name, "A").exists()
        file.chmod(0o640)
        found["modes"] = file.stat().st_mode & 0o777 == 0o640
        with contextlib.suppress(OSError, NotImplementedError):
            link.symlink_to("a")
        found["links"] = link.is_symlink()
        with file.open("rb", buffering=0) as opened:
            try:  # Linux refuses a position behind the largest file, and nothing is written: FAT ends at 4 GiB
                opened.seek(_FOUR_GIB)
            except OSError:
                found["largest_file"] = _FOUR_GIB - 1
    return found


def nearest(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())


def _host(info: Table, version: Table, cards: list[Table]) -> Table:
    """Return `[host]` of models.toml."""
    kernel = str(info.get("KernelVersion") or _read("proc/version")).lower()
    server, memory = version.get("Server"), info.get("MemTotal")
    docker = _VERSION.match(str(server.get("Version"))) if isinstance(server, dict) else None
    memory = memory if memory and isinstance(memory, int) else _total()  # containers may have less than the host
    context = _ask("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
    kind, _, socket = (os.environ.get("DOCKER_HOST") or context).partition("://")
    is_own = kind == "unix" and socket != _SOCKET and not _is_desktop(info)
    enforcing = _ask("getenforce").strip().lower() or _read("sys/fs/selinux/enforce").strip()
    return {
        "platform": "wsl2" if "microsoft" in kernel or sys.platform == "win32" else "linux" if kernel else None,
        "arch": _ARCHES.get(str(info.get("Architecture") or platform.machine()).lower()),
        "driver": next((card["driver"] for card in cards if card.get("driver")), None),
        "docker": docker[1] if docker else None,
        "memory": f"{int(memory / 2**30 * 10) / 10:g}GiB" if memory > 2**27 else None,
        "selinux": enforcing in ("enforcing", "1"),
        "docker_socket": socket if is_own else None,
    }


def _total() -> int:
    found = _TOTAL.search(_read("proc/meminfo"))
    return int(found[1]) * 1024 if found else 0


def _is_desktop(info: Table) -> bool:
    return "Docker Desktop" in str(info.get("OperatingSystem"))


def _nvidia() -> list[Table]:
    """Return the GPUs of NVIDIA as the driver lists them; of a Jetson, it knows neither name nor memory."""
    board = _read("proc/device-tree/model").strip("\0\n ")
    if "jetson" in board.lower() or _read("etc/nv_tegra_release"):
        return [{"card": _KIT.sub("", board or "NVIDIA Jetson"), "memory": f"{_total() // 2**20}MiB", "device": "0"}]
    query = "--query-gpu=index,uuid,name,memory.total,driver_version"
    abilities = dict(row for row in _rows("--query-gpu=uuid,compute_cap") if re.fullmatch(r"\d{1,2}\.\d", row[-1]))
    cards = []
    for index, uuid, *name, memory, driver in (row for row in _rows(query) if len(row) > 4):
        if re.fullmatch(r"\d{1,6}(?:\.\d{1,6}){1,3}", driver, re.ASCII):
            card = {"card": ", ".join(name), "device": index, "uuid": uuid, "driver": driver}
            size = f"{memory}MiB" if memory.isdecimal() else None  # a DGX Spark has no memory of its own
            cards.append({**card, "memory": size, "capability": abilities.get(uuid)})
    return cards


def _rows(query: str) -> list[list[str]]:
    printed = _ask("nvidia-smi", query, "--format=csv,noheader,nounits")
    return [[cell.strip() for cell in line.split(",")] for line in printed.splitlines() if "," in line]


def _amd() -> list[Table]:
    """Return the GPUs of AMD, each with the device file of its address on the PCI bus."""
    found = _object(_ask("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showbus", "--json"))
    cards = []
    for table in (table for key, table in found.items() if key.startswith("card") and isinstance(table, dict)):
        texts = {key.lower(): str(value) for key, value in table.items()}
        bus, memory = texts.get("pci bus", "").lower(), texts.get("vram total memory (b)", "")
        is_bus = re.fullmatch(r"[0-9a-f:.]{12}", bus) and ".." not in bus
        for node in sorted((ROOT / "sys/bus/pci/devices" / bus / "drm").glob("renderD*"))[:1] if is_bus else ():
            size = f"{int(memory) // 2**20}MiB" if re.fullmatch(r"[0-9]{1,15}", memory) else None
            card = {"card": texts.get("card series"), "memory": size, "device": f"/dev/dri/{node.name}"}
            cards.append({**card, "kind": "amd"})
    return cards


def _docker(info: Table, cards: list[Table]) -> Table:
    """Return how Docker stores images and gives GPUs to containers."""
    found: Table = {"system": sys.platform, "uuids": [card.get("uuid") or "" for card in cards]}
    if sys.platform != "win32":
        found["account"] = f"{os.getuid()}:{os.getgid()}"
    if not info.get("ServerVersion"):
        return found
    compose = _VERSION.match(_ask("docker", "compose", "version", "--short"))
    listed = _ask("nvidia-ctk", "cdi", "list") if info.get("CDISpecDirs") else ""
    cdi = sorted(set(re.findall(r"[\w.-]+/[\w.-]+=[\w.:-]+", listed, re.ASCII)))
    has_runtime = "'nvidia'" in str(info.get("Runtimes")) or shutil.which("nvidia-container-runtime-hook")
    options = str(info.get("SecurityOptions"))
    return {
        **found,
        "compose": compose[1] if compose else None,
        "image_store": "containerd" if "io.containerd.snapshotter" in str(info.get("DriverStatus")) else "classic",
        # Docker Desktop has the toolkit inside, and does not list it.
        "toolkit": "runtime" if has_runtime else "cdi" if cdi else None if _is_desktop(info) else "none",
        "cdi": cdi,
        "rootless": "name=rootless" in options,
        "userns_remap": "name=userns" in options,
    }


def _disks(target: Path, hub: Path, info: Table) -> Table:
    """Return the free bytes and limits of file systems; places whose `disk_` has one number share their free bytes."""
    places = {"project": nearest(target), "hub": nearest(hub), "docker": Path(str(info.get("DockerRootDir")))}
    places = {name: place for name, place in places.items() if place.is_dir()}
    devices = [place.stat().st_dev for place in places.values()]
    disks = {f"disk_{name}": devices.index(device) for name, device in zip(places, devices)}
    return {**disks, **{f"free_{name}": shutil.disk_usage(place).free for name, place in places.items()}, **probe(hub)}


def _blobs(hub: Path) -> list[str]:
    """Return the names of contents in a hub directory: SHA-256, or git's id."""
    paths = [*hub.glob("models--*/blobs/*"), *hub.glob(".locks/modelgen/assets/*")]
    return sorted({path.name for path in paths if _BLOB.fullmatch(path.name)})[:_MOST_NAMES]


def _lines(table: Table) -> "Iterator[str]":
    """Yield the lines of a TOML table, in ASCII and without unknown values."""
    for key, value in table.items():
        if isinstance(value, list):
            yield f"{key} = [" + "".join(f"\n  {_toml(item)}," for item in value) + "\n]\n"
        elif value is not None:
            yield f"{key} = {_toml(value)}\n"


def _toml(value: "str | int") -> str:
    return json.dumps(re.sub(r"[^ -~]", "?", value)[:300] if isinstance(value, str) else value)


def _ask(*command: str) -> str:
    """Return the output of a program; empty if it is not installed, fails, or takes too long."""
    program = shutil.which(command[0])
    # A file and no pipe, which a process that the program leaves behind could keep open.
    with tempfile.TemporaryFile() as output, contextlib.suppress(OSError, subprocess.SubprocessError):
        ends: Table = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.DEVNULL}
        subprocess.run([program or "", *command[1:]], timeout=_SECONDS, check=True, **ends)
        output.seek(0)
        return output.read(_MOST_BYTES).decode("utf-8", "replace")
    return ""


def _read(path: str) -> str:
    with contextlib.suppress(OSError), (ROOT / path).open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8", "replace")
    return ""


def _object(text: str) -> Table:
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text[max(text.find("{"), 0) :])  # warnings may come first
        return found if isinstance(found, dict) else {}
    return {}


def main() -> int:
    """Print the facts of this host."""
    parser = argparse.ArgumentParser(description="Print the facts of this host as TOML.", allow_abbrev=False)
    parser.add_argument(
        "--into", metavar="TARGET", type=Path, default=Path(), help="the project's folder  [default: .]"
    )
    parser.add_argument("--hub", metavar="PATH", type=Path, help="the hub directory  [default: TARGET/models/hub]")
    given = parser.parse_args()
    sys.stdout.write(describe(given.into, given.hub or given.into / "models" / "hub"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
