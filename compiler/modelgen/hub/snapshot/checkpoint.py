"""Recognise a folder of files as a checkpoint, or say why no engine can load it, from names, JSON and headers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from modelgen.engines.weights.model_config import text_config
from modelgen.hub.cache.following import open_regular
from modelgen.hub.snapshot.left_out import choose
from modelgen.hub.snapshot.loadable import WEIGHTS, is_weights, other_adapter, shard_sets
from modelgen.hub.snapshot.modules import MODULES, missing_modules
from modelgen.hub.snapshot.weights import BadWeightsError, bytes_by_dtype
from modelgen.lockfile.quants import gguf_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import FileIO
    from pathlib import Path

Kind = Literal["model", "embedding", "lora", "gguf"]

TOKENIZERS = re.compile(
    r"tokenizer\.(json|model.*)|tokenizer_config\.json|vocab\.(json|txt)|tekken\.json|.*\.tiktoken|.*piece.*\.model"
)
# The beginning of a file of torch.save: a zip, or a pickle before 1.6.
_TORCH = (".bin", ".pt", ".pth")
_TORCH_BEGINS = (b"PK\x03\x04", b"\x80")
_TABLES = ("tokenizer.json", "tokenizer_config.json")
_NAMES_A_MODEL = ("model_type", "architectures", "auto_map")
_POINTER = b"version https://git-lfs.github.com/spec/"
_MOST_OF_POINTER = 1024
_MOST_OF_JSON = 64 * 2**20
_MOST_TO_PARSE = 4 * 2**20  # a parsed vocabulary takes ten times its size
_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx", "max_seq_len")
LONGEST = 16384


@dataclass
class Checkpoint:
    """A folder of files, recognised.

    Args:
        kind: The kind of checkpoint.
        config: Its config.json, or an adapter's adapter_config.json.
        faults: Why no engine can load it, one sentence each.
        warnings: Files that an engine may need and that are missing.
        file: The GGUF file to load, the first of several.
        mmproj: The vision part for it.
    """

    kind: Kind
    config: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    file: str | None = None
    mmproj: str | None = None

    @property
    def length(self) -> int | None:
        """The context that its config.json allows, at most 16384 tokens; None if it has none."""
        tables = [self.config, text_config(self.config)]
        found = [value for table in tables for key in _LENGTHS if type(value := table.get(key)) is int and value > 0]
        return min(found[0], LONGEST) if found else None


def examine(files: Mapping[str, Path]) -> Checkpoint:
    """Return the checkpoint that some files make up.

    Args:
        files: The files by their paths in the folder, separated by `/`; the values are regular files.
    """
    top = {path for path in files if "/" not in path}
    kept = {*choose(files, (), ()).kept}
    found = Checkpoint(kind_of(files))
    if found.kind == "lora":
        _read_config(found, files, "adapter_config.json")
        if fault := other_adapter(found.config):
            found.faults.append(f"adapter_config.json {fault}")
        if not any(path.startswith("adapter_model.") for path in top):
            found.faults.append("there is no adapter_model.safetensors")
    elif found.kind == "gguf":
        _choose_gguf(found, files)
    else:
        _look_at_model(found, files, top)
    found.faults += [
        *_missing_shards(files),
        *(fault for path, place in files.items() for fault in _faults_of(path, place, is_kept=path in kept)),
    ]
    return found


def kind_of(paths: Iterable[str]) -> Kind:
    """Return the kind of the checkpoint with these files."""
    names = {*paths}
    has_weights = any(
        is_weights(path) and not path.startswith("adapter_model.") and not path.endswith(".gguf") for path in names
    )
    if "adapter_config.json" in names and not has_weights:
        return "lora"
    if not has_weights and any(path.endswith(".gguf") for path in names):
        return "gguf"
    return "embedding" if names & {MODULES, "config_sentence_transformers.json"} else "model"


def _look_at_model(found: Checkpoint, files: Mapping[str, Path], top: set[str]) -> None:
    if "config.json" in top:
        _read_config(found, files, "config.json")
        if not found.faults and "params.json" not in top and not any(found.config.get(key) for key in _NAMES_A_MODEL):
            found.faults.append("config.json has no model_type")
    elif "params.json" not in top:  # Mistral's own format, which vLLM reads too
        found.faults.append("there is no config.json (nor an adapter_config.json, nor a GGUF file)")
    if not any(map(is_weights, files)):
        found.faults.append("there are no weights (*.safetensors)")
    if missing := missing_modules(read_json(files[MODULES]), files) if MODULES in top else []:
        verb = "are" if missing[1:] else "is"
        found.faults.append(f"{_some(missing)} {verb} missing, which {MODULES} names")
    if not any(TOKENIZERS.fullmatch(path) for path in top):
        found.warnings.append("there is no tokenizer; add tokenizer.json or the files of another tokenizer")


def _choose_gguf(found: Checkpoint, paths: Iterable[str]) -> None:
    models, found.mmproj = gguf_files(paths)
    if not models:
        found.faults.append("there is no GGUF file of a model")
        return
    found.file = models[0]
    if len(models) > 1:
        found.warnings.append(
            f"there are {len(models)} GGUF models; {models[0]} is used; the others: {', '.join(models[1:6])}"
        )


def _read_config(found: Checkpoint, files: Mapping[str, Path], name: str) -> None:
    config = read_json(files[name])
    if isinstance(config, dict):
        found.config = config
    else:
        found.faults.append(f"{name} is not JSON, or not a table")


def read_json(path: Path) -> object:
    """Return the value in a JSON file; None if it cannot be read."""
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_OF_JSON + 1)
        return json.loads(data) if len(data) <= _MOST_OF_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


def _missing_shards(files: Mapping[str, Path]) -> Iterator[str]:
    """Yield a fault for each shard that an index or a shard's number names and that is missing."""
    for path, place in files.items():
        if path.endswith((".safetensors.index.json", ".bin.index.json")):
            index = read_json(place)
            shards = index.get("weight_map") if isinstance(index, dict) else None
            if not isinstance(shards, dict) or not all(isinstance(shard, str) for shard in shards.values()):
                yield f"{path} is not an index of shards"
                continue
            folder = path[: path.rfind("/") + 1]
            missing = sorted({shard for shard in shards.values() if f"{folder}{shard}" not in files})
            if missing:
                verb = "are" if len(missing) > 1 else "is"
                yield f"{len(missing)} of the shards in {path} {verb} missing ({_some(missing)})"
    for total, absent, first in shard_sets(files):
        if absent:
            yield f"{absent} of {total} shards {'are' if absent > 1 else 'is'} missing (such as {first})"


