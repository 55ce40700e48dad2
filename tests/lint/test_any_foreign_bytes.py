"""Any bytes end in bounded time with findings, and never with an exception."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelgen.diagnostics import github, human, json, sarif
from modelgen.diagnostics.repeats import fold
from modelgen.foreign import read_files
from modelgen.linting import lint

if TYPE_CHECKING:
    from modelgen.linting import Linted

WORDS = [
    *("services:", "a:", "image:", "vllm/vllm-openai:v0.30.0", "command:", "volumes:", "- ./m:/models", "gpus: all"),
    *("--model", "/models/x", "<<: *x", "&x", "*x", "${A:-b}", "${A", "$$", "'", '"', "|", ">", "\n", "\n  ", "\n    "),
    *(
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        ": ",
        "- ",
        "!reset",
        "%",
        "\t",
        "\r",
        "\x85",
        "\\",
        "healthcheck:",
        "environment:",
    ),
]


def linted(data: bytes) -> Linted:
    return lint(read_files([("c.yml", data)]))


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(WORDS), max_size=60).map(lambda x: "".join(x).encode()))
)
def test_any_bytes(data: bytes) -> None:
    found = linted(data)
    for one in found.diagnostics:
        assert one.span.line >= 1
        assert one.span.column >= 1
        assert (one.span.end_line, one.span.end_column) >= (one.span.line, one.span.column)


def bomb(levels: int) -> str:
    """Return a file whose aliases stand for ten to the power of `levels` words."""
    lines = [f"x0: &x0 [{', '.join(['a'] * 10)}]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, levels)]
    use = f"{{image: vllm/vllm-openai:v0.30.0, command: *x{levels - 1}, environment: *x{levels - 1}}}"
    return "\n".join([*lines, f"services: {{a: {use}}}"])


def merges(levels: int) -> str:
    """Return a file in which each mapping merges the one before ten times."""
    lines = ["x0: &x0 {image: x}"]
    lines += [f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join([*lines, f"services: {{a: *x{levels - 1}}}"])


@pytest.mark.parametrize(
    "text",
    [
        bomb(12),
        merges(2000),
        "services: " + "[" * 100_000,
        "services: " + "{a: " * 50_000,
        "- " * 100_000,
        "services:\n" + "".join(" " * n + "a:\n" for n in range(1, 2000)),
        "services: &a {a: *a, b: {<<: *a}}",
        "services: {a: {image: 'x', command: '" + "${A:-" * 50_000 + "'}}",
        "services: {a: {extends: b}, b: {extends: a}}",
        "services: {a: {image: vllm/vllm-openai:v0.30.0, command: '" + "\\" * 100_000 + "'}}",
    ],
    ids=["aliases", "merges", "lists", "mappings", "dashes", "indents", "cycle", "defaults", "extends", "backslashes"],
)
def test_what_is_huge_or_deep_ends_soon(text: str) -> None:
    began = time.process_time()
    linted(text.encode())
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe", "not text in UTF-8"),
        (b"a: [", "not YAML"),
        (b"", "no Compose file"),
        (b"- a", "no Compose file"),
        (b"[project]\nname = 1\n", "not YAML"),
        (b"services:\n  a:\n    image: {{ .Values.image }}:x\n    {% if a %}\n", "template"),
    ],
)
def test_what_is_no_compose_file_is_said_in_one_sentence(data: bytes, reason: str) -> None:
    found = linted(data)
    assert [(one.rule, one.severity) for one in found.diagnostics] == [("unreadable-file", "error")]
    assert reason in found.diagnostics[0].message


def test_the_environment_of_the_caller_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: 'x/y ${LEAK}', environment: [LEAK]}}"
    before = linted(text)
    monkeypatch.setenv("LEAK", "--no-such-flag")
    assert linted(text).diagnostics == before.diagnostics
    assert [one.rule for one in before.diagnostics] == ["unknown-value-of"]


@pytest.mark.parametrize("token", ["hf_RmVzdGlzY2hTdHJpbmdPaG5lU2lubgAbD", "sk-QmVzdGlzY2hTdHJpbmdPaG5lU2lubgAbCq7"])
def test_tokens_are_masked_in_every_format(token: str) -> None:
    text = (
        f"services: {{a: {{image: 'vllm/vllm-openai:{token}', command: '--model /m/{token} --no-flag {token}', "
        f"environment: {{HF_TOKEN: {token}}}}}}}"
    )
    found = linted(text.encode())
    assert "written-token" in {one.rule for one in found.diagnostics}
    shown = human.render(fold(found.diagnostics), *found.foreign.sources, colour=False)
    for output in (shown, *(format_.render(found.diagnostics) for format_ in (json, github, sarif))):
        assert token not in output


@pytest.mark.parametrize(
    ("scalar", "words"),
    [
        (">\n      --a 'b c'\n      --d\n\n      --e", ["--a", "b c", "--d", "--e"]),
        ("|\n      --a é --d\n", ["--a", "é", "--d"]),
        ("--a ${X:-y z} --d", ["--a", "y", "z", "--d"]),
        ('"--a \\"b\\" \\u0041 \\\n      --d"', ["--a", "b", "A", "--d"]),
        ("'--a ''b c'' --d'", ["--a", "b c", "--d"]),
        ("--a\n      b\n      --d", ["--a", "b", "--d"]),
    ],
)
def test_places_in_a_string_show_the_word(scalar: str, words: list[str]) -> None:
    text = f"services:\n  a:\n    image: x\n    command: {scalar}\n"
    (service,) = read_files([("c.yml", text.encode())]).services.values()
    assert [word.text for word in service.command or ()] == words
    lines = text.split("\n")
    for word in service.command or ():
        span = word.span
        shown = lines[span.line - 1][span.column - 1 : span.end_column - 1]
        assert word.text in shown or "$" in shown or "\\u" in shown
