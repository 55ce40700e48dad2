"""Write tables of models.toml for checkpoints that were found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from modelgen.engines import ENGINES
from modelgen.load import DEFAULT_ENGINE
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from modelgen.config.model import Defaults
    from modelgen.engines.engine import Engine
    from modelgen.hub.snapshot.checkpoint import Checkpoint

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNKNOWN_LENGTH = 4096


def engine_of(checkpoint: Checkpoint) -> Engine:
    """Return the engine for a checkpoint: the default engine if no other one is made for its kind."""
    known = (engine for engine in ENGINES.values() if engine.starter and engine.starter.kind == checkpoint.kind)
    return next(known, ENGINES[DEFAULT_ENGINE])


def model_table(  # noqa: PLR0913 - what a table is made of
    name: str,
    repo: str,
    checkpoint: Checkpoint,
    gpu: str | None,
    adapters: Mapping[str, tuple[str, Checkpoint]] | None = None,
    *,
    engine: Engine | None = None,
    defaults: Defaults | None = None,
) -> str:
    """Return the table of a model.

    Args:
        name: The model's id.
        repo: Repository id.
        checkpoint: The checkpoint.
        gpu: The name of the GPU; None for none.
        adapters: Its LoRA adapters: name → repository id and checkpoint.
        engine: The engine; None for the one of this kind of checkpoint.
        defaults: The `[defaults]` of the file, which the table does not repeat.
    """
    lines = [f"[models.{key(name)}]", f"repo = {text(repo)}"]
    engine = engine or engine_of(checkpoint)
    if engine.name != ((defaults and defaults.engine) or DEFAULT_ENGINE):
        lines.append(f"engine = {text(engine.name)}")
    if checkpoint.file:
        lines.append(f"file = {text(checkpoint.file)}")
    if checkpoint.mmproj:
        lines.append(f"mmproj = {text(checkpoint.mmproj)}")
    if gpu is not None:
        lines.append(f"gpus = [{text(gpu)}]")
    if engine.needs_length and engine.from_config:
        # The `args` of [defaults] apply to the engine of [defaults] only.
        usual = (defaults and defaults.engine) or DEFAULT_ENGINE
        given = (defaults and defaults.args) or {} if engine.name == usual else {}
        args = {} if engine.length in given else {engine.length: checkpoint.length or _UNKNOWN_LENGTH}
        if adapters and (rank := max(lora_rank(adapter) or 0 for _, adapter in adapters.values())):
            args[engine.lora_rank] = rank
        if args:
            lines.append(f"args = {{ {', '.join(f'{flag} = {value}' for flag, value in args.items())} }}")
        if "auto_map" in checkpoint.config:
            lines.append("# trust_remote_code = true # its config.json names code of its own: read that first")
    elif engine.needs_length:
        lines.append(f"args = {{ {engine.length} = {_UNKNOWN_LENGTH} }} # the longest context that you need")
    if adapters:
        lines.append(loras({adapter: found for adapter, (found, _) in adapters.items()}))
    return "\n".join(lines) + "\n"


def loras(adapters: Mapping[str, str]) -> str:
    """Return the line that declares adapters, by name."""
    return f"loras = {{ {', '.join(f'{key(name)} = {text(repo)}' for name, repo in adapters.items())} }}"


def lora_rank(adapter: Checkpoint) -> int | None:
    """Return the lowest rank limit with which the default engine accepts an adapter."""
    rank, limit = adapter.config.get("r"), ENGINES[DEFAULT_ENGINE].rank_limit
    return limit(None, rank) if limit and type(rank) is int and rank > 0 else None


def base_of(adapter: Checkpoint) -> str | None:
    """Return the repository that an adapter was trained on; None if it names none, or a folder."""
    base = adapter.config.get("base_model_name_or_path")
    return base if isinstance(base, str) and is_repo_id(base) else None


def id_of(repo: str) -> str:
    """Return an id for the model of a repository: the last part of its name."""
    return repo.rpartition("/")[2].lstrip("_") or "model"


def free_id(repo: str, taken: Collection[str]) -> str:
    """Return an id for the model of a repository that gives none of the services of `taken`."""
    services = {service_part(name) for name in taken}
    whole = repo.replace("/", "-").lstrip("_")
    names = (id_of(repo), whole, *(f"{whole}-{number}" for number in range(2, len(services) + 3)))
    return next(name for name in names if service_part(name) not in services)


def service_part(name: str) -> str:
    """Return what an id contributes to the default name of a service; ids with the same one collide."""
    return re.sub(r"[._]", "-", name.lower())


def key(name: str) -> str:
    """Return a name as a key of TOML."""
    return name if _BARE.fullmatch(name) else text(name)


def text(value: str) -> str:
    """Return a string of TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