def _faults_of(path: str, place: Path, *, is_kept: bool) -> Iterator[str]:
    """Yield the faults inside a file; weights of other engines, which are not kept, are not checked."""
    name = path.rpartition("/")[2]
    is_torch = is_kept and path.endswith(_TORCH) and is_weights(path)
    try:
        with open_regular(place) as file:
            size = file.seek(0, 2)
            file.seek(0)
            first = file.read(len(_POINTER))
            if first == _POINTER and size <= _MOST_OF_POINTER:
                yield f"{path} is a pointer of git-lfs, not the file; run `git lfs pull` in its repository"
            elif path.endswith(WEIGHTS) and size == 0:
                yield f"{path} is empty"
            elif is_torch and not first.startswith(_TORCH_BEGINS):
                yield f"{path} is not a PyTorch file"
            elif name in _TABLES and not _is_table(file, size):
                yield f"{path} is {'not JSON, or not a table' if size else 'empty'}"
            elif path.endswith(".gguf") and first[:4] != b"GGUF":
                yield f"{path} is not a GGUF file"
            elif path.endswith(".safetensors"):

                def read(start: int, stop: int) -> bytes:
                    file.seek(start)
                    return file.read(stop - start)

                bytes_by_dtype(read, size)
    except BadWeightsError as error:
        yield f"{path}: {error}"
    except OSError as error:
        yield f"{path} cannot be read: {(error.strerror or str(error)).lower()}"


def _is_table(file: FileIO, size: int) -> bool:
    """Return whether a file contains a JSON table; for a large one, check only its beginning and end."""
    file.seek(0)
    if size <= _MOST_TO_PARSE:
        try:
            return isinstance(json.loads(file.read()), dict)
        except (ValueError, RecursionError):
            return False
    begin = file.read(100).lstrip()
    file.seek(-100, 2)
    return begin.startswith(b"{") and file.read().rstrip().endswith(b"}")


def _some(names: list[str]) -> str:
    return ", ".join(name[:80] for name in names[:3]) + (", …" if len(names) > 3 else "")
