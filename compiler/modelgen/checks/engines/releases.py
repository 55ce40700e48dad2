"""Find the image of a release to recommend in place of one that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.host import TOOLKIT_DRIVERS, dotted
from modelgen.engines.images import properties
from modelgen.engines.images.versions import Image, parse_image, parse_version

if TYPE_CHECKING:
    from modelgen.config.tables import Host
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version


def release_image(
    host: Host | None, engine: Engine, name: str, version: Version | None = None, capability: str = ""
) -> str | None:
    """Return the image of a release that the host runs; None if the tags of a repository name no release.

    Args:
        host: The facts about the host.
        engine: The engine.
        name: The repository of images, such as `vllm/vllm-openai`.
        version: The release; None for the newest that the catalogue has.
        capability: The capability that the image must have kernels for, if it is known; empty for any.
    """
    if engine.catalogue is None:
        return None
    for release in [version.text] if version else reversed(engine.catalogue().names):
        image, number = Image(name, f"v{release}", None), parse_version(release)
        if properties.version_of(image) is None:
            return None
        older = properties.older_cuda_tag(image, number)
        for candidate in (f"{name}:v{release}", older):
            parsed = parse_image(candidate) if candidate else None
            has_kernels = not capability or (parsed and properties.runs_on(parsed, number, capability) is not False)
            if parsed and has_kernels and _runs(host, parsed, number):
                return candidate
    return None


def _runs(host: Host | None, image: Image, version: Version | None) -> bool:
    """Return whether nothing that `[host]` says is against an image."""
    if host is None:
        return True
    own = TOOLKIT_DRIVERS.get(properties.cuda_of(image, version) or (0, 0))
    arches = properties.arches_of(image, version)
    is_old = host.driver is not None and own is not None and dotted(host.driver) < (own,)
    return not is_old and (host.arch is None or not arches or host.arch in arches)
