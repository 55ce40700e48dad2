"""Check the versions of engines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen import engines
from modelgen.checks.engines.releases import release_image
from modelgen.checks.gpu_kinds import UNSUPPORTED, is_for_unsupported
from modelgen.diagnostics import Found, rule
from modelgen.engines.catalogues import release_numbers
from modelgen.engines.images.properties import kind_of, version_of
from modelgen.engines.images.versions import Image, parse_image, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun

CONTAINER_TARGETS = frozenset({"compose"})

_INTEL = "intel"


@rule("MG204", "unknown-version")
def unknown_version(context: Context) -> Iterator[Found]:
    """An image whose version of vLLM or SGLang is not known.

    ## Why
    The launch command and the flags depend on the version. modelgen does not guess it: `latest` and `nightly` move, and
    the tags of other projects have other meanings (`nvcr.io/nvidia/vllm:25.11-py3` is not vLLM 25.11). A `version`
    describes the image of the same table: the one in `[engines.vllm]` says nothing about an image in `[models.ID]`.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:latest"
    ```

    ```toml
    [engines.vllm]
    image = "registry.example/vllm:2026-11"
    version = "0.30.0"

    [models.qwen]
    image = "registry.example/vllm/vllm-openai:v0.31.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "registry.example/vllm:2026-11"
    version = "0.30.0"

    [models.qwen]
    image = "registry.example/vllm:2026-12"
    version = "0.31.0"
    ```
    """
    document = context.document
    places = {
        run.place: (run, run.image)
        for run in context.runs.values()
        if needs_version(run) and run.image is not None and run.version is None and run.written_version is None
    }
    for path, (run, image) in places.items():
        if any(document.is_refused(*table, "version") for table in run.image_tables) or is_for_unsupported(run):
            continue
        if kind_of(image) == _INTEL and run.model.gpus:  # another rule reports that the image is not for the GPU
            continue
        title, tag = engines.ENGINES[run.engine_name].title, image.tag or ""
        message = f"the tag of `{run.reference}` does not show the version of {title}"
        if parse_version(tag) is not None:
            message = f"`{image.name}` is no image that modelgen knows, so `{tag}` may not be the version of {title}"
        yield Found(document.at_value(*path), message, _known_version(context, run, image))
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
        is_written = run.written_version is not None or document.is_refused(*table, "version")
        if not is_written and not document.is_refused("models", name, "version"):
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
    image = "vllm/vllm-openai:v0.30.0"
    version = "0.29.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "registry.example/vllm:ours"
    version = "0.29.0"
    ```
    """
    document = context.document
    for path, (engine, text, reference) in _written_versions(context).items():
        version, image = parse_version(text), parse_image(reference) if reference else None
        tagged = version_of(image) if image else None
        if image and kind_of(image) in UNSUPPORTED:
            continue
        if version is None:
            plain_flags = engines.ENGINES[engine].plain_flags
            newest = plain_flags().names[-1] if plain_flags else "0.11.0"
            message, help_text = f"`{text}` is not a version", f'write a release such as "{newest}"'
        elif tagged and tagged.release != version.release:
            message = f"`version` is {version.text}, but the image's tag says {tagged.text}"
            help_text = "remove `version`: modelgen reads it from the tag"
        elif _is_too_old(engine, version):
            message, help_text = _too_old(engine, version)
            if image and tagged is None and text in (image.tag or ""):
                help_text = _of_the_engine(engine)
        elif tagged is None and _is_of_another_project(engine, version):
            title, newest = engines.ENGINES[engine].title, _names(engine)[-1]
            message = f"{title} {version.text} is not known: modelgen's data ends at {newest}"
            help_text = _of_the_engine(engine)
        else:
            continue
        yield Found(document.at_value(*path), message, help_text)
    tagged_places = {
        run.place: (run.engine_name, version_of(run.image))
        for run in context.runs.values()
        if run.image and needs_version(run)
    }
    for path, (engine, tagged) in tagged_places.items():
        if tagged and _is_too_old(engine, tagged):
            yield Found(document.at_value(*path), *_too_old(engine, tagged))


def _of_the_engine(engine: str) -> str:
    title = engines.ENGINES[engine].title
    return f"write the version of {title} that is in the image; its tag may count something else"


def _known_version(context: Context, run: ModelRun, image: Image) -> str:
    """Return what to write so that the version is known.

    A number is taken only from a mirror of the engine's own images: the tags of other projects have their own numbers.
    """
    engine = engines.ENGINES[run.engine_name]
    table = "the model's table" if run.place[0] == "models" else f"`[{'.'.join(map(str, run.place[:-1]))}]`"
    own = f'the version in this image as `version = "…"` in {table}'
    if found := release_image(context.document.config.host, engine, image.name):
        return f"write `{found}`, or {own}"
    if kind_of(image) == "amd" and (advice := _for_amd(engine)):
        return f"{advice}, or {own}"
    host = context.document.config.host
    if host and host.driver and engine.catalogue and version_of(Image(image.name, f"v{_names(engine.name)[-1]}", None)):
        return f"no known release runs on every GPU with driver {host.driver}: update the driver, or write {own}"
    number = re.match(r"v?(\d+\.\d+\.\d+)(?:[-.]|$)", image.tag or "", re.ASCII)
    if number and engine.repository and image.name.endswith(f"/{engine.repository}"):
        return f'write `version = "{number[1]}"` in {table}'
    return f'write the version of {engine.title} in this image as `version = "…"` in {table}'


def _for_amd(engine: Engine) -> str:
    """Return which image of the newest known release to write for AMD GPUs; empty if the engine has none."""
    newest = parse_version(_names(engine.name)[-1])
    return engine.for_cards({"amd"}, newest) if engine.for_cards else ""


def _written_versions(context: Context) -> dict[Path, tuple[str, str, str | None]]:
    """Return every `version` by its path: the engine, the text, and the image that it describes."""
    found: dict[Path, tuple[str, str, str | None]] = {
        ("engines", name, "version"): (name, table.version, table.image)
        for name, table in (context.document.config.engines or {}).items()
        if table.version is not None and name in engines.ENGINES
    }
    for run in context.runs.values():
        if run.written_version is not None and (needs_version(run) or (run.engine and run.engine.plain_flags)):
            path, text = run.written_version
            found.setdefault(path, (run.engine_name, text, run.reference))
    return found


def needs_version(run: ModelRun) -> bool:
    """Return whether the flags of a model's engine depend on its version."""
    return run.engine is not None and run.engine.catalogue is not None


def _is_of_another_project(engine: str, version: Version) -> bool:
    """Return whether the first number is above that of every known release: opea/vllm-gaudi:1.22.0 is vLLM 0.10."""
    names = _names(engine)
    return bool(names) and version.release[0] > release_numbers(names[-1])[0]


def _names(engine: str) -> tuple[str, ...]:
    flags = engines.ENGINES[engine].catalogue
    return flags().names if flags else ()


def _is_too_old(engine: str, version: Version) -> bool:
    flags = engines.ENGINES[engine].catalogue if engine in engines.ENGINES else None
    return flags is not None and version.release < flags().releases[0]


def _too_old(engine: str, version: Version) -> tuple[str, str]:
    title, flags = engines.ENGINES[engine].title, engines.ENGINES[engine].catalogue
    assert flags is not None, "only engines with a catalogue have an oldest version"  # noqa: S101 - an invariant
    return f"{title} {version.text} is older than modelgen's data", f"use {flags().names[0]} or newer"
