"""List the files that modules.json of a sentence-transformers model names and that are missing. Pure.

The rules are those of sentence-transformers, vLLM (get_pooling_config, try_get_dense_modules) and TEI
(get_backend_model_type).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MODULES = "modules.json"
# Modules without files: git keeps no empty folder, so theirs are on no hub.
_WITHOUT_FILES = ("Normalize", "Dropout", "Identity")
_WITH_WEIGHTS = ("Dense",)
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def missing_modules(modules: object, paths: Collection[str]) -> list[str]:
    """Return the missing files of modules by path; of two alternatives, the first.

    Args:
        modules: The value in modules.json.
        paths: The existing files.
    """
    return [path for kind, folder in _named(modules) for path in _missing(kind, folder, paths)]


def _named(modules: object) -> Iterator[tuple[str, str]]:
    """Yield the type, without its package, and the folder of each module that has a folder of its own."""
    for module in modules if isinstance(modules, list) else ():
        folder = module.get("path") if isinstance(module, dict) else None
        if isinstance(folder, str) and (folder := folder.strip("./")):
            yield str(module.get("type", "")).rpartition(".")[2], folder


def _missing(kind: str, folder: str, paths: Collection[str]) -> Iterator[str]:
    if kind in _WITHOUT_FILES:
        return
    if kind == "Pooling" or kind in _WITH_WEIGHTS:
        if f"{folder}/config.json" not in paths:
            yield f"{folder}/config.json"
    elif not any(path.startswith(f"{folder}/") for path in paths):
        yield f"{folder}/"
    if kind in _WITH_WEIGHTS and not any(f"{folder}/{name}" in paths for name in _WEIGHTS):
        yield f"{folder}/{_WEIGHTS[0]}"
