"""Which engine, image and version a model of the document runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES, images
from modelgen.engines.plain_flags import long_name
from modelgen.engines.versions import Image, Version, parse_image, parse_version, version_of
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from modelgen.engines.catalogue import Release
    from modelgen.load import Document
    from modelgen.load.locator import Path


class Resolved(NamedTuple):
    """What a model runs on.

    Args:
        engine: Its name, known or not.
        reference: The image as written, or None.
        place: The path at which the image is written, or would be.
        image: The reference's parts, or None where it is no reference.
        version: By the tag where the tag tells it, else by the engine's `version`; None where neither does.
    """

    engine: str
    reference: str | None
    place: Path
    image: Image | None
    version: Version | None


def resolve(document: Document, model: str) -> Resolved:
    """Return what `model` runs on; its own `image` goes before the engine's."""
    written = document.models[model]
    engine = written.engine or DEFAULT_ENGINE
    table = (document.config.engines or {}).get(engine)
    reference = written.image
    place = document.origin(model, "image")
    if reference is None and table is not None:
        reference, place = table.image, ("engines", engine, "image")
    image = parse_image(reference) if reference is not None else None
    version = version_of(image) if image else None
    if version is None and table is not None and table.version is not None:
        version = parse_version(table.version)
    return Resolved(engine, reference, place, image, version)


def release_of(resolved: Resolved) -> Release | None:
    """Return the flags of the release that a model runs on; None where its engine or version is not known."""
    engine = ENGINES.get(resolved.engine)
    if engine is None or engine.catalogue is None or resolved.version is None:
        return None
    return engine.catalogue().release(resolved.version)


def named_args(document: Document, model: str, resolved: Resolved) -> dict[str, Any]:
    """Return the `args` of a model by the names that its engine has for them."""
    args = document.models[model].args or {}
    return {name: value for key, value in args.items() if (name := flag_name(resolved, key)) is not None}


def flag_name(resolved: Resolved, key: str) -> str | None:
    """Return the name that an engine has for a key of `args`; None where its names are not known."""
    engine = ENGINES.get(resolved.engine)
    if (release := release_of(resolved)) is not None:
        return release.canonical(key)
    return long_name(engine, key) if engine is not None and engine.short_flags is not None else None


def account_of(document: Document, model: str, resolved: Resolved) -> images.Account:
    """Return whom the engine of `model` runs as."""
    keys = document.compose.get(document.origin(model, "compose"))
    user = None if keys is None or keys.user is None else str(keys.user)
    return images.account(resolved.image, resolved.version, user)
