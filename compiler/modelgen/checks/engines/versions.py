"""Check the versions of engines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen import engines
from modelgen.checks.engines.releases import release_image
from modelgen.diagnostics import Found, rule
from modelgen.engines.images.properties import version_of
from modelgen.engines.images.versions import parse_image, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.images.versions import Image, Version
    from modelgen.resolve import ModelRun

CONTAINER_TARGETS = frozenset({"compose"})


@rule("MG204", "unknown-version")
def unknown_version(context: Context) -> Iterator[Found]:
    """An image whose version of vLLM or SGLang is not known.

    ## Why
    The launch command and the flags depend on the version. modelgen does not guess it: `latest` and `nightly` move, and
    the tags of other projects have other meanings (`nvcr.io/nvidia/vllm:25.11-py3` is not vLLM 25.11).

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:latest"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "registry.example/vllm:2026-11"
    version = "0.30.0"
    ```
    """
    places = {
        run.place: (run, run.image)
        for run in context.runs.values()
        if needs_version(run) and run.image is not None and run.version is None
    }
    for path, (run, image) in places.items():
        engine = run.engine_name
        table = (context.document.config.engines or {}).get(engine)
        has_version = table is not None and table.version is not None
        if not has_version and not context.document.is_refused("engines", engine, "version"):
            yield Found(
                context.document.at_value(*path),
                f"the tag of `{run.reference}` does not show the version of {engines.ENGINES[engine].title}",
                _known_version(context, run, image),
            )
    if not CONTAINER_TARGETS.intersection(context.targets):
        yield from _unknown_without_image(context)


def _unknown_without_image(context: Context) -> Iterator[Found]:
    """Yield a finding for each model that runs without a container and has neither an image nor a version."""
    document = context.document
    for name, run in context.runs.items():
        table = ("engines", run.engine_name)
        refused = any(document.is_refused(*path) for path in (("models", name, "image"), (*table, "image"), table))
        if run.engine is None or not needs_version(run) or run.reference is not None or refused:
            continue
        if run.version is None and not document.is_refused(*table, "version"):
            yield Found(
                document.at_header("models", name),
                f"`{name}` has neither an image nor a `version` of {run.engine.title}",
                f'write `version = "…"` in `[engines.{run.engine_name}]`'
                if run.engine.on_host
                else f"{run.engine.title} runs only in a container: write `image`, and run `modelgen build`",
            )


@rule("MG205", "bad-version")
def bad_version(context: Context) -> Iterator[Found]:
    """A `version` that is invalid, older than modelgen's data, or different from the image's tag.

    ## Why
    The version decides how the engine is launched and which flags it has. modelgen's data begins at vLLM 0.8.5 and
    SGLang 0.4.6.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"
    version = "0.12.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "registry.example/vllm:ours"
    version = "0.12.0"
    ```
    """
    document = context.document
    for name, table in (document.config.engines or {}).items():
        if table.version is None:
            continue
        version = parse_version(table.version)
        image = parse_image(table.image) if table.image else None
        tagged = version_of(image) if image else None
        if name in engines.ENGINES and engines.ENGINES[name].catalogue is None:
            message, help_text = f"modelgen uses no version of the engine `{name}`", "remove `version`"
        elif version is None:
            message, help_text = f"`{table.version}` is not a version", 'write a release such as "0.11.0"'
        elif tagged and tagged.release != version.release:
            message = f"`version` is {version.text}, but the image's tag says {tagged.text}"
            help_text = "remove `version`: modelgen reads it from the tag"
        elif _is_too_old(name, version):
            message, help_text = _too_old(name, version)
        else:
            continue
        yield Found(document.at_value("engines", name, "version"), message, help_text)
    tagged_places = {
        run.place: (run.engine_name, version_of(run.image))
        for run in context.runs.values()
        if run.image and needs_version(run)
    }
    for path, (engine, tagged) in tagged_places.items():
        if tagged and _is_too_old(engine, tagged):
            yield Found(document.at_value(*path), *_too_old(engine, tagged))


def _known_version(context: Context, run: ModelRun, image: Image) -> str:
    """Return what to write so that the version is known.

    A number is taken only from a mirror of the engine's own images: the tags of other projects have their own numbers.
    """
    engine, table = engines.ENGINES[run.engine_name], f"[engines.{run.engine_name}]"
    if found := release_image(context, engine, image.name):
        return f'write `{found}`, or the version in this image as `version = "…"` in `{table}`'
    number = re.match(r"v?(\d+\.\d+\.\d+)(?:[-.]|$)", image.tag or "", re.ASCII)
    if number and engine.repository and image.name.endswith(f"/{engine.repository}"):
        return f'write `version = "{number[1]}"` in `{table}`'
    return f'write the version of {engine.title} in this image as `version = "…"` in `{table}`'


def needs_version(run: ModelRun) -> bool:
    """Return whether the flags of a model's engine depend on its version."""
    return run.engine is not None and run.engine.catalogue is not None


def _is_too_old(engine: str, version: Version) -> bool:
    flags = engines.ENGINES[engine].catalogue if engine in engines.ENGINES else None
    return flags is not None and version.release < flags().releases[0]


def _too_old(engine: str, version: Version) -> tuple[str, str]:
    title, flags = engines.ENGINES[engine].title, engines.ENGINES[engine].catalogue
    assert flags is not None, "only engines with a catalogue have an oldest version"  # noqa: S101 - an invariant
    return f"{title} {version.text} is older than modelgen's data", f"use {flags().names[0]} or newer"
