"""List what a snapshot needs for its kind of model and does not have. Pure: names and JSON in, sentences out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.hub.snapshot.checkpoint import TOKENIZERS
from modelgen.hub.snapshot.loadable import shard_sets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

TOKENIZER_CONFIG = "tokenizer_config.json"
_GENERATES = re.compile(r"(ForCausalLM|ForConditionalGeneration|LMHeadModel)$")
_CHATS = re.compile(r"(^|[-_.])(chat|instruct|it)($|[-_.])", re.IGNORECASE)
_TEMPLATE = re.compile(r"chat_template\.(jinja|json)|additional_chat_templates/.*|tekken\.json")


def missing_parts(
    repo: str,
    paths: Collection[str],
    config: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    *,
    is_listed: bool,
) -> Iterator[str]:
    """Yield the missing parts of a snapshot, as sentences.

    Args:
        repo: Repository id, whose name may indicate a chat model.
        paths: Its files.
        config: Its config.json.
        tokenizer: Its tokenizer_config.json.
        is_listed: Whether a listing has all files of the commit, so that other files never existed.
    """
    if not any(TOKENIZERS.fullmatch(path) for path in paths):
        yield "there is no tokenizer (such as tokenizer.json)"
    shards = [path for path in paths if path.endswith(".safetensors") and "/" not in path]
    is_split = any(found.total > 1 for found in shard_sets(shards))
    if is_split and not any(path.endswith(".safetensors.index.json") for path in paths):
        yield "there is no index of its shards (model.safetensors.index.json)"
    written = config.get("architectures")
    names = [name for name in written if isinstance(name, str)] if isinstance(written, list) else []
    generates = any(_GENERATES.search(name) for name in names)
    if generates and not is_listed and "generation_config.json" not in paths:
        yield "there is no generation_config.json, and no listing shows whether the repository has one"
    has_template = bool(tokenizer.get("chat_template")) or any(_TEMPLATE.fullmatch(path) for path in paths)
    if not has_template and _CHATS.search(repo.rpartition("/")[2]):
        yield "there is no chat template, although its name indicates a chat model"
    elif not has_template and generates and not is_listed:
        yield "there is no chat template, and no listing shows whether the repository has one"
