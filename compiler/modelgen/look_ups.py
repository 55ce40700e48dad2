"""Look up the files that engines open when they start: by modelgen's own table, and inside the engines' images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.loading.answers import MOST, join, read_answers, read_unimported
from modelgen.hub.loading.asking import program, request
from modelgen.hub.loading.plan import Plan, plan
from modelgen.hub.loading.table import look_up
from modelgen.operate.docker import has_image
from modelgen.operate.load_look_ups import run_in_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from modelgen.hub.loading.answers import Answer
    from modelgen.hub.loading.findings import Finding
    from modelgen.lockfile.entries import Lock
    from modelgen.operate.load_look_ups import Place
    from modelgen.resolve import ModelRun

TABLE = "modelgen's own table"
_SECONDS, _SECONDS_A_MODEL = 300, 30
_GET = "run `docker pull {0}`, or `docker load` on a host without internet"


@dataclass
class Verdict:
    """The result of the look-ups of one model.

    Args:
        model: The model's id.
        engine: The engine with its release; empty if nothing was looked up.
        by: The program that did the look-ups.
        findings: The missing files.
        why_not: Why nothing was looked up; empty if it was.
        is_unplanned: Whether the reason is in the files, such as a model that is not locked.
        problem: Why the look-ups did not run in the engine's image; empty if they did, or should not.
    """

    model: str
    engine: str = ""
    by: str = ""
    findings: list[Finding] = field(default_factory=list)
    why_not: str = ""
    is_unplanned: bool = False
    problem: str = ""

    @property
    def is_wrong(self) -> bool:
        """Return whether its engine would not start."""
        return self.is_unplanned or any(found.is_wrong for found in self.findings)

    @property
    def status(self) -> str:
        """The verdict as one word, for programs."""
        if self.is_wrong:
            return "not-loadable"
        return "not-looked-up" if self.why_not or self.problem else "loadable"


def by_table(
    hub: Path, runs: Mapping[str, ModelRun], lock: Lock, models: Iterable[str]
) -> tuple[dict[str, Verdict], list[Plan]]:
    """Return the verdict on each model by modelgen's own table, and the look-ups that its engine makes.

    Args:
        hub: The hub directory.
        runs: What each model runs on.
        lock: The lock.
        models: Ids of the models.
    """
    verdicts, plans = {}, []
    for name in models:
        planned = plan(runs[name], lock)
        if isinstance(planned, Plan):
            plans.append(planned)
            verdicts[name] = Verdict(name, planned.title, TABLE, look_up(hub, planned))
        else:
            verdicts[name] = Verdict(name, why_not=planned.why, is_unplanned=planned.is_wrong)
    return verdicts, plans


def ask_images(
    hub: Path,
    plans: Iterable[Plan],
    verdicts: Mapping[str, Verdict],
    places: Mapping[str, Place],
    say: Callable[[str], object],
) -> None:
    """Add the answers of the engines: each image runs once for all models with the same container.

    A model with code gets a container of its own.

    Args:
        hub: The hub directory on this host.
        plans: The look-ups.
        verdicts: The verdicts by modelgen's own table.
        places: The container of each model, with the hub directory as its first mount.
        say: Prints a line for people.
    """
    groups: dict[tuple[Place, str, str], list[Plan]] = {}
    for planned in plans:
        if planned.opens.look_ups:
            alone = planned.model if planned.trust_remote_code else ""
            groups.setdefault((places[planned.model], planned.engine, alone), []).append(planned)
    missing = _missing_images(place.image for place, *_ in groups)
    for (place, engine, _), group in groups.items():
        problem = missing.get(place.image, "")
        if not problem:
            say(f"looking up in {place.image}: {', '.join(planned.model for planned in group)}")
            answers, problem = _ask_image(hub, place, engine, group)
            add_answers(group, answers, verdicts, place.image)
        for planned in group:
            verdicts[planned.model].problem = problem


def _ask_image(hub: Path, place: Place, engine: str, group: Sequence[Plan]) -> tuple[dict[str, Answer], str]:
    seconds = _SECONDS + _SECONDS_A_MODEL * len(group)
    given = request(engine, group, hub, place.mounts[0][1], seconds)
    broken = f"the image {place.image} cannot import {group[0].title} ({{}}); set one that can with `image`"
    return answers_of(
        group, place.image, broken, lambda program, most: run_in_image(place, program, given, seconds, most)
    )


def answers_of(
    group: Sequence[Plan], source: str, broken: str, run: Callable[[str, int], bytes]
) -> tuple[dict[str, Answer], str]:
    """Return the answers of the look-up program, or why there are none; `broken` describes a failed import."""
    try:
        data = run(program(), MOST)
    except ModelgenError as error:
        return {}, str(error)
    if unimported := read_unimported(data):
        return {}, broken.format(unimported)
    answers = read_answers(data, [planned.model for planned in group])
    return (answers, "") if answers is not None else ({}, f"the answer of {source} cannot be read")


def add_answers(
    group: Sequence[Plan],
    answers: Mapping[str, Answer],
    verdicts: Mapping[str, Verdict],
    by: str,
    source: str = "",
) -> None:
    """Replace the table's findings by the answers of the engines, or of the program named by `by`."""
    for planned in group:
        if (answer := answers.get(planned.model)) is not None and (answer.passed or answer.failed):
            verdict = verdicts[planned.model]
            verdict.findings, verdict.by = join(verdict.findings, answer, planned, source or planned.title), by


def _missing_images(images: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for image in dict.fromkeys(images):
        try:
            if not has_image(image):
                found[image] = f"the image {image} is not on this host; {_GET.format(image)}"
        except ModelgenError as error:
            found[image] = str(error)
    return found
