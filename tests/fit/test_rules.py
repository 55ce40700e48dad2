"""Findings on models whose longest request has no room: where, with which help, and where they are silent."""

from __future__ import annotations

import re

import pytest

from compiling import findings
from fit_projects import HEAD, THREE, lock_of, model

LOCK = lock_of().decode()
NAME, REPO = THREE[0][:2]


def found(table: str, head: str = HEAD) -> list[tuple[str, int, str]]:
    """Return code, line and help of every finding but infos."""
    return [(one.code, one.span.line, one.help) for one in findings(head + table, LOCK) if one.severity.value != "info"]


LINE = HEAD.count("\n") + 5


@pytest.mark.parametrize(
    ("memory", "length", "codes"),
    [
        ("12GiB", 8192, []),
        ("12GiB", 16384, ["MG547"]),
        ("12GiB", 20480, ["MG547"]),
        ("12GiB", 40960, ["MG546"]),
        ("10GiB", 16384, ["MG546"]),
        ("7GiB", 16, ["MG546"]),
        ("", 65536, []),
        ("", 262144, ["MG546"]),
    ],
)
def test_the_longest_request(memory: str, length: int, codes: list[str]) -> None:
    assert [one[:2] for one in found(model(NAME, REPO, memory, max_model_len=length))] == [
        (code, LINE) for code in codes
    ]


def test_the_sentence_has_the_sum() -> None:
    text = HEAD + model(NAME, REPO, "10GiB", max_model_len=16384)
    [message] = [one.message for one in findings(text, LOCK) if one.code == "MG546"]
    assert message == (
        "16,384 tokens need 2.25 GiB of KV cache, but `text-4b` has at most 1 GiB for it: 9.82 GiB reserved, less "
        "7.49 GiB weights, 1.48 GiB activations, 51.2 MiB outside PyTorch"
    )
    [message] = [
        one.message for one in findings(HEAD + model(NAME, REPO, "7GiB", max_model_len=16), LOCK) if one.code == "MG546"
    ]
    assert "`text-4b` has no room for it: 6.88 GiB reserved, less" in message


def test_the_sentence_has_the_static_share_of_sglang() -> None:
    table = model(NAME, REPO, "12GiB", context_length=40960).replace("repo =", 'engine = "sglang"\nrepo =')
    image = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n'
    [message] = [one.message for one in findings(HEAD + image + table, LOCK) if one.code == "MG546"]
    assert re.search(r"has at most .* for it: [\d.]+ GiB static share, less 7.49 GiB weights$", message)


def test_the_help_is_followed_to_silence() -> None:
    (_, _, help_) = found(model(NAME, REPO, "12GiB", max_model_len=40960))[0]
    length = int(help_.partition("max-model-len = ")[2].partition("`")[0])
    assert found(model(NAME, REPO, "12GiB", max_model_len=length)) == []
    assert [one[0] for one in found(model(NAME, REPO, "12GiB", max_model_len=length + 16))] == ["MG547"]


def test_weights_that_are_too_large_get_another_help() -> None:
    assert found(model(NAME, REPO, "7GiB", max_model_len=16))[0][2].startswith("reserve more memory, or choose")


@pytest.mark.parametrize(("memory", "codes"), [("", []), ("12GiB", []), ("9GiB", ["MG557"])])
def test_a_length_that_is_not_written_is_at_most_one_finding(memory: str, codes: list[str]) -> None:
    assert [one[0] for one in found(model(NAME, REPO, memory))] == codes


@pytest.mark.parametrize("args", [{"cpu_offload_gb": 8}, {"decode_context_parallel_size": 2}])
def test_what_cannot_be_estimated_has_no_finding(args: dict[str, int]) -> None:
    codes = {one[0] for one in found(model(NAME, REPO, "9GiB", max_model_len=262144, **args))}
    assert codes & {"MG546", "MG547"} == set()


def test_the_help_has_a_verb() -> None:
    [(code, _, help_)] = found(model(NAME, REPO, "9GiB", max_model_len=1024))
    assert (code, help_.partition(",")[0]) == ("MG546", "write `max-num-seqs = 64`")


@pytest.mark.parametrize(("memory", "has_more"), [("", False), ("20GiB", True)])
def test_a_model_that_reserves_all_is_not_told_to_reserve_more(memory: str, *, has_more: bool) -> None:
    text = HEAD + model(NAME, REPO, memory, max_model_len=262_144)
    [help_] = [one.help for one in findings(text, LOCK) if one.code == "MG546"]
    assert help_.startswith("write `max-model-len = ")
    assert ("reserve more memory" in help_) is has_more
