"""Any bytes of any kind of file end with findings, and never with an exception."""

from __future__ import annotations

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

PARTS = {
    "c.yml": [
        *(
            "services:",
            "a:",
            "image:",
            "vllm/vllm-openai:v0.30.0",
            "command:",
            "volumes:",
            "- ./m:/models",
            "gpus: all",
        ),
        *("--model", "/models/x", "<<: *x", "&x", "*x", "${A:-b}", "${A", "$$", "'", '"', "|", ">", "\n", "\n  ", ": "),
        *("[", "]", "{", "}", ",", "#", "- ", "!reset", "%", "\t", "\r", "\x85", "\\", "healthcheck:", "environment:"),
        *("\n    ", "extends: a", "build:", "depends_on:", "deploy:", "ports:"),
    ],
    "s.sh": [
        *(
            "#!/bin/sh\n",
            "vllm serve ",
            "docker run ",
            "--gpus all ",
            "-v /a:/b ",
            "-e A=b ",
            "vllm/vllm-openai:v0.30.0 ",
        ),
        *(
            "A=b",
            "$A",
            "${A:-b}",
            "${A",
            '"$@"',
            "$(",
            ")",
            "`",
            "'",
            '"',
            "\\\n",
            "\n",
            ";",
            "|",
            ">",
            "<<E\n",
            "E\n",
            "&",
        ),
        *("llama-server -m x ", "bash -c ", "# ", "exec ", "--port ", "=", "=(", "\t", "\r"),
    ],
    "u.service": [
        *(
            "[Service]\n",
            "ExecStart=",
            "/usr/bin/vllm serve x ",
            "Environment=",
            "A=b ",
            "\\\n",
            "\n",
            '"',
            "'",
            "$A",
            "%h",
        ),
    ],
    "swap.yaml": [
        *(
            "models:\n",
            "  a:\n",
            "    cmd: ",
            "llama-server -m x ",
            "${PORT}",
            "${a}",
            "macros:\n",
            "  a: ",
            "${env.X}",
            "\n",
        ),
        *(
            "|\n      ",
            "docker run ",
            "vllm/vllm-openai:v0.30.0 ",
            "run.sh",
            "docker compose up ",
            "'",
            '"',
            "[",
            "]",
            "ttl: 1",
        ),
    ],
    "r.yaml": [
        *(
            "model:\n",
            "  model_id: a/b\n",
            "  min_vllm_version: 0.11.0\n",
            "variants:\n",
            "  x: {}\n",
            "  base_args: [--a]\n",
        ),
        *("  x:\n", "    extra_args: [--b]\n", "features:\n", "    args: x\n", "&a", "*a", "[", "]", "null"),
    ],
}


def linted(data: bytes, name: str = "c.yml") -> Linted:
    return lint(read_files([(name, data)]))


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_any_bytes(name: str) -> None:
    parts = st.lists(st.sampled_from(PARTS[name]), max_size=60).map(lambda found: "".join(found).encode())

    @settings(max_examples=100, deadline=None)
    @given(st.one_of(parts, st.binary(max_size=400)))
    def any_bytes(data: bytes) -> None:
        found = linted(data, name)
        for one in found.diagnostics:
            assert one.span.line >= 1
            assert one.span.column >= 1
            assert (one.span.end_line, one.span.end_column) >= (one.span.line, one.span.column)

    any_bytes()


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


