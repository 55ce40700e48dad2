"""Find repositories that a config names because their code is there: `org/repo--module.Class`.

transformers follows `auto_map` in every config that it reads (transformers#34855, dynamic_module_utils.py), and its
pipelines the `impl` of `custom_pipelines`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = ("auto_map", "custom_pipelines")
_CONFIGS = re.compile(r"config\.json|[\w-]+_config\.json")
# Maximum length of a list or table in config.json. Longer ones list layers, labels, or modules that are not quantized.
_MOST_ITEMS = 64


def may_name_code(path: str) -> bool:
    """Return whether a file is a config that may name code: the model's, its tokenizer's or a processor's."""
    return _CONFIGS.fullmatch(path) is not None


def code_repos(config: object) -> list[str]:
    """Return the repositories whose code a config names, at any depth, each once."""
    return [*dict.fromkeys(repo for repo in map(_repo, _references(config)) if repo is not None)]


def _references(value: object, *, is_named: bool = False) -> Iterator[str]:
    todo = [(value, is_named)]
    while todo:
        value, is_named = todo.pop()
        if isinstance(value, dict):
            todo += [(item, is_named or key in _KEYS) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            todo += [(item, is_named) for item in reversed(value)]
        elif isinstance(value, str) and is_named:
            yield value


def _repo(reference: str) -> str | None:
    repo, separator, _ = reference.partition("--")
    return repo if separator and is_repo_id(repo) else None


def reduced(config: str) -> str:
    """Return a large config.json without its long lists and tables; return a text that is not JSON unchanged."""
    try:
        table = json.loads(config)
        return json.dumps(_reduced(table), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return config


def _reduced(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {key: _reduced(item) for key, item in value.items() if not _is_long(item)}
    return [_reduced(item) for item in value] if isinstance(value, list) else value


def _is_long(value: object) -> bool:
    return isinstance(value, list | dict) and len(value) > _MOST_ITEMS
