"""Check image references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.engines.releases import release_image
from modelgen.checks.engines.versions import CONTAINER_TARGETS, needs_version
from modelgen.checks.several_models import as_one
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.images import properties
from modelgen.engines.images.properties import is_floating
from modelgen.engines.images.versions import parse_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.images.versions import Image
    from modelgen.load.locator import Path
    from modelgen.resolve import ModelRun


@rule("MG202", "missing-image")
@as_one("have no image")
def missing_image(context: Context) -> Iterator[tuple[str, Found]]:
    """A model without a container image.

    ## Why
    A container target has nothing to start. There is no default image, because the version in it decides how the engine
    is launched.

    ## Bad
    ```toml
    [engines.vllm]
    version = "0.30.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"
    ```
    """
    if not CONTAINER_TARGETS.intersection(context.targets):
        return
    for name, run in context.runs.items():
        document, engine = context.document, run.engine_name
        if run.reference is None and run.engine is not None and document.lacks(name, "image"):
            if document.is_refused("engines", engine, "image"):
                continue
            if _built(context, engine):
                place = document.at_key("engines", engine, "build")
                help_text = f'write `image = "my/{engine}:1"` in `[engines.{engine}]`, the name of what is built'
                yield name, Found(place, f"`[engines.{engine}]` has a `build` but no `image`", help_text)
                continue
            yield (
                name,
                Found(
                    document.at_header("models", name),
                    f"`{name}` has no image",
                    f'write `image = "{_image_of(context, run)}"` here or in `[engines.{engine}]`{_for_serve(context)}',
                ),
            )


@rule("MG203", "bad-image")
def bad_image(context: Context) -> Iterator[Found]:
    """An `image` that is not an image reference.

    ## Why
    Docker would refuse it on the host, when everything else is already prepared.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai: v0.30.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"
    ```
    """
    for path, reference in _images(context).items():
        if parse_image(reference) is None:
            name, colon, tag = re.sub(r"\s*([:/@])\s*", r"\1", reference.strip()).rpartition(":")
            meant = f"{name.lower()}{colon}{tag}" if name else tag.lower()
            yield Found(
                context.document.at_value(*path),
                f"`{reference}` is not an image reference",
                f"write `{meant}`: in lower case, without spaces"
                if parse_image(meant)
                else "write `name:tag`, with the name in lower case",
            )


@rule("MG206", "floating-image", Severity.WARNING)
def floating_image(context: Context) -> Iterator[Found]:
    """An image whose tag can move: `latest`, `nightly`, or no tag.

    ## Why
    The next pull can bring another version than the one in models.toml, and Compose always pulls `latest`. Half of the
    public files with vLLM name no release.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:latest"
    version = "0.30.0"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"
    ```
    """
    for path, reference in _images(context).items():
        image = parse_image(reference)
        if image is None or properties.tag_with_server(image) is not None:
            continue
        if is_floating(image) and not _is_built(context, path) and not _is_unknown(context, path):
            tag = f"the tag `{image.tag}` can move" if image.tag else f"`{reference}` has no tag and means `latest`"
            yield Found(context.document.at_value(*path), tag, _release_of(context, path, image))


@rule("MG573", "unpublished-tag", Severity.WARNING)
def unpublished_tag(context: Context) -> Iterator[Found]:
    """A tag that the engine's project did not publish: `0.19.0` for `v0.19.0`, or a patch between two releases.

    ## Why
    `docker pull` fails on the host: "manifest unknown". A release that is newer than modelgen's data is not reported,
    nor an image with a digest, whose tag Docker does not read.

    ## Bad
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:0.30.0"
    ```

    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.19.9"
    ```

    ## Good
    ```toml
    [engines.vllm]
    image = "vllm/vllm-openai:v0.30.0"
    ```
    """
    for path, run in {run.place: run for run in context.runs.values()}.items():
        image = run.image
        if image is None or not image.tag or image.digest or _is_built(context, path):
            continue
        if tag := properties.published_tag(image) or _nearest_tag(run, image):
            place = context.document.at_value(*path)
            yield Found(place, f"the tag `{image.tag}` was not published", f'write `image = "{image.name}:{tag}"`')


def _nearest_tag(run: ModelRun, image: Image) -> str | None:
    """Return the tag of the nearest release if the one of an image is between two releases, and none itself."""
    version, engine = properties.version_of(image), run.engine
    if engine is None or engine.catalogue is None or image.name != engine.repository or version is None:
        return None
    catalogue, number = engine.catalogue(), ".".join(map(str, version.release))
    is_between = catalogue.releases[0] < version.release < catalogue.releases[-1]
    if version.text != number or number in catalogue.names or not is_between:
        return None  # candidates and corrections (rc1, post1) are published without a release
    return f"v{catalogue.release(version).name}"


def _for_serve(context: Context) -> str:
    """Return what to write instead for `modelgen serve`, if that could run every model of a file without images."""
    runs = context.runs.values()
    if any(run.reference is not None or run.engine is None or not run.engine.on_host for run in runs):
        return ""
    silent = [run for run in runs if run.engine is not None and run.engine.needs_repo and run.version is None]
    if not silent:
        return ""
    tables = " and ".join(dict.fromkeys(f"`[engines.{run.engine_name}]`" for run in silent))
    return f"; for `modelgen serve`, without Docker, write the `version` that is installed in {tables}"


def _image_of(context: Context, run: ModelRun) -> str:
    """Return an image for a model without one: of the version that is written, or of the newest known release."""
    engine = run.engine
    if engine is not None and engine.repository:
        return release_image(context.document.config.host, engine, engine.repository, run.version) or "…"
    return engine.starter.image if engine is not None and engine.starter else "…"


def _release_of(context: Context, path: Path, image: Image) -> str:
    """Return what to write for an image whose tag can move."""
    for run in context.runs.values():
        if (
            run.place == path
            and run.engine is not None
            and (found := release_image(context.document.config.host, run.engine, image.name, run.version))
        ):
            return f"write `{found}`, or a digest"
        starter = run.engine.starter if run.place == path and run.engine is not None else None
        pinned = properties.published(image).pinned
        if starter and pinned and image.tag and (build := pinned.search(starter.image)):
            if misspelt := _with_build(image.tag, build[0], starter.image):
                return f"write `{image.name}:{misspelt}`, or a digest"
            return f"write `{image.name}:{image.tag}{build[0]}` or a newer release, or a digest"
    return "write the tag of a release, or a digest"


def _with_build(tag: str, build: str, example: str) -> str:
    """Return a tag whose number is not written as a build, in the form of the project's tags; empty without a number.

    Args:
        tag: As written: `server-cuda-6500`, `b6500-server`.
        build: The end of a right tag, such as `-b10587`.
        example: A reference with that end.
    """
    sign = build.rstrip("0123456789")
    found = re.search(r"(?:^|[-_])[a-z]?(\d{4,})[a-z]*(?=[-_]|$)", tag, re.IGNORECASE)
    if found is None or not sign:
        return ""
    rest = f"{tag[: found.start()]}{tag[found.end() :]}".strip("-_")
    return f"{rest or example.rpartition(':')[2].removesuffix(build)}{sign}{found[1]}"


def _built(context: Context, engine: str) -> bool:
    table = (context.document.config.engines or {}).get(engine)
    return table is not None and table.build is not None


def _is_built(context: Context, path: Path) -> bool:
    """Return whether the table of an image has its build, so that nothing else moves its tag."""
    if path[0] == "engines":
        return _built(context, str(path[1]))
    model = context.models.get(str(path[1])) if path[0] == "models" else None
    return model is not None and model.build is not None


@rule("MG266", "image-without-server")
def image_without_server(context: Context) -> Iterator[Found]:
    """An image of llama.cpp or TEI that has no HTTP server.

    ## Why
    llama.cpp's tags `light-…` have only llama-cli and llama-completion, so the container ends at once: Docker finds no
    /app/llama-server. The tags `server-…` and `full-…` have the server. TEI's tags `…-grpc` serve only gRPC, and never
    become healthy.

    ## Bad
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:light-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "llamacpp"
    image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
    repo = "Qwen/Qwen3-4B-GGUF"
    revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"
    file = "Qwen3-4B-Q4_K_M.gguf"
    gpus = ["gpu0"]
    args = { ctx-size = 16384 }
    ```
    """
    images = {run.place: run.image for run in context.runs.values() if run.image is not None and run.build is None}
    for path, image in images.items():
        if (tag := properties.tag_with_server(image)) is not None:
            place = context.document.at_value(*path)
            yield Found(place, f"`{image.tag}` has no HTTP server", f'write `image = "{image.name}:{tag}"`')


@rule("MG435", "build-without-image")
def build_without_image(context: Context) -> Iterator[Found]:
    """A `build` in a model's table without an `image` in the same table.

    ## Why
    `image` names the result of the build, and `version` describes it. The image of `[engines.NAME]` is another one.

    ## Bad
    ```toml
    [models.qwen]
    build = { context = "./docker" }
    ```

    ## Good
    ```toml
    [models.qwen]
    image = "my/vllm:1"
    version = "0.11.0"
    build = { context = "./docker" }
    ```
    """
    for name, model in (context.document.config.models or {}).items():
        if model.build is not None and model.image is None and not context.document.is_refused("models", name, "image"):
            yield Found(
                context.document.at_key("models", name, "build"),
                f"`{name}` has a `build` but no `image` of its own",
                'write `image = "my/name:1"` beside it, the name of what is built, or move `build` to `[engines.NAME]`',
            )


def _images(context: Context) -> dict[Path, str]:
    """Return every image reference by the path where it is written."""
    tables = context.document.config.engines or {}
    written: list[tuple[Path, str | None]] = [
        (("engines", name, "image"), table.image) for name, table in tables.items()
    ]
    written += [(run.place, run.reference) for run in context.runs.values()]
    if orchestrator := context.document.config.orchestrator:
        written.append((("orchestrator", "base_image"), orchestrator.base_image))
        written.append((("orchestrator", "socket_proxy_image"), orchestrator.socket_proxy_image))
    return {path: reference for path, reference in written if reference is not None}


def _is_unknown(context: Context, path: Path) -> bool:
    """Return whether `unknown-version` reports this image."""
    return any(run.place == path and needs_version(run) and run.version is None for run in context.runs.values())
