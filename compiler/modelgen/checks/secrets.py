"""Check for tokens and characters that must not be in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.environment import OWNED
from modelgen.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path

_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")
# Keys of OpenAI and its like, of AWS, of GitHub.
_KEY = re.compile(r"\b(?:sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,})")
_SECRET_NAME = re.compile(r"(?:API_?KEY|SECRET|SECRET_KEY|ACCESS_KEY|AUTH_TOKEN|ACCESS_TOKEN|PASSWORD)$", re.IGNORECASE)
_SECRET_FLAG = re.compile(r"--?(?:api-?key|auth-token|password|secret)(?:=(?P<value>.+))?", re.IGNORECASE)
_INTERPOLATION = re.compile(r"\$\{[A-Za-z_][^}]*\}")
_ESCAPE = re.compile(r"\\[uUx]")


@rule("MG107", "literal-token")
def literal_token(context: Context) -> Iterator[Found]:
    """A Hugging Face token is written in the file.

    ## Why
    models.toml is committed and reviewed, and what is built from it is copied to hosts. A token that stands there,
    in a comment too, is a token that is known: revoke it. Engines run offline and need none.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { MY_LOGIN = "hf_abcdefghijklmnopqrstuvwxyz" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    help_text = "revoke it, and give a new one to the shell that fetches: HF_TOKEN"
    source = context.document.source
    found = False
    for number, line in enumerate(source.lines, 1):
        for token in _TOKEN.finditer(line) if "hf_" in line else ():
            found = True
            place = Span(source.path, number, token.start() + 1, number, token.end() + 1)
            yield Found(place, "a Hugging Face token is written in the file", help_text)
    if not found and _ESCAPE.search(source.text):
        for path, text in _strings(context):
            if _TOKEN.search(text):
                yield Found(context.document.at_value(*path), "a Hugging Face token is written in the file", help_text)


@rule("MG108", "literal-secret")
def literal_secret(context: Context) -> Iterator[Found]:
    """A key or a password is written in a variable or a command.

    ## Why
    models.toml and what is built from it are committed, and `docker inspect` shows both. A file that only the host
    has, named by `env_file` in docker-compose.override.yml, keeps it out of both. `modelgen serve` hands no secret of
    its own environment to a program; the program's command can read such a file:
    `command = ["sh", "-c", "set -a; . ./secret.env; exec program --port {port}"]`.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    help_text = (
        "change it, and put it in a file that only the host has: `env_file` in docker-compose.override.yml names it, "
        "and under `serve` the command reads it"
    )
    for path, env in context.env_tables():
        for key, value in env.items():
            if (_SECRET_NAME.search(key) and len(value) >= 8 and key not in OWNED) or _KEY.search(value):
                yield Found(context.document.at_value(*path, key), f"`{key}` holds a secret", help_text)
    for name, model in context.models.items():
        for number, item in enumerate(model.command or ()):
            if _KEY.search(item) or _is_secret_of_flag(model.command or [], number):
                place = context.document.at_value(*context.document.origin(name, "command"), number)
                yield Found(place, "the command holds a secret", help_text)


def _is_secret_of_flag(command: list[str], number: int) -> bool:
    """Return whether an item is the value of a flag for a secret, in one item with it or behind it."""
    own, before = (
        _SECRET_FLAG.fullmatch(command[number]),
        _SECRET_FLAG.fullmatch(command[number - 1]) if number else None,
    )
    value = own["value"] if own else command[number] if before and before["value"] is None else None
    return value is not None and len(value) >= 8


@rule("MG005", "nul-character")
def nul_character(context: Context) -> Iterator[Found]:
    r"""A string holds the character NUL.

    ## Why
    Neither an argument nor a variable of a process can hold it: the engine would get the text before it.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { GREETING = "hello\u0000world" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { GREETING = "hello world" }
    ```
    """
    if _ESCAPE.search(context.document.source.text):
        for path, text in _strings(context):
            if "\0" in text:
                yield Found(context.document.at_value(*path), "this string holds the character NUL", "remove it")


@rule("MG007", "literal-interpolation", Severity.WARNING)
def literal_interpolation(context: Context) -> Iterator[Found]:
    """A value with `${…}` in it.

    ## Why
    modelgen replaces nothing, and doubles each `$` so that Compose replaces nothing either: what a container is started
    with is what stands in the file, whoever calls and whatever is in their shell. One public file in two leaves an
    image, a port or a flag to a variable.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "${LEVEL}" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    text = context.document.source.text
    if "${" not in text and not _ESCAPE.search(text):
        return
    for path, value in _strings(context):
        if found := _INTERPOLATION.search(value):
            place = context.document.at_value(*path)
            yield Found(place, f"`{found[0]}` is written as it stands: nothing is replaced", "write the value itself")


def _strings(context: Context) -> Iterator[tuple[Path, str]]:
    """Yield every string of the file, keys included."""
    config = context.document.config
    stack: list[tuple[Path, Any]] = [((), config.model_dump(exclude_unset=True))]
    stack += [(path, keys.model_dump(exclude_unset=True)) for path, keys in context.document.compose.items()]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, child in value.items():
                yield (*path, key), str(key)
                stack.append(((*path, key), child))
        elif isinstance(value, list):
            stack.extend(((*path, number), child) for number, child in enumerate(value))
