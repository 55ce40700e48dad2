"""Represent failures of the hub as data, grouped by cause, so that one cause gives one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_FILES = 3
_MOST_REPOSITORIES = 5


@dataclass(frozen=True)
class Subject:
    """The subject of a failure.

    Args:
        models: The ids of the models that need it, for messages; empty for a repository of the command line.
        repo: Repository id.
        file: The path in it; empty for the whole repository.
    """

    models: str
    repo: str
    file: str = ""


class HubError(ModelgenError):
    """A failure whose reason may apply to other files and repositories too.

    Args:
        subject: The subject.
        reason: The rest of the sentence.
        joint: Text between both; a space if the subject is the grammatical subject.
        is_input: Whether the user's files are at fault.
    """

    def __init__(self, subject: Subject, reason: str, *, joint: str = ": ", is_input: bool = False) -> None:
        super().__init__(_sentence([subject], joint, reason))
        self.subject = subject
        self.reason = f"{joint}{reason}"
        self.exit_code = InputError.exit_code if is_input else ModelgenError.exit_code


def grouped(failures: Iterable[ModelgenError]) -> list[ModelgenError]:
    """Return one failure per cause, in the order of first appearance."""
    groups: dict[tuple[int, str], list[ModelgenError]] = {}
    for failure in failures:
        reason = str(failure)
        if isinstance(failure, HubError):
            # The sentence for a gated repository contains its address; the cause is the same.
            reason = failure.reason.replace(failure.subject.repo, "…")
        groups.setdefault((failure.exit_code, reason), []).append(failure)
    return [_joined(group) for group in groups.values()]


def _joined(group: Sequence[ModelgenError]) -> ModelgenError:
    failures = [failure for failure in group if isinstance(failure, HubError)]
    subjects = list(dict.fromkeys(failure.subject for failure in failures))
    if len(subjects) < 2:
        return group[0]
    # Threads fail in any order; the sentence names the first by name.
    reason = min(failures, key=lambda failure: (failure.subject.models, failure.subject.repo)).reason
    joined = InputError if group[0].exit_code == InputError.exit_code else ModelgenError
    joint = ": " if reason.startswith(": ") else " "
    return joined(_sentence(subjects, joint, reason.removeprefix(joint)))


def _sentence(subjects: Sequence[Subject], joint: str, reason: str) -> str:
    """Return the sentence for the first repository with all its files, and the others that it applies to."""
    repositories = sorted({(subject.models, subject.repo) for subject in subjects})
    files = sorted({subject.file for subject in subjects if (subject.models, subject.repo) == repositories[0]} - {""})
    about = ": ".join(filter(None, repositories[0]))
    if files:
        shown = named(files, _MOST_FILES)
        about += f" ({shown})" if joint == ": " else f": {shown}"
    others = named([": ".join(one) for one in repositories[1:]], _MOST_REPOSITORIES)
    return f"{about}{joint}{reason}" + (f"; the same applies to {others}" if others else "")


def named(names: Sequence[str], most: int) -> str:
    """Return the first names of a list, and the number of the others."""
    shown = names if len(names) <= most + 1 else names[:most]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")