MANY = 10_500
IMAGE = "image: 'vllm/vllm-openai:v0.30.0'"
COMMAND = f"services:\n  a:\n    {IMAGE}\n    command: "
FLAGS = " ".join(f"--a{number} {'b' * 200}" for number in range(300))
HUGE = {
    "aliases": ("c.yml", bomb(12)),
    "merges": ("c.yml", merges(2000)),
    "lists": ("c.yml", "services: " + "[" * 100_000),
    "mappings": ("c.yml", "services: " + "{a: " * 50_000),
    "balanced mappings": ("c.yml", f"services: {{a: {{{IMAGE}, labels: {'{a: ' * 900}x{'}' * 902}"),
    "dashes": ("c.yml", "- " * 100_000),
    "indents": ("c.yml", "services:\n" + "".join(" " * n + "a:\n" for n in range(1, 2000))),
    "cycle": ("c.yml", "services: &a {a: *a, b: {<<: *a}}"),
    "open defaults": ("c.yml", f"{COMMAND}'{'${A:-' * 50_000}'"),
    "closed defaults": ("c.yml", f"{COMMAND}{'${A:-' * 18}{'b' * 500_000}{'}' * 18}"),
    "extends in a circle": ("c.yml", "services: {a: {extends: b}, b: {extends: a}}"),
    "backslashes": ("c.yml", f"{COMMAND}'{chr(92) * 100_000}'"),
    "words": ("c.yml", f"{COMMAND}[x/y{', --a' * MANY}]"),
    "flags with findings": ("c.yml", f"{COMMAND}x/y {FLAGS}"),
    "services": ("c.yml", "services:\n" + "".join(f"  a{n}: {{image: x}}\n" for n in range(MANY))),
    "values": ("c.yml", f"x-a: [{'a,' * 500_000}]\n{COMMAND}x/y"),
    "comments": ("c.yml", f"{COMMAND}x/y\n" + "# modelgen: allow a\n#\n" * MANY),
    "commands": ("s.sh", "a b\n" * MANY),
    "open expansions": ("s.sh", "a ${b " * MANY * 5),
    "open quotations": ("s.sh", 'a >" ' * MANY * 5),
    "doubled variables": ("s.sh", "A=xxxxxxxx\n" + "A=$A$A\n" * 60 + "vllm serve $A$A$A\n" * 100),
    "a long line": ("s.sh", f"vllm serve x/y {FLAGS}"),
    "volumes": ("s.sh", f"docker run {'-v /a:/b ' * MANY} vllm/vllm-openai:v0.30.0 --model x"),
    "continued lines": ("u.service", "[Service]\nExecStart=/usr/bin/vllm serve x \\\n" + " --a b \\\n" * MANY),
    "models": ("m.yaml", "models:\n" + "".join(f"  m{n}: {{cmd: llama-server -m x}}\n" for n in range(MANY))),
    "macros of macros": (
        "m.yaml",
        "macros:\n"
        + "".join(f"  m{n}: " + f"${{m{n + 1}}}" * 10 + "\n" for n in range(15))
        + "  m15: abcdefgh\nmodels: {a: {cmd: 'llama-server ${m0}'}}",
    ),
    "macros in themselves": ("m.yaml", "macros: {a: '${a}${a}'}\nmodels: {a: {cmd: 'llama-server ${a}'}}"),
    "variants": (
        "r.yaml",
        f"model: {{model_id: x/y, min_vllm_version: 0.10.0, base_args: [{'--a, ' * MANY}]}}\n"
        f"variants:\n{''.join(f'  v{n}: {{}}' + chr(10) for n in range(2000))}",
    ),
}


TOO_LARGE = "it has, or refers to, far more values than a file of services"
SAID = {
    "services": TOO_LARGE,
    "values": TOO_LARGE,
    "models": TOO_LARGE,
    "variants": TOO_LARGE,
    "merges": TOO_LARGE,
    "commands": "only the first 10,000 commands are checked",
    "words": "its command has more than 10,000 words",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HUGE)
def test_what_is_huge_or_deep_ends(name: str) -> None:
    """The test is that it ends: each of these has taken minutes, or would, where a reader is not linear."""
    path, text = HUGE[name]
    found = linted(text.encode(), path)
    human.render(fold(found.diagnostics)[:10], *found.foreign.sources, colour=False)
    if name in SAID:
        assert SAID[name] in [*(one.message for one in found.diagnostics), *(one.reason for one in found.unrecognized)]


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
    text = b"services: {a: {image: 'vllm/vllm-openai:v0.30.0', command: 'x/y ${LEAK}', gpus: all, environment: [LEAK]}}"
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
