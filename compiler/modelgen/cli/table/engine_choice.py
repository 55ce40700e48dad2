"""Choose the engine of a model that is added, from its files, its task on the hub and the engines of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.engines.releases import release_image
from modelgen.cli.configuration.machine import newest_image
from modelgen.cli.configuration.suggested import engine_of, text
from modelgen.engines import ENGINES
from modelgen.files import InputError
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from modelgen.config import Config
    from modelgen.engines.engine import Engine
    from modelgen.hub.snapshot.checkpoint import Checkpoint, Kind

_EMBEDS = frozenset({"feature-extraction", "sentence-similarity", "text-classification", "text-ranking"})
_GENERATES = frozenset(
    {
        "any-to-any",
        "audio-text-to-text",
        "automatic-speech-recognition",
        "image-text-to-text",
        "image-to-text",
        "text-generation",
        "text2text-generation",
        "video-text-to-text",
        "visual-question-answering",
    }
)


def kind_by_task(kind: Kind, task: str | None) -> Kind:
    """Return the kind of a checkpoint, from its files, else from its task on the hub."""
    return "embedding" if kind == "model" and task in _EMBEDS else kind


def choose_engine(
    checkpoint: Checkpoint, task: str | None, config: Config, wanted: str | None = None, *, is_own: bool = False
) -> tuple[Engine, str]:
    """Return the engine of a checkpoint, and why.

    Args:
        checkpoint: The checkpoint; its kind is known.
        task: The task that the hub lists.
        config: The models.toml, whose own engines come first.
        wanted: The engine that the command line names.
        is_own: Whether it is a checkpoint of the user's own, which no hub lists.

    Raises:
        InputError: The engine that the command line names cannot load such a checkpoint.
    """
    if wanted is not None:
        if not _loads(ENGINES[wanted], checkpoint.kind):
            suited = [f"--engine {name}" for name, engine in ENGINES.items() if _loads(engine, checkpoint.kind)]
            what = "GGUF files" if checkpoint.kind == "gguf" else "such a checkpoint"
            raise InputError(f"{ENGINES[wanted].title} does not load {what}; use {' or '.join(suited)}")
        return ENGINES[wanted], "chosen with --engine"
    default = (config.defaults and config.defaults.engine) or DEFAULT_ENGINE
    there = [ENGINES[name] for name in config.engines or {} if _serves(ENGINES[name], checkpoint.kind)]
    suggested = ENGINES[default] if _serves(ENGINES[default], checkpoint.kind) else engine_of(checkpoint)
    engine = there[0] if len(there) == 1 else suggested
    if checkpoint.kind == "gguf":
        why = "the repository has GGUF files"
    elif checkpoint.kind == "embedding":
        why = f"the hub lists it as {task}" if task in _EMBEDS else "it is a model of sentence-transformers"
    elif task in _GENERATES:
        why = f"the hub lists it as {task}"
    elif is_own:
        why = "the files do not tell the task, so this is a guess: check `engine`"
    else:
        lists = f"lists it as {task}, which is no task of an engine here" if task else "lists no task of it"
        why = f"the hub {lists}, so this is a guess: check `engine`"
    return engine, why


def engine_table(engine: Engine, config: Config) -> str:
    """Return the table with an image for an engine that models.toml does not mention; empty if none is needed."""
    has_image = engine.name in (config.engines or {}) or (config.defaults and config.defaults.image)
    image = None if has_image else _image(engine, config)
    return f"[engines.{engine.name}]\nimage = {text(image)}\n\n" if image else ""


def _image(engine: Engine, config: Config) -> str | None:
    """Return an image of an engine for the GPUs and the host of a file; None if none is known."""
    is_amd = {gpu.kind for gpu in (config.gpus or {}).values()} == {"amd"}
    if engine.starter is not None:
        return (engine.starter.amd if is_amd else None) or engine.starter.image
    host = config.host
    driver, arch = (host.driver, host.arch) if host else (None, None)
    found = newest_image(engine, "amd" if is_amd else "nvidia", driver, arch or "amd64")
    if found is None and engine.repository and not is_amd:
        return release_image(host, engine, engine.repository)
    return found


def _loads(engine: Engine, kind: Kind) -> bool:
    """Return whether an engine can load a kind of checkpoint, suggested for it or not."""
    if engine.opens is None:
        return False
    return engine.opens.gguf if kind == "gguf" else engine.from_config


def _serves(engine: Engine, kind: Kind) -> bool:
    """Return whether an engine serves a kind of checkpoint."""
    if engine.opens is None:
        return False
    if kind == "gguf":
        return engine.opens.gguf
    return engine.from_config and engine.opens.embeds_only == (kind == "embedding")
