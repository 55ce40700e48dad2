"""Findings as people and programs see them."""

from __future__ import annotations

import json
import textwrap

import pytest

from compiling import check, complete, findings
from modelgen.diagnostics import github, human, sarif
from modelgen.diagnostics import json as json_format
from modelgen.diagnostics.masking import mask
from modelgen.diagnostics.repeats import fold
from modelgen.pipeline import compile_source

TYPO = complete('[models.qwen]\nrepo = "a/b"\ngpu_memroy = "10GiB"\nargs = { max-model-len = 8 }')


def test_human() -> None:
    assert check(TYPO) == textwrap.dedent("""\
        error[MG010 unknown-key]: unknown key `gpu_memroy` in `[models.qwen]`
         --> models.toml:3:1
          |
        3 | gpu_memroy = "10GiB"
          | ^^^^^^^^^^
          = help: did you mean `gpu_memory`?
    """)


def test_human_has_colour_only_when_asked() -> None:
    compilation = compile_source(TYPO.encode())
    coloured = human.render(fold(compilation.diagnostics), compilation.source, colour=True)
    assert "\x1b[1;31merror[MG010 unknown-key]\x1b[0m" in coloured
    assert "\x1b" not in human.render(fold(compilation.diagnostics), compilation.source, colour=False)


def test_caret_stands_below_wide_characters_and_tabs() -> None:
    line = "\tenv = { A = '漢字', \"ö ä\" = 'x' }"
    shown = check(complete(f"[models.qwen]\nrepo = 'a/b'\nargs = {{ max-model-len = 8 }}\n{line}")).splitlines()
    excerpt, caret = shown[3], shown[4]
    assert excerpt == "4 |     env = { A = '漢字', \"ö ä\" = 'x' }"
    # Each of the two wide characters takes two columns of a terminal.
    assert caret.index("^") == excerpt.index('"ö') + 2
    assert caret.count("^") == len('"ö ä"')


def test_a_long_line_is_cut_around_the_finding() -> None:
    shown = check(complete(f'[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8, x = "{"y" * 500}", port = 1 }}'))
    excerpt = next(line for line in shown.splitlines() if "port" in line and "…" in line)
    assert len(excerpt) < 130


def test_escape_sequences_of_a_terminal_do_not_get_through() -> None:
    compilation = compile_source(b'[models."\\u001b[2J"]\nrepo = "a/b"\n[x]\n')
    assert "\x1b" not in human.render(fold(compilation.diagnostics), compilation.source, colour=False)


def test_json_is_an_array_of_flat_objects() -> None:
    (found,) = json.loads(json_format.render(findings(TYPO)))
    assert found == {
        "code": "MG010",
        "rule": "unknown-key",
        "severity": "error",
        "message": "unknown key `gpu_memroy` in `[models.qwen]`",
        "help": "did you mean `gpu_memory`?",
        "path": "models.toml",
        "line": 3,
        "column": 1,
        "end_line": 3,
        "end_column": 11,
    }
    assert json.loads(json_format.render([])) == []


def test_github_escapes_what_would_end_a_command() -> None:
    rendered = github.render(findings(TYPO))
    assert rendered == (
        "::error file=models.toml,line=3,endLine=3,col=1,endColumn=11,title=MG010 unknown-key"
        "::unknown key `gpu_memroy` in `[models.qwen]`%0Adid you mean `gpu_memory`?\n"
    )
    nasty = compile_source(TYPO.encode(), path="a,b:c%.toml").diagnostics
    assert "file=a%2Cb%3Ac%25.toml," in github.render(nasty)


