"""Share code among the commands that change a running orchestrator."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from modelgen.cli.remote import ask_status
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.operate.control import Orchestrator


def find_to_change(config: Path, url: str | None) -> tuple[Orchestrator, dict[str, Any]]:
    """Return the orchestrator to change and its status; with --url, whatever folder it was started from.

    Raises:
        InputError: Its containers come from another folder, whose project has the same name.
    """
    orchestrator, status = ask_status(config, url)
    if url is None and status["driver"] == "docker":
        _require_own(config, str(status["project"]))
    return orchestrator, status


def _require_own(config: Path, project: str) -> None:
    """Refuse an orchestrator whose containers were created from another folder, if Docker is available here."""
    from modelgen.cli.up_done import is_output
    from modelgen.operate.deployment import Deployment

    if shutil.which("docker") is None:
        return
    ours = (config.parent / "build").absolute()
    deployment = Deployment(ours, project)
    try:
        owner = deployment.owner(deployment.containers())
    except ModelgenError:  # the orchestrator answers although Docker does not
        return
    if owner is not None and not is_output(config, owner):
        raise InputError(
            f"the orchestrator of the project `{project}` was started from {owner}, and {config} belongs to {ours}; "
            "run this in that folder, or pass the address of that orchestrator with --url"
        )
