"""Rendered YAML is read back as Docker Compose reads it, and refused where YAML 1.1 and 1.2 differ."""

from __future__ import annotations

import pytest

from modelgen.targets.readback import RenderingError, parse_yaml
from modelgen.targets.yaml_scalars import scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e+16", 1e16),
        ("8gb", "8gb"),
        ("service_healthy", "service_healthy"),
        ("'no'", "no"),
        ('"22:22"', "22:22"),
        ("{}", {}),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
    ],
)
def test_a_value(text: str, value: object) -> None:
    found = parse_yaml(f"key: {text}\n".encode())
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    "text",
    ["no", "Yes", "on", "True", "~", "010", "0o7", "0x1f", "1_000", "22:22", "2001-01-01", "+5", ".5", ".inf", "="],
)
def test_a_plain_scalar_that_yaml_1_1_reads_differently_is_refused(text: str) -> None:
    with pytest.raises(RenderingError, match=r"YAML 1\.1"):
        parse_yaml(f"key: {text}\n".encode())
    assert parse_yaml(f"key: {scalar(text)}\n".encode()) == {"key": text}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "a: 1\na: 2",
        "1: 2",
        "a: !!str x",
        "a: &x 1",
        "a: &x [1]\nb: *x",
        "a: 1\n---\nb: 2",
        "<<: {a: 1}",
    ],
)
def test_what_modelgen_never_writes_is_refused(text: str) -> None:
    with pytest.raises(RenderingError):
        parse_yaml(text.encode())
