"""Implement `modelgen verify --load`: check that the engines find every file they open at start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import FOUND
from modelgen.cli.interruption import interruptible
from modelgen.cli.reading import say
from modelgen.files import InputError
from modelgen.look_ups import TABLE, Verdict, add_answers, answers_of, ask_images, by_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from modelgen.cli.hub.locked import Inputs
    from modelgen.hub.loading.plan import Plan
    from modelgen.operate.load_look_ups import Place

_HOST_SECONDS = 120
_NEEDED = ("no-snapshot", "unknown-need", "needs-over-card", "no-length-fits")
"""Rules about the lock without which there is no command line."""


def look_up_models(inputs: Inputs, models: Iterable[str], *, in_image: bool) -> list[Verdict]:
    """Return the verdict on each model.

    Args:
        inputs: models.toml, its lock, the hub directory.
        models: Ids of the models to check.
        in_image: Run the look-ups in the engines' own images.

    Raises:
        ModelgenError: The look-ups failed as a whole, or were interrupted.
    """
    if inputs.lock is None:
        raise InputError(f"there is no {inputs.lock_path}; run `modelgen lock`")
    verdicts, plans = by_table(inputs.hub, inputs.runs, inputs.lock, models)
    with interruptible("nothing was changed; run it again"):
        if not in_image:
            _ask_host(inputs.hub, plans, verdicts)
        elif any(planned.opens.look_ups for planned in plans):
            ask_images(inputs.hub, plans, verdicts, _places(inputs), say)
    return list(verdicts.values())


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
    answers, problem = answers_of(
        asked,
        HOST,
        f"{HOST} cannot be imported here ({{}})",
        lambda program, most: run_on_host(program, given, hub, _HOST_SECONDS, most),
    )
    if problem:
        say(f"warning: {problem}; only {TABLE} was used")
    answers = {name: of_files(answer) for name, answer in answers.items()}
    by = f"{HOST} {release}"
    add_answers(asked, answers, verdicts, by, source=by)


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
