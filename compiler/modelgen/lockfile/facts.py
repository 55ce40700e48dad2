"""Decide which facts about a snapshot the lock needs beside its config.json: templates, code, imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.lockfile.entries import Snapshot
    from modelgen.lockfile.wants import Want

TOKENIZER_CONFIG, PROCESSOR_CONFIG = "tokenizer_config.json", "processor_config.json"
TEMPLATE_FILES = ("chat_template.jinja", "additional_chat_templates/default.jinja", "chat_template.json")
"""Files that are chat templates; transformers prefers them to the key of the configs (processing_utils.py)."""
TEMPLATE_CONFIGS = (TOKENIZER_CONFIG, PROCESSOR_CONFIG)
"""Configs that may have the key `chat_template`."""
CONFIGS = ("config.json", TOKENIZER_CONFIG, PROCESSOR_CONFIG, "preprocessor_config.json")
CODE = ".py"
GGUF = ".gguf"


def has_facts(want: Want) -> bool:
    """Return whether `modelgen lock` records facts about a repository in this use."""
    return want.form == "checkpoint" or want.role in ("tokenizer", "code")


def lacks_facts(want: Want, entry: Snapshot) -> bool:
    """Return whether an entry lacks facts, because an older modelgen wrote it or its repository had another use."""
    if lacks_headers(entry):
        return True
    if not has_facts(want):
        return False
    has_code = runs_code(want) and any(path.endswith(CODE) for path in entry.by_path)
    return entry.facts is None or (has_code and entry.facts.imports is None)


def lacks_headers(entry: Snapshot) -> bool:
    """Return whether an entry lacks the facts about its GGUF files."""
    return entry.gguf is None and any(path.endswith(GGUF) for path in entry.by_path)


def tells_facts(want: Want, path: str) -> bool:
    """Return whether a file is read for the facts about a repository."""
    if not has_facts(want):
        return False
    return path in (*CONFIGS, *TEMPLATE_FILES) or (runs_code(want) and path.endswith(CODE))


def runs_code(want: Want) -> bool:
    """Return whether code of a repository may run in this use."""
    return want.trusted or want.role == "code"
