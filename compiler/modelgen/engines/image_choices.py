"""Narrow the choices of a flag to those that the programs of an image take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.engines.images import properties

if TYPE_CHECKING:
    from modelgen.engines.catalogues import Flag
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Image


def choices_in(image: Image | None, flag: Flag | None, engine: Engine | None) -> Flag | None:
    """Return a flag with the choices that it has in an image, which may be fewer than those of the release."""
    is_known = image is not None and image.tag is not None and properties.is_release(image)
    if flag is None or engine is None or engine.image_choices is None or image is None or not is_known:
        return flag
    fewer = engine.image_choices(image.tag or "").get(flag.name)
    return replace(flag, choices=tuple(one for one in flag.choices if one in fewer)) if fewer else flag
