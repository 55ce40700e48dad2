"""Find the image of a release to recommend in place of one that names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.host import runs_cuda
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
    return runs_on_host(image, version, host.driver, host.arch)


def runs_on_host(image: Image, version: Version | None, driver: str | None, arch: str | None) -> bool:
    """Return whether nothing is known for which an image does not run with a driver, on an architecture.

    Args:
        image: The image.
        version: Its release.
        driver: The driver's version; None if it is not known.
        arch: The architecture; None if it is not known.
    """
    cuda, arches = properties.cuda_of(image, version), properties.arches_of(image, version)
    has_driver = cuda is None or driver is None or runs_cuda(driver, cuda)
    return has_driver and (arch is None or not arches or arch in arches)
