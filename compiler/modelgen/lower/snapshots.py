"""Translate commits to the paths of their snapshots in the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.engine import Pin
from modelgen.lockfile.repos import ASSETS, snapshot_folder

if TYPE_CHECKING:
    from modelgen.engines.engine import Pins
    from modelgen.resolve import ModelPins


def own_pin(pins: ModelPins, hub: str) -> Pin | None:
    """Return the commit and snapshot of the model's own repository below `hub`; None if no commit is known."""
    return _pin(hub, pins.want.repo, pins.own) if pins.want and pins.own else None


def other_pins(pins: ModelPins, hub: str) -> Pins:
    """Return the commits and snapshots of the other repositories, by role and id."""
    return {(role, repo): _pin(hub, repo, commit) for (role, repo), commit in pins.others.items()}


def asset_variables(pins: ModelPins, hub: str) -> dict[str, str]:
    """Return the variables that name the folders of locked files that are on no hub."""
    return {file.variable: f"{hub}/{ASSETS}/{file.sha256}" for file, is_locked in pins.outside.items() if is_locked}


def _pin(hub: str, repo: str, commit: str) -> Pin:
    return Pin(commit, f"{hub}/{snapshot_folder(repo, commit)}")
