"""Check the modules of sentence-transformers: the pipeline in modules.json, one folder per module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.hub.loading.findings import REPOSITORY, Defect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

MODULES, TEI_POOLING = "modules.json", "1_Pooling/config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# It has no files, and git keeps no empty folder.
_WITHOUT_FILES = "Normalize"


def missing_modules(plan: Plan, files: Files, config: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield a defect for each missing part of a sentence-transformers pipeline.

    Without the pooling module, vLLM uses another pooling than the model's, or fails; TEI fails.

    Args:
        plan: The plan of the model.
        files: The model's own snapshot.
        config: Its config.json.
    """
    if MODULES in files:
        written = files.json(MODULES)
        if not isinstance(written, list):
            yield Defect("modules", MODULES, "is not JSON, or not a list of modules", keys=REPOSITORY)
            return
        for module in written:
            if isinstance(module, dict):
                yield from _missing_module(files, str(module.get("type", "")), str(module.get("path", "")))
    needs_pooling = plan.opens.pooling and "pooling" not in plan.args and not _classifies(config)
    if needs_pooling and TEI_POOLING not in files:
        text = (
            f"is missing, and `pooling` is not in the model's `args`: {plan.title} does not start without one of them"
        )
        yield Defect("modules", TEI_POOLING, text, "set `pooling` in the model's `args`")


def _missing_module(files: Files, kind: str, path: str) -> Iterator[Defect]:
    folder, kind = path.strip("/"), kind.rpartition(".")[2]
    if not folder or kind == _WITHOUT_FILES:
        return
    config = f"{folder}/config.json"
    if kind in ("Pooling", "Dense") and config not in files:
        yield Defect("modules", config, f"is missing: {MODULES} names it for {kind.lower()}")
    elif kind == "Dense" and not files.first(*(f"{folder}/{name}" for name in _WEIGHTS)):
        yield Defect("modules", f"{folder}/{_WEIGHTS[0]}", f"is missing: {MODULES} names it")
    elif not any(name.startswith(f"{folder}/") for name in files.sizes):
        yield Defect("modules", f"{folder}/*", f"is missing: {MODULES} names that folder for {kind or 'a module'}")


def _classifies(config: Mapping[str, Any]) -> bool:
    names = config.get("architectures")
    return isinstance(names, list) and any(str(name).endswith("ForSequenceClassification") for name in names)
