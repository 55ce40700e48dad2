"""Write a models.toml for the models in a hub directory: the starter file with other tables of models."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from modelgen.cli.configuration.suggested import base_of, engine_of, id_of, loras, model_table, service_part, text
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.hub.snapshot.checkpoint import Checkpoint
    from modelgen.hub.snapshot.scan import Found

_MODELS = "# One table a model;"
_OPTIONS = "# loras "
_PROFILES = "# Models of a profile "
_NAME = re.compile(r'^(name = "[^"]*") +(?=#)', re.MULTILINE)
_LONGEST_NAME = 63
_COMMENTED = re.compile(r'^((?:name|hub) *= "[^"\n]*") +(#.*)$', re.MULTILINE)
_HUB = re.compile(r'^hub( *)= "[^"]*"', re.MULTILINE)


def with_name(starter: str, folder: str) -> str:
    """Return the starter file with the project named after its folder, if Compose accepts that name."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", folder) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9_-]+", "-", plain.lower()).strip("-_")[:_LONGEST_NAME].rstrip("-_")
    written = f"name = {text(name)}" if name else None
    return _NAME.sub(lambda found: (written or found[1]).ljust(len(found[0]) - 1) + " ", starter, count=1)


def with_hub(starter: str, hub: str) -> str:
    """Return the starter file with another hub directory."""
    written = _HUB.sub(lambda found: f"hub{found[1]}= {text(hub)}", starter, count=1)
    lines = _COMMENTED.findall(written)
    width = max((len(pair) for pair, _ in lines), default=0)
    return _COMMENTED.sub(lambda found: f"{found[1].ljust(width)} {found[2]}", written)


def fill(starter: str, hub: str, found: Sequence[Found]) -> tuple[str, int, bool]:
    """Return the starter file with a table for each model, their number, and whether one needs a lock.

    Args:
        starter: The starter file.
        hub: The hub directory as models.toml names it.
        found: Complete snapshots, with at least one model among them.
    """
    head, _, rest = with_hub(starter, hub).partition(_MODELS)
    intro, _, rest = rest.partition("\n")
    options, _, profiles = rest[rest.index(_OPTIONS) :].partition(_PROFILES)
    profiles_intro = profiles.partition("\n")[0]
    models = [one for one in found if one.checkpoint.kind != "lora"]
    # A chat model first: the first model is loaded by default.
    models.sort(key=lambda one: (engine_of(one.checkpoint).name != DEFAULT_ENGINE, one.repo))
    names = _ids([one.repo for one in found])
    adapters, strays = _adapters(found, names)
    tables = [model_table(names[one.repo], one.repo, one.checkpoint, "gpu0", adapters.get(one.repo)) for one in models]
    lines = options.rstrip().splitlines()
    tables[0] += "".join(f"{line}\n" for line in lines if "loras" not in tables[0] or not line.startswith(_OPTIONS))
    engines = {engine.name: engine for engine in (engine_of(one.checkpoint) for one in models)}
    images = [
        f"[engines.{name}]\nimage = {text(engine.starter.image)}\n"
        for name, engine in sorted(engines.items())
        if engine.starter is not None
    ]
    name = next(name for name in ("main", "start", "first", "default-models") if name not in names.values())
    first = names[models[0].repo]
    blocks = [
        head + "\n".join([*images, ""] if images else []) + f"{_MODELS}{intro}\n" + "\n".join(tables),
        *strays,
        f"{_PROFILES}{profiles_intro}\n[profiles.{name}]\nmodels  = [{text(first)}]\ndefault = true\n",
    ]
    return "\n".join(blocks), len(models), any(engine.needs_snapshot for engine in engines.values())


def _adapters(
    found: Sequence[Found], names: dict[str, str]
) -> tuple[dict[str, dict[str, tuple[str, Checkpoint]]], list[str]]:
    """Return the adapters of each base model found, and comments for adapters without their base."""
    served = {one.repo for one in found if one.checkpoint.kind == "model"}
    adapters: dict[str, dict[str, tuple[str, Checkpoint]]] = {}
    strays = []
    for one in found:
        if one.checkpoint.kind != "lora":
            continue
        base, name = base_of(one.checkpoint), names[one.repo]
        if base in served and base is not None:
            adapters.setdefault(base, {})[name] = (one.repo, one.checkpoint)
        else:
            of = f"of {base}" if base else "of a model that it names by a path"
            strays.append(
                f"# {one.repo} is an adapter {of}, which is not in the hub directory:\n# {loras({name: one.repo})}\n"
            )
    return adapters, strays


def _ids(repos: Sequence[str]) -> dict[str, str]:
    """Return an id for each repository; ids that would give the same service get their namespaces."""
    services: dict[str, list[str]] = {}
    for repo in repos:
        services.setdefault(service_part(id_of(repo)), []).append(repo)
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for same in services.values():
        for repo in same:
            name = id_of(repo) if len(same) == 1 else repo.replace("/", "-").lstrip("_")
            number = 2
            while service_part(name) in taken or (len(same) > 1 and service_part(name) in services):
                name, number = f"{name}-{number}", number + 1
            taken.add(service_part(name))
            ids[repo] = name
    return ids
