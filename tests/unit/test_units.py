from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from modelgen.config.units import parse_cpus, parse_duration, parse_memory, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 2**30),
        ("10 GB", 10**10),
        ("1.5GiB", 3 * 2**29),
        ("1B", 1),
        ("0.1KiB", 102),
        ("80TB", 80 * 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["24", "24G", "24gib", "-1GiB", "0GiB", "1e3GB", "GiB", "", " 1GiB", "٢GiB", 24, 2.5, True]
)
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(PydanticCustomError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2h", 7200), ("1h5s", 3605)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["90", "0s", "1d", "-5s", "1.5m", "", "s", "5m1h", "1h ", 90, True])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(PydanticCustomError, match="is not a duration"):
        parse_duration(text)


def test_shares_are_floats_and_sizes_are_ints() -> None:
    assert parse_memory(0.42) == 0.42
    assert isinstance(parse_memory(1), float)
    assert isinstance(parse_memory("1GiB"), int)
    assert parse_share(1) == 1.0


@pytest.mark.parametrize("value", [0, 1.0001, -0.5, float("nan"), float("inf"), True, "0.5", None])
def test_what_is_no_share(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="share"):
        parse_share(value)


@pytest.mark.parametrize("value", [0.01, 0.5, 2.5, 8, 100_000])
def test_processors(value: float) -> None:
    assert parse_cpus(value) == value


@pytest.mark.parametrize("value", [0, -1, 0.001, 10**6, float("nan"), float("inf"), True, "2", None])
def test_what_is_no_number_of_processors(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="number of processors"):
        parse_cpus(value)
