"""Resolve what each model runs on: engine, image, version, account, arguments. No lock is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES
from modelgen.engines.image_choices import choices_in
from modelgen.engines.images import properties
from modelgen.engines.images.places import HUB_PLACEHOLDER
from modelgen.engines.images.versions import Image, Version, parse_image, parse_version
from modelgen.load import DEFAULT_ENGINE
from modelgen.resolve.arguments import Argument, PlainArgument, plain_release, read_arguments, read_plain_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.config import Model
    from modelgen.config.model_tables import Build
    from modelgen.engines.catalogues import Release
    from modelgen.engines.engine import Engine
    from modelgen.engines.images import Account
    from modelgen.load import Document
    from modelgen.load.locator import Path


class ModelRun(NamedTuple):
    """The engine and image of one model. An unknown engine and a refused image are None.

    Args:
        name: The model's id.
        model: Its table, `[defaults]` merged in.
        engine_name: The engine as written, known or not.
        engine: The engine; None for an unknown one.
        reference: The image as written, or None.
        place: The path at which the image is written, or would be.
        build: How the image is built: the `build` of the table that has it; None for one that is pulled.
        image: The parts of the reference; None where it is not a reference.
        image_tables: The tables whose `version` and `fork` describe the image, the most specific first.
        version: The version from the tag, else the written one; None without either.
        written_version: The `version` that belongs to the image, with its path; None without one.
        is_fork: Whether the image contains a fork or a plugin of the engine, so that it may have further flags.
        release: The flags of this version; None where the engine's flags or its version are not known.
        account: The user and group that the engine runs as.
        program: Entry point and command of the engine `command`, as far as they are written.
        port: The port in the container; 0 for an unknown engine.
        service: The name of its service.
        needs_hub: Whether it reads the hub directory: it has a repository, or its command names the directory.
        env: The user's variables: those of the engine, replaced by the model's own.
        args: The `args` by the names that the engine has for them; empty where these are not known.
        arguments: The `args` one by one, of an engine whose flags are known.
        plain_release: The flags of this version, of an engine whose flags are taken as they are written; None where its
            flags or its version are not known.
        plain_arguments: The `args` one by one, of an engine whose flags are taken as they are written.
    """

    name: str
    model: Model
    engine_name: str
    engine: Engine | None
    reference: str | None
    place: Path
    build: Build | None
    image: Image | None
    image_tables: tuple[Path, ...]
    version: Version | None
    written_version: tuple[Path, str] | None
    is_fork: bool
    release: Release | None
    account: Account
    program: tuple[str, ...]
    port: int
    service: str
    needs_hub: bool
    env: Mapping[str, str]
    args: Mapping[str, Any]
    arguments: tuple[Argument, ...]
    plain_release: Release | None
    plain_arguments: tuple[PlainArgument, ...]

    @property
    def reports_apart(self) -> bool:
        """Return whether a stream that is asked for its tokens is known to have one more event, and no other change."""
        engine, version = self.engine, self.version
        if engine is None or engine.reports_apart is None or version is None or self.is_fork:
            return False
        return engine.reports_apart(version, self.args)


def run_models(document: Document) -> dict[str, ModelRun]:
    """Return what each model runs on, by the model's id; the document may have errors."""
    return {name: _run(document, name, model) for name, model in document.models.items()}


def is_for_host(runs: Mapping[str, ModelRun]) -> bool:
    """Return whether `modelgen serve` is meant: nothing has an image, and what is installed on the host is said."""
    return bool(runs) and all(
        run.reference is None
        and run.engine is not None
        and run.engine.on_host
        and (run.version is not None if run.engine.needs_repo else bool(run.program))
        for run in runs.values()
    )


def _run(document: Document, name: str, model: Model) -> ModelRun:
    engine_name = model.engine or DEFAULT_ENGINE
    engine, table = ENGINES.get(engine_name), (document.config.engines or {}).get(engine_name)
    reference, place = model.image, document.origin(name, "image")
    if reference is None and table is not None:
        reference, place = table.image, ("engines", engine_name, "image")
    image = parse_image(reference) if reference is not None else None
    tables = _tables_of_image(name, engine_name, None if reference is None else place)
    written_version, fork = _first(document, tables, "version"), _first(document, tables, "fork")
    program = (*(model.entrypoint or ()), *(model.command or ()))
    tagged = properties.version_of(image) if image else None
    version = parse_version(written_version[1]) if tagged is None and written_version else tagged
    is_fork = (image is not None and properties.is_fork(image)) if fork is None else fork[1]
    release = engine.catalogue().release(version) if engine and engine.catalogue and version else None
    arguments = read_arguments(document, name, model.args or {}, engine, version, release, is_fork=is_fork)
    plain = plain_release(engine, version)
    plain_arguments = read_plain_arguments(document, name, model.args or {}, engine, version, plain, is_fork=is_fork)
    plain_arguments = tuple(one._replace(flag=choices_in(image, one.flag, engine)) for one in plain_arguments)
    return ModelRun(
        name=name,
        model=model,
        engine_name=engine_name,
        engine=engine,
        reference=reference,
        place=place,
        build=model.build if place[0] == "models" else table.build if place[0] == "engines" and table else None,
        image=image,
        image_tables=tables,
        version=version,
        written_version=written_version,
        is_fork=is_fork,
        release=release,
        account=_account(document, name, image, version),
        program=program,
        port=model.port or (engine.port if engine else 0),
        service=model.service or f"{engine_name}-{name}".lower().replace(".", "-").replace("_", "-"),
        needs_hub=model.repo is not None or any(HUB_PLACEHOLDER in item for item in program),
        env={**((table and table.env) or {}), **(model.env or {})},
        args=_args(arguments, plain_arguments),
        arguments=arguments,
        plain_release=plain,
        plain_arguments=plain_arguments,
    )


def _tables_of_image(name: str, engine: str, place: Path | None) -> tuple[Path, ...]:
    """Return the tables that may describe a model's image, the most specific first.

    `version` and `fork` describe one image. Those of a more general table belong to another image if the model's own
    table has one: `[engines.vllm] version = "0.14.1"` says nothing about an image in `[models.ID]`.

    Args:
        name: The model's id.
        engine: The name of its engine.
        place: The path of its image; None without an image.
    """
    tables: tuple[Path, ...] = (("models", name), ("defaults",), ("engines", engine))
    return tables if place is None else tables[: tables.index(place[:-1]) + 1]


def _first(document: Document, tables: tuple[Path, ...], key: str) -> tuple[Path, Any] | None:
    """Return the first value of a key in these tables, with its path."""
    config, found = document.config, None
    for path in reversed(tables):
        table: Any = config.defaults if len(path) == 1 else (getattr(config, str(path[0])) or {}).get(path[1])
        value = getattr(table, key, None)
        found = found if value is None else ((*path, key), value)
    return found


def _account(document: Document, name: str, image: Image | None, version: Version | None) -> Account:
    keys = document.compose.get(document.origin(name, "compose"))
    user = None if keys is None or keys.user is None else str(keys.user)
    return properties.account(image, version, user)


def _args(arguments: tuple[Argument, ...], plain_arguments: tuple[PlainArgument, ...]) -> dict[str, Any]:
    known = {argument.name + argument.inner: argument.value for argument in arguments if argument.release is not None}
    return known | {argument.name: argument.value for argument in plain_arguments}
