"""Look up a repository on the hub for `modelgen fit`, as a models.toml of one model would; nothing is written."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.cli.compiling import check_bytes
from modelgen.cli.configuration.machine import newest_image
from modelgen.cli.configuration.suggested import free_id, key, text
from modelgen.engines import ENGINES
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from modelgen.engines.host.known_cards import KnownCard
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve import Resolved

_NVIDIA = 'device = "0"'
_AMD = 'kind = "amd"\ndevice = "/dev/dri/renderD128"'


def resolve_repository(repo: str, card: KnownCard, token_file: Path | None) -> Resolved:
    """Return a resolved file with one model of a repository on one GPU, and the newest image for it.

    Raises:
        ModelgenError: The hub does not answer, or has no such repository.
    """
    is_amd = card.capability.startswith("gfx")
    image = newest_image(ENGINES[DEFAULT_ENGINE], "amd" if is_amd else "nvidia", None, "amd64")
    data = (
        f'[project]\nname = "fit"\nhub = "./models/hub"\n\n[gpus.gpu0]\ncard = {text(card.name)}\n'
        f"{_AMD if is_amd else _NVIDIA}\n\n[engines.{DEFAULT_ENGINE}]\nimage = {text(image or '')}\n\n"
        f'[models.{key(free_id(repo, {}))}]\nrepo = {text(repo)}\ngpus = ["gpu0"]\n'
    ).encode()
    from modelgen.lockfile.writing import render_lock

    config = Path("models.toml")
    resolved = check_bytes(config, data, render_lock(_look_up(config, data, token_file))).resolved
    assert resolved is not None, "the file is written here"  # noqa: S101
    return resolved


def _look_up(config: Path, data: bytes, token_file: Path | None) -> Lock:
    from modelgen.cli.hub.hub_options import read_token
    from modelgen.cli.hub.locked import inputs_of
    from modelgen.cli.interruption import interruptible
    from modelgen.cli.lock.lock import Task, connect_to_hub, look_up_entries

    with interruptible("nothing was written"):
        connect = partial(connect_to_hub, read_token(token_file))
        found = look_up_entries(Task(inputs_of(config, data, None)), connect)
    for failure in found.faults.values():
        raise failure
    return found.lock
