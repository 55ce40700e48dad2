"""Check, by file names and config, whether an engine can load what was selected of a repository."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.loader import SOME_LOADER
from modelgen.lockfile.loading import read_by, unmatched_patterns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modelgen.loader import Loader
    from modelgen.lockfile.wants import Form

CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".tensors")
# Mistral's own format, which vLLM reads too.
_OTHER_CONFIG = "params.json"
_NO_WEIGHTS = re.compile(r"(training_args|optimizer|scheduler|rng_state.*|tokenizer.*)\.\w+")
_SHARD = re.compile(r"(.*)-(\d{5,6})-of-(\d{5,6})(\.[a-z]+)", re.ASCII)


class Fault(NamedTuple):
    """A reason why no engine can load a repository, as the rest of a sentence, and the next step."""

    why: str
    advice: str = "correct `repo`, `revision`, `include` or `exclude` in models.toml"


class Shards(NamedTuple):
    """A set of shards: its number of files, the number of missing ones, and the first missing name."""

    total: int
    absent: int
    first: str | None


def config_name(form: Form) -> str:
    """Return the config file of a repository of this form."""
    return ADAPTER_CONFIG if form == "adapter" else CONFIG


def is_weights(path: str) -> bool:
    """Return whether a file's name is one of weights; training leaves other files with such suffixes."""
    return path.endswith(WEIGHTS) and not _NO_WEIGHTS.fullmatch(path.rpartition("/")[2])


def shard_number(path: str) -> int | None:
    """Return the 2 of `model-00002-of-00005.safetensors`; None for a file that is not a shard."""
    shard = _SHARD.fullmatch(path)
    return int(shard[2]) if shard else None


def shard_sets(paths: Iterable[str]) -> Iterator[Shards]:
    """Yield the sets of shards among files."""
    sets: dict[tuple[str, str, str], set[int]] = {}
    for path in paths:
        if shard := _SHARD.fullmatch(path):
            sets.setdefault((shard[1], shard[3], shard[4]), set()).add(int(shard[2]))
    for (stem, count, suffix), numbers in sets.items():
        absent = [number for number in range(1, int(count) + 1) if number not in numbers]
        first = f"{stem}-{absent[0]:0{len(count)}}-of-{count}{suffix}" if absent else None
        yield Shards(int(count), len(absent), first)


def why_not(form: Form, paths: Collection[str], config: str | None, loaders: Sequence[Loader] = ()) -> Fault | None:
    """Return why the engines cannot load a repository; None if they can.

    Args:
        form: The required form.
        paths: The files to fetch.
        config: Its config.json or adapter_config.json; None if there is none, or a large one.
        loaders: The loaders of the engines, if known.
    """
    if fault := next((fault for loader in loaders if (fault := refused(loader))), None):
        return fault
    needs_weights = not loaders or any(loader.globs for loader in loaders)
    if why := _no_form(form, paths, config, needs_weights=needs_weights):
        return Fault(why)
    return _no_weights(loaders, paths)


def refused(loader: Loader) -> Fault | None:
    """Return why a loader takes no repository at all; None if it does."""
    if loader.takes_repos:
        return None
    return Fault(
        f"cannot be loaded by {loader.name}, which needs the path of one GGUF file and takes no repository",
        'write `engine = "llamacpp"` and `file = "….gguf"` in the model\'s table and llama.cpp\'s flags in its `args`, '
        "or remove the flag and use a repository with safetensors",
    )


def _no_form(form: Form, paths: Collection[str], config: str | None, *, needs_weights: bool) -> str | None:
    if form == "files":
        return None
    name = config_name(form)
    if name not in paths and (form == "adapter" or _OTHER_CONFIG not in paths):
        return f"has no {name}, so {_what_instead(paths)}"
    if config is not None and (fault := _fault(form, config)):
        return f"cannot be used: {name} {fault}"
    weights = [path for path in paths if is_weights(path)]
    if form == "adapter":
        weights = [path for path in weights if path.startswith("adapter_model.")]
    if not weights and needs_weights:
        return f"has no weights ({'adapter_model' if form == 'adapter' else '*'}.safetensors) among the files to fetch"
    # Beside a complete set, or a single file, the rest of another set is never opened: the index does not name it.
    sets = [*shard_sets(weights)]
    if weights and all(shard_number(path) for path in weights) and all(shards.absent for shards in sets):
        return f"lacks {sets[0].absent} of {sets[0].total} shards (such as {sets[0].first})"
    return None


def _no_weights(loaders: Sequence[Loader], paths: Collection[str]) -> Fault | None:
    """Return which loader finds no weights, and what the repository has instead."""
    for loader in loaders:
        globs = unmatched_patterns(loader, paths)
        if globs is None or loader == SOME_LOADER:
            continue
        there = sorted(path for path in paths if is_weights(path))
        hint = f"; it has {there[0]}{' and others' if there[1:] else ''}" if there else ""
        why = f"has no {globs}, which {loader.name} reads{hint}"
        if "--load-format" in loader.name and read_by(SOME_LOADER, there):
            return Fault(why, "choose another `load-format` in the model's `args`")
        # The weights have a format of another program.
        return Fault(why, "set a `repo` or `revision` in models.toml that has them") if there else Fault(why)
    return None


def _what_instead(paths: Collection[str]) -> str:
    if ADAPTER_CONFIG in paths:
        return (
            'no engine serves it by itself: it is a LoRA adapter; add it to `loras = { NAME = "…" }` of its base model'
        )
    if any(path.endswith(".gguf") for path in paths):
        return 'this engine cannot load it; GGUF files are for `engine = "llamacpp"` with `file`'
    return "no engine can load it"


def _fault(form: Form, text: str) -> str | None:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        return "is not JSON, or not a table"
    return other_adapter(table) if form == "adapter" else None


def other_adapter(config: Mapping[str, Any]) -> str | None:
    """Return that an adapter has a type that no engine loads; peft has thirty types."""
    kind = str(config.get("peft_type", "LORA"))
    return None if kind.upper() == "LORA" else f"is of type {kind[:40]}; engines load only LORA"
