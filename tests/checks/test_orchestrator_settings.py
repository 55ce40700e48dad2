"""What is wrong with a setting of [orchestrator] is said with what to write in its place."""

from __future__ import annotations

import tomllib
from functools import cache

import jsonschema
import pytest

from compiling import complete, findings
from modelgen.config.schema import json_schema

QWEN = '[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'
CASES = [
    ('allowed_origins = ["http://localhost:5173/"]', "bad-value", 'write "http://localhost:5173"'),
    ('allowed_origins = ["https://x.org/app?a#b"]', "bad-value", 'write "https://x.org"'),
    ('allowed_origins = ["https://me:pw@x.org"]', "bad-value", 'write "https://x.org"'),
    ('allowed_origins = ["localhost:5173"]', "bad-value", 'write "http://localhost:5173"'),
    ('allowed_origins = ["HTTP://localhost"]', "bad-value", 'write "http://localhost"'),
    ('allowed_origins = [" app://obsidian.md"]', "bad-value", 'write "app://obsidian.md"'),
    ('allowed_origins = ["*"]', "bad-value", "allow every web page"),
    ('allowed_origins = ["https://*.x.org"]', "bad-value", "list each origin"),
    ('allowed_origins = ["null"]', "bad-value", "serve the page"),
    ('allowed_origins = ["file:///x.html"]', "bad-value", "serve the page"),
    ('allowed_origins = ["http://x:99999"]', "bad-value", "scheme, host and port"),
    ('allowed_origins = ["http://ü.de"]', "bad-value", "scheme, host and port"),
    ('allowed_origins = ["http://x{y}"]', "bad-value", "scheme, host and port"),
    ('allowed_origins = [""]', "bad-value", "scheme, host and port"),
    ("allowed_origins = [5]", "bad-value", "write a string"),
    ('allowed_origins = "http://localhost"', "wrong-type", "must be a list"),
    ("shutdown_timeout = 10", "bad-value", '"90s"'),
    ('shutdown_timeout = "0s"', "bad-value", '"90s"'),
    ('buffer_limit = "512"', "bad-value", '"24GiB"'),
    ("buffer_limit = 536870912", "bad-value", '"24GiB"'),
    ('buffer_limit = "0GiB"', "bad-value", "positive"),
    ("capture = 1001", "bad-value", "1000"),
    ("capture = -1", "bad-value", "0"),
    ("capture = true", "wrong-type", "integer"),
]


@pytest.mark.parametrize(("line", "rule", "told"), CASES)
def test_a_bad_setting_is_refused_with_what_to_write(line: str, rule: str, told: str) -> None:
    found = findings(complete(f"{QWEN}[orchestrator]\n{line}\n"))
    assert [diagnostic.rule for diagnostic in found] == [rule]
    assert told in found[0].message
    assert "pw" not in found[0].message


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


GOOD = [
    'allowed_origins = ["http://localhost:5173", "https://[::1]:8443", "app://obsidian.md"]',
    'allowed_origins = ["chrome-extension://abcdefghijklmnop", "tauri://localhost"]',
    'shutdown_timeout = "1m30s"',
    'buffer_limit = "64MiB"',
]


@pytest.mark.parametrize("line", GOOD)
def test_a_good_setting_is_taken_by_the_compiler_and_by_the_schema(line: str) -> None:
    toml = complete(f"{QWEN}[orchestrator]\n{line}\n")
    assert findings(toml) == []
    schema().validate(tomllib.loads(toml))


BEYOND_PATTERNS = ("99999", '"0s"', '"0GiB"')
"""What is refused for its size, which a pattern does not see."""


@pytest.mark.parametrize("line", [case[0] for case in CASES if not any(word in case[0] for word in BEYOND_PATTERNS)])
def test_what_the_compiler_refuses_an_editor_marks_by_the_schema(line: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        schema().validate(tomllib.loads(complete(f"{QWEN}[orchestrator]\n{line}\n")))


def test_the_schema_describes_every_key_of_the_orchestrator_with_its_default() -> None:
    keys = json_schema()["$defs"]["Orchestrator"]["properties"]
    assert {"allowed_origins", "shutdown_timeout", "buffer_limit"} <= keys.keys()
    assert all(key["description"].endswith(".") for key in keys.values())
    assert 'Default: "10s"' in keys["shutdown_timeout"]["description"]
    assert 'Default: "512MiB"' in keys["buffer_limit"]["description"]
