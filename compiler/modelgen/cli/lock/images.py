"""Resolve the container images of a lock: keep known digests, look up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from modelgen.cli.hub.locked import Inputs
    from modelgen.lockfile.entries import Image, Lock
    from modelgen.resolve import ModelRun

_DEFAULT_ARCH = "amd64"


def references(runs: Mapping[str, ModelRun]) -> dict[str, list[str]]:
    """Return the images that the models run on, each with its models; none that is built, which no registry has."""
    found: dict[str, list[str]] = {}
    for name, run in runs.items():
        if run.reference is not None and run.image is not None and run.build is None:
            found.setdefault(run.reference, []).append(name)
    return found


def look_up_images(
    inputs: Inputs, old: Lock, moved: Collection[str], *, local_only: bool, only: Collection[str] | None = None
) -> tuple[list[Image], list[str]]:
    """Return the lock's entries for all images, and warnings for those that no registry resolved.

    Args:
        inputs: The models.toml.
        old: The existing lock.
        moved: Models whose images are looked up again.
        local_only: Look only in the local engine.
        only: Models whose images may change; None for all.
    """
    from modelgen.lockfile.entries import Image

    wanted = references(inputs.runs)
    if only is not None:
        wanted = {name: models for name, models in wanted.items() if not set(only).isdisjoint(models)}
    known = {image.reference: image for image in old.images if image.config_digest or image.manifest_digest}
    asked = [name for name, models in wanted.items() if name not in known or not set(moved).isdisjoint(models)]
    entries = {name: known[name] for name in wanted if name in known}
    problems: dict[str, list[str]] = {}
    if asked:
        from modelgen.operate import images

        host = inputs.document.config.host
        arch = (host and host.arch) or _DEFAULT_ARCH
        for name, found in images.look_up(asked, arch, local_only=local_only).items():
            if found.is_known:
                entries[name] = Image(reference=name, config_digest=found.config, manifest_digest=found.manifest)
            else:
                problems.setdefault(found.problem, []).append(name)
                entries.setdefault(name, Image(reference=name))
    if only is not None:
        entries |= {image.reference: image for image in old.images if image.reference not in wanted}
    return [entries[name] for name in sorted(entries)], [] if local_only else _warn(problems, known)


def _warn(problems: dict[str, list[str]], known: Collection[str]) -> list[str]:
    """Return a warning for each reason why images could not be resolved."""
    if not problems:
        return []
    warnings = []
    for problem, names in problems.items():
        kept = "as before" if all(name in known for name in names) else "by name only"
        warnings.append(f"{', '.join(names)} {'are' if names[1:] else 'is'} in the lock {kept}: {problem}")
    warnings[-1] += "; run `modelgen lock` again where Docker reaches the registry"
    return warnings
