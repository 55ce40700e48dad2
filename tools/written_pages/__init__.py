"""The pages and pictures of docs/ that are written by `tools/write_pages.py`, a module for each subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from written_pages import (
    accuracy_figure,
    command_line,
    compose_keys,
    demo,
    environment_variables,
    exit_codes,
    failures,
    http_api,
    memory_estimates,
    metrics,
    models_toml,
    rules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WRITERS: Mapping[str, Callable[[], str]] = {
    "rules.md": rules.write,
    "reference/models-toml.md": models_toml.write,
    "reference/compose-keys.md": compose_keys.write,
    "reference/command-line.md": command_line.write,
    "reference/http-api.md": http_api.write,
    "reference/exit-codes.md": exit_codes.write,
    "reference/environment-variables.md": environment_variables.write,
    "reference/metrics.md": metrics.write,
    "explanations/memory-estimates.md": memory_estimates.write,
    "assets/memory-estimates.svg": accuracy_figure.write,
}
"""What writes a page or a picture, by its path below docs/."""


def write_all() -> dict[str, str]:
    """Return the text of every page, by path below docs/."""
    return {**{path: write() for path, write in WRITERS.items()}, **failures.write_all(), **demo.write_all()}
