"""Say what is left to do after an import."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from modelgen.diagnostics.masking import mask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.foreign import Service
    from modelgen.importing.programs import Call
    from modelgen.importing.writing import File


def notes_of(file: File, kind: str, others: Mapping[str, object]) -> list[str]:
    """Return what is printed: what to do for each model, what was left out, and what stays where it is."""
    found = []
    for table in file.tables:
        found += [f"`{table.id}`: {sentence}" for sentence in dict.fromkeys(table.to_do)]
    found += dict.fromkeys(file.to_do)
    if not file.card and file.devices:
        found.append("write the GPU's product in [gpus], or import again with `--gpu`")
    for table in file.tables:
        if table.left_out:
            words = ", ".join(dict.fromkeys(_short(what) for what in table.left_out))
            found.append(f"`{table.id}`: left out {words}; comments in its table say why")
    if file.left_out:
        words = ", ".join(dict.fromkeys(_short(what) for what in file.left_out))
        found.append(f"left out {words}; the first comment says why")
    name = posixpath.basename(file.path)
    listed = ", ".join(f"`{one}`" for one in others)
    if others and kind == "shell":
        found.append(f"other commands of {name} stay there: {', '.join(others)}")
    elif others and kind != "compose":
        found.append(
            f"{listed} {'runs' if len(others) == 1 else 'run'} no engine that modelgen knows: write it with "
            '`engine = "command"`'
        )
    elif others:
        models = ", ".join(f"`{table.lifted.name}`" for table in file.tables)
        found.append(
            f"{listed} {'stays' if len(others) == 1 else 'stay'} in {name}: remove {models} there, and add "
            "`include: [build/docker-compose.yml]`"
        )
    return found


def set_callers(file: File, called: Sequence[Call], services: Mapping[str, Service]) -> None:
    """Say what changes for the services that stay and use the models."""
    models = {table.lifted.name for table in file.tables}
    for call in called:
        if call.service in models and call.caller not in models:
            way_out = (
                f"write `http://orchestrator:8080{call.path}` there, and give it the network `edge` beside its own"
            )
            file.to_do.append(f"`{call.caller}` calls {mask(call.url)}: {way_out}")
    for name, service in services.items():
        waited = [one.name.text for one in service.depends_on if one.name.text in models]
        if name not in models and waited:
            awaited = ", ".join(f"`{one}`" for one in waited)
            way_out = "let it depend on `orchestrator`, which loads models at their first request"
            file.to_do.append(f"`{name}` depends on {awaited}: {way_out}")


def _short(what: str) -> str:
    first = what.partition(" ")[0].partition("=")[0]
    return " ".join(what.split()[:2]) if first in ("a", "alias", "name", "the", "hub", "profile") else first
