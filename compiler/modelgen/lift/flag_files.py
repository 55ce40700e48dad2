"""Find the YAML files of flags that `args` names, and put their entries below those of models.toml."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelgen.engines import ENGINES
from modelgen.load.document import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.load.document import Document


def with_flag_files(document: Document, read: Callable[[str], bytes]) -> Document:
    """Return a document with the files of flags that its models name.

    Args:
        document: The user's file.
        read: Returns the content of a file by its path relative to models.toml; raises OSError if it cannot be read.
    """
    files = {}
    for name, model in document.models.items():
        engine = ENGINES.get(model.engine or DEFAULT_ENGINE)
        written = (model.args or {}).get(engine.flags_file) if engine and engine.flags_file else None
        if engine is not None and isinstance(written, str):
            from modelgen.lift.yaml_flags import Named, read_flags  # few files name one, and importing YAML takes time

            place = partial(document.at_value, *document.origin(name, "args", engine.flags_file))
            shown = (PurePosixPath(document.source.path).parent / written).as_posix()
            own = {key: value for key, value in (model.args or {}).items() if key != engine.flags_file}
            files[name] = read_flags(engine, Named(written, shown, place), read, own)
    return replace(document, files=files) if files else document
