"""Read which releases of which engines `modelgen upgrade` moves to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.reading import printable
from modelgen.diagnostics import did_you_mean
from modelgen.engines import ENGINES
from modelgen.engines.images.versions import Version, parse_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.engines.catalogues import Catalogue
    from modelgen.resolve import ModelRun


def targets_of(to: Sequence[str], runs: Mapping[str, ModelRun]) -> dict[str, Version]:
    """Return the engines with the versions that they move to.

    Args:
        to: The values of `--to`, such as `vllm=0.32.0`; empty for the newest release of every engine that is used.
        runs: The models that may move.

    Raises:
        UsageError: A value names no engine, an engine that no model uses, or a release that is not known.
    """
    used = {run.engine_name: catalogue for run in runs.values() if (catalogue := _releases(run.engine_name))}
    if not to:
        return {name: _version(catalogue.names[-1]) for name, catalogue in used.items()}
    return dict(_target(text, used) for text in to)


def _target(text: str, used: Mapping[str, Catalogue]) -> tuple[str, Version]:
    name, equals, wanted = text.partition("=")
    if not equals or not wanted:
        raise click.UsageError(f"`{printable(text)}` is not ENGINE=VERSION, such as {_example(used)}")
    if name not in ENGINES:
        raise click.UsageError(f"`{printable(name)}` is no engine: {did_you_mean(name, ENGINES)}")
    if _releases(name) is None:
        raise click.UsageError(
            f"modelgen does not know the releases of {ENGINES[name].title}: change its image by hand"
        )
    if name not in used:
        raise click.UsageError(f"no model uses {ENGINES[name].title} here; they use {', '.join(used) or 'others'}")
    catalogue, version = used[name], parse_version(wanted.removeprefix("v"))
    newest = catalogue.names[-1]
    if wanted == "newest":
        return name, _version(newest)
    if version is None or not catalogue.releases[0] <= version.release <= _version(newest).release:
        title = ENGINES[name].title
        raise click.UsageError(
            f"`{printable(wanted)}` is not a release of {title} that modelgen knows: {catalogue.names[0]} to {newest}"
        )
    return name, version


def _releases(name: str) -> Catalogue | None:
    engine = ENGINES.get(name)
    source = (engine.catalogue or engine.plain_flags) if engine else None
    return source() if source else None


def _example(used: Mapping[str, Catalogue]) -> str:
    return next((f"`{name}={catalogue.names[-1]}`" for name, catalogue in used.items()), "`vllm=0.32.0`")


def _version(text: str) -> Version:
    version = parse_version(text)
    assert version is not None, text  # noqa: S101 - the package's own data
    return version
