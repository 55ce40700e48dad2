"""Record where each value of a model was written, for explanations of later failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.load.document import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.load import Document
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun

_TABLES = ("args", "env", "compose", "loras")


def sources_of(document: Document, run: ModelRun) -> tuple[tuple[str, Path], ...]:
    """Return the keys of a model that were written, such as `args.max-model-len`, each with its path, sorted.

    Flags have the names of the engine's release, which may differ from those in the file.
    """
    found = dict(_of_engine(document, run))
    found |= _of_model(document, run)
    return tuple(sorted(found.items()))


def _of_engine(document: Document, run: ModelRun) -> Iterator[tuple[str, Path]]:
    table = (document.config.engines or {}).get(run.engine_name)
    if table is None:
        return
    path: Path = ("engines", run.engine_name)
    if table.image is not None:
        yield "image", (*path, "image")
    for variable in table.env or ():
        yield f"env.{variable}", (*path, "env", variable)


def _of_model(document: Document, run: ModelRun) -> Iterator[tuple[str, Path]]:
    name, model = run.name, run.model
    flags = {argument.key: argument.name + argument.inner for argument in run.arguments}
    flags |= {argument.key: argument.name for argument in run.plain_arguments}
    for key in model.model_fields_set:
        value = getattr(model, key)
        if value is None:
            continue
        if key not in _TABLES:
            yield key, document.origin(name, key)
            continue
        for item in value:
            relative = flags.get(item, item) if key == "args" else item
            place = document.origin(name, key, item)
            if place[0] == FILES:
                place = document.origin(name, "args", document.files[name].flag)
            yield f"{key}.{relative}", place
