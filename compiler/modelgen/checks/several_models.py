"""Report a fault that several models share as one finding, where one change or one command fixes all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modelgen.checks.context import Context

_MOST_NAMED = 5


def as_one(
    what: str, help_text: str = ""
) -> Callable[[Callable[[Context], Iterable[tuple[str, Found]]]], Callable[[Context], Iterator[Found]]]:
    """Declare that the findings of a rule on several models with one help become one, at the place of the first.

    The decorated function yields the id of the model with each finding.

    Args:
        what: The rest of a sentence that begins with the models, such as `follow a moving branch`.
        help_text: The help for several models, where that of each model is about this model only.
    """

    def declare(find: Callable[[Context], Iterable[tuple[str, Found]]]) -> Callable[[Context], Iterator[Found]]:
        @functools.wraps(find)
        def found(context: Context) -> Iterator[Found]:
            groups: dict[str, list[tuple[str, Found]]] = {}
            for name, one in find(context):
                groups.setdefault(help_text or one.help, []).append((name, one))
            for help_, group in groups.items():
                yield from _join(group, what, help_)

        return found

    return declare


def _join(group: list[tuple[str, Found]], what: str, help_text: str) -> Iterator[Found]:
    names = [*dict.fromkeys(name for name, _ in group)]
    if len(names) == 1:
        yield from (one for _, one in group)
    else:
        message = f"{len(names)} models {what}: {listed(names)}"
        yield Found(min(one.span for _, one in group), message, help_text)


def listed(names: Sequence[str]) -> str:
    """Return the ids of models as a list in a sentence, with a few of them by name."""
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED])
    return shown + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
