"""Import the entries of a YAML file of flags that a command line names, as `--config` of vLLM does."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from modelgen.importing.folders import host_path
from modelgen.lift.arguments import Entry
from modelgen.lift.document import Lifted

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.foreign import Service


def with_file_entries(lifted: Lifted, read: Callable[[str], bytes]) -> tuple[Lifted, dict[str, str]]:
    """Return a server with the entries of its file of flags below those of its command line, and what is said of it.

    A file that cannot be read, or that has entries which no flag can have, stays a flag, which is left out.

    Args:
        lifted: The server.
        read: Returns the content of a file by its path relative to the foreign file, or raises OSError.
    """
    server, entries = lifted.server, dict(lifted.line.entries)
    written = entries.get(server.engine.flags_file)
    path = _beside(server.service, written.text) if written is not None and written.text else None
    if written is None or path is None:
        return lifted, {}
    from modelgen.lift.yaml_flags import Named, read_flags  # few command lines name one

    file = read_flags(server.engine, Named(path, path, lambda: written.at_value.span), read, {})
    if file.faults:
        return lifted, {}
    del entries[written.name]
    model, names = lifted.model, server.engine.line.model if server.engine.line else ()
    catalogue = server.engine.catalogue() if server.engine.catalogue else None
    for key, value in file.args.items():
        name = catalogue.canonical(key) if catalogue else key
        entries.setdefault(name, Entry(key, name, _word(value), written.at_key, written.at_value))
        if model is None and name in names and isinstance(value, str):
            model = written.at_value._replace(text=value)
    line = lifted.line._replace(entries=entries)
    said = {f"--{written.key} {written.text}": "its entries are in `args`"}
    return Lifted(server, line, model, lifted.is_positional), said


def _beside(service: Service, path: str) -> str | None:
    """Return where a file of the service lies, relative to the foreign file; None if that is not known."""
    found = posixpath.normpath(host_path(service, path) or "/")
    return None if found.startswith(("/", "~", "..")) else f"./{found}"


def _word(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    """Return a value as a command line has it."""
    if isinstance(value, list):
        return [_word(one) for one in value]
    return value if isinstance(value, str | bool) else json.dumps(value)
