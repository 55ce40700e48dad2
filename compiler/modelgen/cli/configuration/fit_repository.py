"""Look up a repository on the hub for `modelgen fit`, as a models.toml for it would; nothing is written."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.cli.compiling import check_bytes
from modelgen.cli.configuration.machine import newest_image
from modelgen.cli.configuration.suggested import free_id, key, text
from modelgen.engines import ENGINES
from modelgen.files import InputError
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from modelgen.engines.host.known_cards import KnownCard
    from modelgen.fit import Fitted
    from modelgen.hub.connection.client import Connection
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.quants import Quant

_NVIDIA = 'device = "0"'
_AMD = 'kind = "amd"\ndevice = "/dev/dri/renderD128"'
_CONTEXT = 16_384
"""The context of a GGUF file where none is named: the engine has no default that fits."""


def fit_repository(repo: str, card: KnownCard, length: int | None, token_file: Path | None) -> Fitted:
    """Return a fitted file with the models of a repository on one GPU, and the newest engine for them.

    A repository of GGUF files has one model for each quantization.

    Args:
        repo: Its id.
        card: The GPU.
        length: The longest request; None for the default.
        token_file: The file with the user's token.

    Raises:
        ModelgenError: The hub does not answer, or has no such repository.
        InputError: No engine loads it on this GPU.
    """
    from modelgen.cli.hub.hub_options import read_token
    from modelgen.cli.interruption import interruptible
    from modelgen.hub.connection.client import connect
    from modelgen.lockfile.writing import render_lock

    config = Path("models.toml")
    with interruptible("nothing was written"):
        connection = connect(read_token(token_file))
        quants = _find_quants(connection, repo)
        models = _gguf_models(repo, quants, length or _CONTEXT) if quants else _model(repo, card, length)
        is_amd = card.capability.startswith("gfx")
        gpu = f"[gpus.gpu0]\ncard = {text(card.name)}\n{_AMD if is_amd else _NVIDIA}\n\n"
        data = f'[project]\nname = "fit"\nhub = "./models/hub"\n\n{gpu}{models}'.encode()
        lock = _look_up(repo, config, data, connection)
    fitted = check_bytes(config, data, render_lock(lock)).fitted
    assert fitted is not None, "the file is written here"  # noqa: S101
    return fitted


def _model(repo: str, card: KnownCard, length: int | None) -> str:
    vendor, engine = "amd" if card.capability.startswith("gfx") else "nvidia", ENGINES[DEFAULT_ENGINE]
    image = newest_image(engine, vendor, None, "amd64", card.capability)
    if image is None:
        raise InputError(
            f"no release of {engine.title} has kernels for {card.name} ({card.capability}): name another GPU"
        )
    args = f"args = {{ {engine.length} = {length} }}\n" if length else ""
    return (
        f"[engines.{DEFAULT_ENGINE}]\nimage = {text(image)}\n\n"
        f'[models.{key(free_id(repo, {}))}]\nrepo = {text(repo)}\ngpus = ["gpu0"]\n{args}'
    )


def _gguf_models(repo: str, quants: list[Quant], length: int) -> str:
    engine = next(one for one in ENGINES.values() if one.opens is not None and one.opens.gguf)
    newest = engine.plain_flags().names[-1] if engine.plain_flags else ""
    tables = [f'[engines.{engine.name}]\nimage = "fit"\nversion = {text(newest)}\n']
    taken: dict[str, None] = {}
    for quant in quants:
        taken[name := free_id(quant.name, taken)] = None
        tables.append(
            f'[models.{key(name)}]\nengine = "{engine.name}"\nrepo = {text(repo)}\nfile = {text(quant.file)}\n'
            f'gpus = ["gpu0"]\nargs = {{ {engine.length} = {length} }}\n'
        )
    return "\n".join(tables)


def _find_quants(connection: Connection, repo: str) -> list[Quant]:
    """Return the quantizations of a repository of GGUF files, the smallest first; none for another repository."""
    from modelgen.cli.reading import say
    from modelgen.hub.locking.ask import Ask
    from modelgen.hub.locking.online import find_repository
    from modelgen.hub.snapshot.checkpoint import kind_of
    from modelgen.lockfile.quants import find_quants
    from modelgen.lockfile.wants import Want

    files = find_repository(connection, Ask(Want(repo), None), say).files
    if kind_of(files) != "gguf":
        return []
    quants = find_quants({path: size for path, (size, *_) in files.items()})
    if not quants:
        raise InputError(f"{repo} has no GGUF file of a model")
    return quants


def _look_up(repo: str, config: Path, data: bytes, connection: Connection) -> Lock:
    from modelgen.cli.hub.locked import inputs_of
    from modelgen.cli.lock.lock import Task, look_up_entries
    from modelgen.hub.locking.listing import UnusableError

    found = look_up_entries(Task(inputs_of(config, data, None)), partial(_given, connection))
    for failure in found.faults.values():
        if isinstance(failure, UnusableError):  # there is no models.toml to correct
            raise InputError(f"{repo} {failure.why}")
        raise failure
    return found.lock


def _given(connection: Connection) -> Connection:
    return connection
