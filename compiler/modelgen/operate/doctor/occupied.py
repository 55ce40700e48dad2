"""Find the processes that use GPUs beside the models: models cannot have their memory."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.jetson import is_jetson
from modelgen.operate.doctor.machine import find_platform
from modelgen.operate.doctor.smi import find_cards, find_used, find_users

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.smi import Card, User
    from modelgen.operate.doctor.wanted import Wanted

    # Running containers: id → name, Compose project, and the model of modelgen.
    Containers = dict[str, tuple[str, str, str]]

_CONTAINER = re.compile(r"(?:docker[-/]|/)([0-9a-f]{64})\b")
_FIELDS = '{{.ID}}\t{{.Names}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "modelgen.model"}}'
_PARENT = re.compile(r"^PPid:\s+(\d+)", re.MULTILINE | re.ASCII)
_GENERATIONS = 8
_RUNTIME = "modelgen_runtime"
_NAMED = 3
_SMALL = 2**29
"""Half a GiB, which the driver and a desktop may use."""


def check_occupied(host: Host, wanted: Wanted) -> list[Finding]:
    """Warn about GPUs of which others use more than models.toml leaves free."""
    if not wanted.nvidia or is_jetson(host) or not (cards := find_cards(host)):
        return []
    used, users = find_used(host), find_users(host)
    containers = _find_containers(host) if used else {}
    findings = []
    for name, gpu in wanted.nvidia.items():
        device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
        card = next((card for card in cards if device in (card.index, card.uuid)), None)
        if card is None or card.memory is None:
            continue
        on_it = [user for user in users if user.uuid == card.uuid]
        holders = {user: _holder(host, user, containers) for user in on_it}
        own = [user for user in on_it if _is_own(host, user.pid, holders[user][1], wanted)]
        # In WSL2, the driver names neither the processes nor what each uses, so others cannot be distinguished.
        if any(user.memory is None for user in own) or (not own and _serves(host, containers, wanted)):
            continue
        taken = used.get(card.uuid, 0) - sum(user.memory or 0 for user in own)
        limit = wanted.limit_of(name)
        if taken > max((1 - limit) * card.memory, _SMALL):
            names = [text for user, (text, _) in holders.items() if user not in own]
            findings.append(_finding(name, card, taken, names))
    return findings


def _finding(name: str, card: Card, taken: int, holders: list[str]) -> Finding:
    memory = card.memory or 0
    who = ", ".join(holders[:_NAMED]) + (f" and {len(holders) - _NAMED} more" if len(holders) > _NAMED else "")
    text = f"{name}: {taken / 2**30:.1f} of {memory / 2**30:.1f} GiB are used by {who or 'other programs'}"
    free = max(0.05, int((memory - taken) / memory * 0.98 * 100) / 100)
    return Finding("cards", "warning", text, f"stop them, or `[gpus.{name}] limit = {free:g}`")


def _find_containers(host: Host) -> Containers:
    answer = host.run("docker", "ps", "--no-trunc", "--format", _FIELDS)
    rows = [line.split("\t") for line in answer.output.splitlines()] if answer.is_good else []
    return {row[0]: (row[1], row[2], row[3]) for row in rows if len(row) == 4}


def _serves(host: Host, containers: Containers, wanted: Wanted) -> bool:
    """Return whether models of the project run, in containers or by `modelgen serve`."""
    if any(project == wanted.project and model for _, project, model in containers.values()):
        return True
    if find_platform(host) != "wsl2":
        return False
    with contextlib.suppress(OSError):
        pids = [entry.name for entry in host.path("/proc").iterdir() if entry.name.isdigit()]
        return any(_RUNTIME in (host.read(f"/proc/{pid}/cmdline") or "") for pid in pids)
    return False


def _holder(host: Host, user: User, containers: Containers) -> tuple[str, str]:
    """Return how to name a process, and its Compose project."""
    found = _CONTAINER.search(host.read(f"/proc/{user.pid}/cgroup") or "")
    container, project, _ = containers.get(found[1], ("", "", "")) if found else ("", "", "")
    program = user.name.rpartition("/")[2].split(" ")[0] or "a process"
    program = program if program.isprintable() and not program.startswith("[") else "a process"
    where = f" in the container {container}" if container else ""
    return f"{program}{where} (pid {user.pid})", project


def _is_own(host: Host, pid: str, project: str, wanted: Wanted) -> bool:
    """Return whether a process is in the project's containers, or was started by `modelgen serve`."""
    if wanted.project is not None and project == wanted.project:
        return True
    for _ in range(_GENERATIONS):
        if _RUNTIME in (host.read(f"/proc/{pid}/cmdline") or ""):
            return True
        parent = _PARENT.search(host.read(f"/proc/{pid}/status") or "")
        if parent is None:
            return False
        pid = parent[1]
    return False
