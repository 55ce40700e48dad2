"""Implement `modelgen verify --load`: check that the engines find every file they open at start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import FOUND
from modelgen.cli.hub.verify.verdicts import TABLE, Verdict
from modelgen.cli.interruption import interruptible
from modelgen.cli.reading import say
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from modelgen.cli.hub.locked import Inputs
    from modelgen.hub.loading.answers import Answer
    from modelgen.hub.loading.plan import Plan
    from modelgen.operate.load_look_ups import Place

_SECONDS, _SECONDS_A_MODEL = 300, 30
_HOST_SECONDS = 120
_NEEDED = ("no-snapshot", "unknown-need", "needs-over-card", "no-length-fits")
"""Rules about the lock without which there is no command line."""
_GET = "run `docker pull {0}`, or `docker load` on a host without internet"


def look_up_models(inputs: Inputs, models: Iterable[str], *, in_image: bool) -> list[Verdict]:
    """Return the verdict on each model.

    Args:
        inputs: models.toml, its lock, the hub directory.
        models: Ids of the models to check.
        in_image: Run the look-ups in the engines' own images.

    Raises:
        ModelgenError: The look-ups failed as a whole, or were interrupted.
    """
    from modelgen.hub.loading.plan import Plan, plan
    from modelgen.hub.loading.table import look_up

    if inputs.lock is None:
        raise InputError(f"there is no {inputs.lock_path}; run `modelgen lock`")
    verdicts, plans = [], []
    for name in models:
        planned = plan(inputs.runs[name], inputs.lock)
        if isinstance(planned, Plan):
            plans.append(planned)
            verdicts.append(Verdict(name, planned.title, TABLE, look_up(inputs.hub, planned)))
        else:
            verdicts.append(Verdict(name, why_not=planned.why, is_unplanned=planned.is_wrong))
    by_model = {verdict.model: verdict for verdict in verdicts}
    with interruptible("nothing was changed; run it again"):
        if in_image:
            _ask_images(inputs, plans, by_model)
        else:
            _ask_host(inputs.hub, plans, by_model)
    return verdicts


def _ask_images(inputs: Inputs, plans: Sequence[Plan], verdicts: Mapping[str, Verdict]) -> None:
    """Run each image once for all models with the same container; a model with code gets a container of its own."""
    asked = [planned for planned in plans if planned.opens.look_ups]
    if not asked:
        return
    places = _places(inputs)
    groups: dict[tuple[Place, str, str], list[Plan]] = {}
    for planned in asked:
        alone = planned.model if planned.trust_remote_code else ""
        groups.setdefault((places[planned.model], planned.engine, alone), []).append(planned)
    missing = _missing_images(place.image for place, *_ in groups)
    for (place, engine, _), group in groups.items():
        problem = missing.get(place.image, "")
        if not problem:
            say(f"looking up in {place.image}: {', '.join(planned.model for planned in group)}")
            answers, problem = _ask_image(inputs.hub, place, engine, group)
            _join(group, answers, verdicts, place.image)
        for planned in group:
            verdicts[planned.model].problem = problem


def _ask_image(hub: Path, place: Place, engine: str, group: Sequence[Plan]) -> tuple[dict[str, Answer], str]:
    from modelgen.hub.loading.asking import request
    from modelgen.operate.load_look_ups import run_in_image

    seconds = _SECONDS + _SECONDS_A_MODEL * len(group)
    given = request(engine, group, hub, place.mounts[0][1], seconds)
    broken = f"the image {place.image} cannot import {group[0].title} ({{}}); set one that can with `image`"
    return _answers(
        group, place.image, broken, lambda program, most: run_in_image(place, program, given, seconds, most)
    )


def _ask_host(hub: Path, plans: Sequence[Plan], verdicts: Mapping[str, Verdict]) -> None:
    """Run look-ups with a transformers that is installed beside modelgen, without any code of a repository."""
    from importlib.metadata import PackageNotFoundError, version

    from modelgen.hub.loading.answers import of_files
    from modelgen.hub.loading.asking import HOST, is_for_host, request

    asked = [planned for planned in plans if is_for_host(planned)]
    try:
        release = version(HOST)
    except PackageNotFoundError:
        return
    if not asked:
        return
    from modelgen.operate.load_look_ups import run_on_host

    given = request(HOST, asked, hub, hub.as_posix(), _HOST_SECONDS)
    answers, problem = _answers(
        asked,
        HOST,
        f"{HOST} cannot be imported here ({{}})",
        lambda program, most: run_on_host(program, given, hub, _HOST_SECONDS, most),
    )
    if problem:
        say(f"warning: {problem}; only {TABLE} was used")
    answers = {name: of_files(answer) for name, answer in answers.items()}
    by = f"{HOST} {release}"
    _join(asked, answers, verdicts, by, source=by)


def _answers(
    group: Sequence[Plan], source: str, broken: str, run: Callable[[str, int], bytes]
) -> tuple[dict[str, Answer], str]:
    """Return the answers of the look-up program, or why there are none; `broken` describes a failed import."""
    from modelgen.hub.loading.answers import MOST, read_answers, read_unimported
    from modelgen.hub.loading.asking import program

    try:
        data = run(program(), MOST)
    except ModelgenError as error:
        return {}, str(error)
    if unimported := read_unimported(data):
        return {}, broken.format(unimported)
    answers = read_answers(data, [planned.model for planned in group])
    return (answers, "") if answers is not None else ({}, f"the answer of {source} cannot be read")


def _join(
    group: Sequence[Plan],
    answers: Mapping[str, Answer],
    verdicts: Mapping[str, Verdict],
    by: str,
    source: str = "",
) -> None:
    """Replace the table's findings by the answers of the engines, or of the program named by `by`."""
    from modelgen.hub.loading.answers import join

    for planned in group:
        if (answer := answers.get(planned.model)) is not None and (answer.passed or answer.failed):
            verdict = verdicts[planned.model]
            verdict.findings, verdict.by = join(verdict.findings, answer, planned, source or planned.title), by


def _places(inputs: Inputs) -> dict[str, Place]:
    """Return the container of each model; print the errors that prevent it, and exit if there are any.

    Missing entries of models.lock do not matter here, since the look-ups report them; only a missing path of a snapshot
    (`no-snapshot`) prevents a start.
    """
    from modelgen.checks.lock import LOCKED_ANEW
    from modelgen.cli.compiling import check_file, print_findings
    from modelgen.diagnostics import Severity
    from modelgen.lower import lower
    from modelgen.operate.load_look_ups import place_of

    config = inputs.config
    checked = check_file(config)
    errors = [found for found in checked.diagnostics if found.severity is Severity.ERROR]
    errors = [found for found in errors if found.rule in _NEEDED or found.rule not in LOCKED_ANEW]
    if errors or checked.fitted is None:
        print_findings(replace(checked, diagnostics=errors), "human", to_stderr=True)
        click.get_current_context().exit(FOUND)
    root = config.parent.absolute().as_posix()
    return {service.model: place_of(service, root) for service in lower(checked.fitted).services}


def _missing_images(images: Iterable[str]) -> dict[str, str]:
    from modelgen.operate.docker import has_image

    found: dict[str, str] = {}
    for image in dict.fromkeys(images):
        try:
            if not has_image(image):
                found[image] = f"the image {image} is not on this host; {_GET.format(image)}"
        except ModelgenError as error:
            found[image] = str(error)
    return found
