"""Read a file of github.com/vllm-project/recipes: each variant is a service that the recipe's engine starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.foreign.services import Foreign, Service, Unread, Variable
from modelgen.foreign.yaml_nodes import TooLargeError

if TYPE_CHECKING:
    from yaml import Node

    from modelgen.foreign.values import Value
    from modelgen.foreign.yaml_nodes import Entry, Reader

_MOST_WORDS = 1_000_000
_VERSION = re.compile(r"min_(?P<engine>[a-z]+)_version")


def is_recipe(reader: Reader, root: Node | None) -> bool:
    """Return whether a file is a recipe: a model with an id, and variants."""
    top = reader.entries(root)
    return "variants" in top and "model" in top and "model_id" in reader.entries(top["model"].value)


def read_recipe(reader: Reader, root: Node | None) -> Foreign:
    """Read the variants, each with the arguments of the model and of its features.

    The least release that a recipe names is not the one that runs: newer flags are right, too.
    """
    top = reader.entries(root)
    model = reader.entries(top["model"].value)
    named = reader.value(model["model_id"].value)
    engine = next((one["engine"] for key in model if (one := _VERSION.fullmatch(key))), "")
    if named is None or not engine:
        reason = Unread(reader.span(top["model"].key), "the recipe names no model and no release", is_error=True)
        return Foreign("recipe", (reader.source,), unread=(reason,))
    features = reader.entries(top["features"].value) if "features" in top else {}
    shared = [named, *_texts(reader, model, "base_args")]
    for feature in features.values():
        shared += _texts(reader, reader.entries(feature.value), "args")
    variants = reader.entries(top["variants"].value)
    if len(shared) * len(variants) > _MOST_WORDS:
        raise TooLargeError
    images = model["docker_image"].value if "docker_image" in model else None
    of_kinds = [reader.value(one.value) for one in reader.entries(images).values()]
    image = next(iter(of_kinds), None) or reader.value(images)
    services = {}
    for name, entry in variants.items():
        variant = reader.entries(entry.value)
        own = reader.value(variant["model_id"].value) if "model_id" in variant else None
        words = [own or named, *shared[1:], *_texts(reader, variant, "extra_args")]
        services[name] = Service(
            name=reader.key(entry.key),
            image=image,
            is_built="dependencies" in top,
            command=tuple(words),
            variables=_environment(reader, model, "base_env") | _environment(reader, variant, "extra_env"),
            on_host=True,
            engine=engine,
        )
    return Foreign("recipe", (reader.source,), services)


def _texts(reader: Reader, entries: dict[str, Entry], key: str) -> list[Value]:
    items = reader.items(entries[key].value) if key in entries else ()
    return [text for item in items if (text := reader.value(item)) is not None]


def _environment(reader: Reader, entries: dict[str, Entry], key: str) -> dict[str, Variable]:
    found = reader.entries(entries[key].value) if key in entries else {}
    return {name: Variable(reader.key(one.key), reader.value(one.value)) for name, one in found.items()}
