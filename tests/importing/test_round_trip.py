"""`build` of the import of what `build` wrote gives the same services; what differs is listed with its reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from imports import errors, imported, models_in, services
from modelgen.engines import ENGINES

SNAPSHOTS = sorted(Path(__file__).parent.parent.glob("snapshot/__snapshots__/*/*.yml"))
# Services of the engine `command`, which runs any program, are not recognized as engines.
PROGRAM = "command"
assert PROGRAM in ENGINES
EXCEPTIONS = {
    "amd": {"devices": "the file of a GPU stands for all of them"},
    "chat-template": {"volumes": "files that arguments name are in the container already, at /modelgen"},
    "embeddings": {"depends_on": "the order of starts follows from the profiles"},
    "jetson": {
        "deploy": "without `card`, a Jetson is not known",
        "environment": "without `card`, a Jetson is not known",
        "runtime": "without `card`, a Jetson is not known",
    },
    "llamacpp": {"volumes": "files that arguments name are in the container already, at /modelgen"},
    "locked": {"command": "adapters are named by repository, and dotted flags are one table"},
    "lora": {"command": "adapters are named by repository until they are locked"},
    "orchestrator-disabled": {"depends_on": "the order of starts follows from the profiles"},
    "sglang": {"volumes": "files that arguments name are in the container already, at /modelgen"},
    "sized": {"command": "a size that was divided is written as a share"},
    "snapshot-form": {
        "command": "a snapshot's path becomes repository and revision",
        "volumes": "files that arguments name are in the container already, at /modelgen",
    },
    "wsl2": {
        "environment": "the platform is in no Compose file",
        "volumes": "files that arguments name are in the container already, at /modelgen",
    },
}


def is_compose(path: Path) -> bool:
    """Return whether a snapshot is a Compose file with services that are recognized; parsing all takes long."""
    services = path.read_text().partition("\nservices:")[2]
    return (
        re.search(rf"^  (?!{PROGRAM}-|orchestrator:|socket-proxy:)[a-z]+-[\w.-]+:$", services, re.MULTILINE) is not None
    )


def servers(path: Path) -> dict[str, Any]:
    return {name: one for name, one in models_in(path.read_text()).items() if not name.startswith(f"{PROGRAM}-")}


@pytest.mark.parametrize("path", [path for path in SNAPSHOTS if is_compose(path)], ids=lambda path: path.stem)
def test_the_services_are_the_same(path: Path) -> None:
    case = path.stem.partition("[")[2].rstrip("]")
    found = imported(path.read_text(), folder="build")
    assert errors(found) == []
    theirs = services(found)
    differing: set[str] = set()
    for name, service in servers(path).items():
        other = theirs[name]
        for key in {*service, *other}:
            if service.get(key) != other.get(key):
                differing.add(key)
    assert differing == {*EXCEPTIONS.get(case, {})}
