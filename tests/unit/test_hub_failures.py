"""Failures of the hub become one message for each cause."""

from __future__ import annotations

from modelgen.files import InputError, ModelgenError
from modelgen.hub.connection.failures import HubError, Subject, grouped


def failure(number: int, reason: str = "hub.example answers 503", repo: str | None = None) -> HubError:
    return HubError(Subject(f"model-{number}", repo or f"org/model-{number}", f"{number}.txt"), reason)


def test_one_failure_stays_as_it_is() -> None:
    [only] = grouped([failure(1)])
    assert str(only) == "model-1: org/model-1 (1.txt): hub.example answers 503"


def test_files_of_one_repository_with_one_cause_are_one_message() -> None:
    [only] = grouped(HubError(Subject("m", "org/m", f"{n}.txt"), "hub.example answers 503") for n in range(3000))
    assert str(only) == "m: org/m (0.txt, 1.txt, 10.txt and 2,997 more): hub.example answers 503"


def test_repositories_with_one_cause_are_one_message() -> None:
    [only] = grouped(failure(number) for number in range(300))
    assert str(only) == (
        "model-0: org/model-0 (0.txt): hub.example answers 503; the same applies to model-1: org/model-1, "
        "model-10: org/model-10, model-100: org/model-100, model-101: org/model-101, model-102: org/model-102 "
        "and 294 more"
    )
    assert only.exit_code == ModelgenError.exit_code


def test_another_cause_is_another_message() -> None:
    told = grouped([failure(1), failure(2, "the disk is full"), failure(3)])
    assert [str(one) for one in told] == [
        "model-1: org/model-1 (1.txt): hub.example answers 503; the same applies to model-3: org/model-3",
        "model-2: org/model-2 (2.txt): the disk is full",
    ]


def test_a_file_can_be_the_subject() -> None:
    [only] = grouped(HubError(Subject("m", "org/m", f"{n}.txt"), "came twice", joint=" ") for n in (1, 2))
    assert str(only) == "m: org/m: 1.txt, 2.txt came twice"


def test_the_same_sentence_is_not_repeated() -> None:
    assert len(grouped([InputError("a"), InputError("a"), ModelgenError("a")])) == 2


def test_the_exit_code_is_kept() -> None:
    faults = [HubError(Subject("m", f"org/{n}"), "it is not there", is_input=True) for n in range(2)]
    assert [one.exit_code for one in grouped(faults)] == [InputError.exit_code]
