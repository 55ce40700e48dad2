"""Find other projects of modelgen on this host whose models use the same GPUs; they do not share reservations."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.smi import find_cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_PROJECT = "com.docker.compose.project"
_FIELDS = '{{.ID}}\t{{.Label "com.docker.compose.project"}}'
_DETAILS = (
    '{{index .Config.Labels "com.docker.compose.project"}}\t{{json .HostConfig.DeviceRequests}}\t'
    "{{json .HostConfig.Devices}}"
)


def check_rivals(host: Host, wanted: Wanted) -> list[Finding]:
    """Return warnings about running projects with models on the same GPUs."""
    if not wanted.gpus or host.which("docker") is None:
        return []
    running = set(host.run("docker", "ps", "--format", f'{{{{.Label "{_PROJECT}"}}}}').output.split())
    rows = host.run("docker", "ps", "--all", "--filter", "label=modelgen.model", "--format", _FIELDS)
    pairs = [line.split("\t") for line in rows.output.splitlines() if "\t" in line]
    others = [id_ for id_, project in pairs if project in running and project != wanted.project]
    if not others:
        return []
    ours = {_uuid(host, gpu.device): name for name, gpu in wanted.gpus.items()}
    shared: dict[str, set[str]] = defaultdict(set)
    for line in host.run("docker", "inspect", "--format", _DETAILS, *others).output.splitlines():
        project, *devices = line.split("\t")
        cards = {_uuid(host, device) for text in devices for device in _devices(text)}
        shared[project] |= {name for device, name in ours.items() if device in cards}
    return [_finding(project, sorted(names)) for project, names in sorted(shared.items()) if names]


def _finding(project: str, names: list[str]) -> Finding:
    text = (
        f"the project `{project}` also runs here and has models on {', '.join(names)}: each orchestrator counts only "
        "its own reservations, so together they may run out of memory"
    )
    return Finding(
        "cards", "warning", text, "write all models of a GPU in one models.toml, or lower its `limit` in [gpus]"
    )


def _uuid(host: Host, device: str) -> str:
    """Return a GPU's UUID for its index, if the driver answers; CDI's names end with either."""
    device = device.partition("=")[2] or device
    return next((card.uuid for card in find_cards(host) if card.index == device), device)


def _devices(text: str) -> Iterator[str]:
    """Yield the devices of requests (NVIDIA's, CDI's) and of device files."""
    try:
        found: Any = json.loads(text)
    except ValueError:
        return
    for one in found if isinstance(found, list) else ():
        yield from map(str, one.get("DeviceIDs") or ())
        if "PathOnHost" in one:
            yield str(one["PathOnHost"])
