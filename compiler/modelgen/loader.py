"""Describe how an engine finds the weights in a snapshot: `engines` fills it in, `lockfile` and `hub` apply it."""

from __future__ import annotations

from typing import NamedTuple


class Loader(NamedTuple):
    """The rules by which an engine finds the weights in a snapshot.

    Args:
        name: The engine and the deciding argument, as in "vLLM 0.11.0 with --load-format mistral".
        globs: Alternatives in the engine's order of preference. It reads all files that match the first alternative
            with any match. Empty if it reads no weights.
        takes_repos: Whether it loads a repository, and not only a named file.
    """

    name: str
    globs: tuple[tuple[str, ...], ...]
    takes_repos: bool = True


SOME_LOADER = Loader(
    "an engine",
    (("model.safetensors", "model-*-of-*.safetensors"), ("*.safetensors",), ("*.bin",), ("*.pt",), ("*.gguf",)),
)
"""An engine whose loading is unknown, beside others that read the same repository."""