def runner_reads(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner does (github.com/actions/runner, ActionCommand.TryParseV2)."""
    assert line.startswith("::")
    info, _, data = line[2:].partition("::")
    command, _, listed = info.partition(" ")
    properties = dict(pair.split("=", 1) for pair in listed.split(",") if pair)
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        properties = {key: value.replace(escape, character) for key, value in properties.items()}
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        data = data.replace(escape, character)
    return command, properties, data


NASTY = ["::set-output name=x::y", "a,b=c", "100%0A%25", "\\r\\n::error::x", "##[error]x", "日本"]


@pytest.mark.parametrize("key", NASTY)
def test_github_says_what_json_says(key: str) -> None:
    toml = complete(f'[models.qwen]\nrepo = "/a"\nargs = {{ max-model-len = 8 }}\n"{key}" = """\n1"""\n')
    found = compile_source(toml.encode(), path=f"my models/{key}.toml").diagnostics
    expected = json.loads(json_format.render(found))
    lines = github.render(found).split("\n")
    assert lines.pop() == ""
    assert not any(end in line for line in lines for end in "\r\v\f\x85\u2028")
    for line, finding in zip(lines, expected, strict=True):
        command, properties, data = runner_reads(line)
        assert command == finding["severity"]
        assert properties.pop("title") == f"{finding['code']} {finding['rule']}"
        assert properties.pop("file") == finding["path"]
        columns = {"col": finding["column"], "endColumn": finding["end_column"]}
        lined = {"line": finding["line"], "endLine": finding["end_line"]}
        one_line = finding["line"] == finding["end_line"]
        assert properties == {name: str(number) for name, number in (lined | columns if one_line else lined).items()}
        assert data == "\n".join(filter(None, [finding["message"], finding["help"]]))


def test_summary() -> None:
    assert human.summarize(findings(TYPO)) == "1 error"


TOKEN = "hf_" + "a1B2" * 8


@pytest.mark.parametrize("render", [json_format.render, github.render, sarif.render])
def test_tokens_are_masked_for_programs(render: object) -> None:
    assert callable(render)
    found = findings(complete(f'[models.qwen]\nrepo = "{TOKEN}!"\nargs = {{ max-model-len = 8 }}'))
    assert TOKEN[3:] not in render(found)
    assert {diagnostic.rule for diagnostic in found} == {"literal-token", "bad-repo-id"}


def test_tokens_and_key_values_are_masked_for_people() -> None:
    shown = check(
        complete(f"[models.qwen]\nrepo = 'a/b'\nargs = {{ max-model-len = 8, api-key = 'sesame' }}\n# {TOKEN}")
    )
    assert TOKEN[3:] not in shown
    assert "sesame" not in shown
    assert "hf_" + "*" * 32 in shown


def test_many_findings_on_one_long_line_are_quick_to_show() -> None:
    """Masking the whole line anew for each was quadratic: 19 s for 35 kB."""
    toml = complete(
        "[models.a]\nrepo = 'a/b'\nargs = { max-model-len = 8 }\n[profiles.p]\nmodels = [" + "'a', " * 5000 + "]"
    ).encode()
    mask.cache_clear()
    compilation = compile_source(toml)
    assert len(compilation.diagnostics) == 4999
    human.render(fold(compilation.diagnostics), compilation.source, colour=False)
    assert mask.cache_info().misses < 50


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('VLLM_API_KEY = "abc"', "VLLM_API_KEY = *****"),
        ("{ my-token = 'abc' }", "{ my-token = ***** }"),
        ('"db.password": "abc"', '"db.password": *****'),
        ('api_key = "unfinished', "api_key = ***********"),
        ("api-key = ['a', 'b'], x = 1", "api-key = **********, x = 1"),
        ('api-key = """abc"""', "api-key = *********"),
        ("TOKEN = 123", "TOKEN = ***"),
        ('["serve", "--api-key", "abc", "x"]', '["serve", "--api-key", "***", "x"]'),
        ("['--api-key=abc', 'x']", "['--api-key=****, 'x']"),
        (f"'sk-{'a' * 24}'", f"'sk-{'*' * 24}'"),
        ("AWS_SECRET_ACCESS_KEY = 'abc'", "AWS_SECRET_ACCESS_KEY = *****"),
        ('env={VLLM_API_KEY="abc"}', "env={VLLM_API_KEY=*****}"),
        ('x={a={"my.token":"abc"}}', 'x={a={"my.token":*****}}'),
        ('services = [{ TOKEN = "abc" }]', "services = [{ TOKEN = ***** }]"),
        ("environment = ['VLLM_API_KEY=abc', 'A=1']", "environment = ['VLLM_API_KEY=****, 'A=1']"),
        ('token = { a = "abc" }', "token = *************"),
        ('{ classifier_from_token = ["no", "yes"] }', '{ classifier_from_token = ["no", "yes"] }'),
        ('tokenizer-mode = "auto"', 'tokenizer-mode = "auto"'),
        ("max-num-batched-tokens = 8192", "max-num-batched-tokens = 8192"),
    ],
)
def test_masking(text: str, masked: str) -> None:
    assert mask(text) == masked
