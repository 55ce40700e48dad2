"""Compare the base models of LoRA adapters, as models.lock has them, with the models that they are loaded into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.lock.lock_adapters import adapter_place
from modelgen.diagnostics import Found, Severity, rule
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context

# Words in a repository's name that say how the weights are stored, not which model they are.
_STORAGE = re.compile(
    "awq|bnb|4bit|8bit|bf16|fp16|fp8|dynamic|gptq|int4|int8|w4a16|w8a8|nvfp4|hf|marlin|quantized|unsloth|meta"
)
_SIZE = re.compile(r"\d+(?:\.\d+)?[bm]")
_WORDS = re.compile(r"[a-z]+\d*(?:\.\d+)?|\d+(?:\.\d+)?[a-z]*")


@rule("MG530", "adapter-of-another-base", Severity.WARNING)
def adapter_of_another_base(context: Context) -> Iterator[Found]:
    """A LoRA adapter whose adapter_config.json names another base model.

    ## Why
    An adapter fits only the weights that it was trained for. With another model of the same shape, vLLM loads it and
    answers nonsense; with one of another shape, it stops.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    loras = { sql = "namespace/sql-lora" }
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-4B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots]]
    repo = "namespace/sql-lora"
    commit = "2b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a"
    files = [{ path = "adapter_config.json", size = 26, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" }]
    config = '{"peft_type": "LORA", "r": 8, "base_model_name_or_path": "Qwen/Qwen3-8B"}'
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-8B"
    loras = { sql = "namespace/sql-lora" }
    args = { max-model-len = 16384 }
    ```

    ```lock
    [[snapshots]]
    repo = "Qwen/Qwen3-8B"
    commit = "1cfa9a7208912126459214e8b04321603b3df60c"
    files = [{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }]

    [[snapshots]]
    repo = "namespace/sql-lora"
    commit = "2b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a"
    files = [{ path = "adapter_config.json", size = 26, blob = "0b0c4c9a0c1a2f3b4d5e6f708192a3b4cb0a5b1e" }]
    config = '{"peft_type": "LORA", "r": 8, "base_model_name_or_path": "Qwen/Qwen3-8B"}'
    ```
    """
    for name, pins in context.pins.items():
        repo = context.models[name].repo
        for lora, config in pins.adapters.items():
            base = config.get("base_model_name_or_path")
            if repo and isinstance(base, str) and is_repo_id(base) and _are_others(base, repo):
                yield Found(
                    adapter_place(context, name, lora),
                    f"the adapter `{lora}` was trained for {base}, not for {repo}",
                    f"use an adapter of {repo}, or list this one in a model with that base",
                )


def _are_others(one: str, other: str) -> bool:
    """Return whether two names mean different models: neither has all the words of the other.

    A name without a size, such as `output/checkpoint-500`, may be a folder of the training.
    """
    first, second = _words(one), _words(other)
    are_sized = all(any(map(_SIZE.fullmatch, words)) for words in (first, second))
    return are_sized and not (first <= second or second <= first)


def _words(repo: str) -> set[str]:
    return {word for word in _WORDS.findall(repo.rpartition("/")[2].lower()) if not _STORAGE.fullmatch(word)}
