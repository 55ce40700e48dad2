"""Check for tokens and characters that must not be in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.diagnostics import Found, Severity, rule
from modelgen.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path

_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")
# Keys of OpenAI and compatible services, of AWS, of GitHub.
_KEY = re.compile(r"\b(?:sk-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,})")
_SECRET_NAME = re.compile(r"(?:API_?KEY|SECRET|SECRET_KEY|ACCESS_KEY|AUTH_TOKEN|ACCESS_TOKEN|PASSWORD)$", re.IGNORECASE)
_SECRET_FLAG = re.compile(r"--?(?:api-?key|auth-token|password|secret)(?:=(?P<value>.+))?", re.IGNORECASE)
_INTERPOLATION = re.compile(r"\$\{[A-Za-z_][^}]*\}")
_ESCAPE = re.compile(r"\\[uUx]")


@rule("MG107", "literal-token")
def literal_token(context: Context) -> Iterator[Found]:
    """A Hugging Face token in the file.

    ## Why
    models.toml is committed and reviewed, and the files built from it are copied to hosts. A token in it, even in a
    comment, is public: revoke it. Engines run offline and need no token.

    ## Bad
    ```toml
    [models.qwen]
    env = { MY_LOGIN = "hf_abcdefghijklmnopqrstuvwxyz" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = {}
    ```
    """
    help_text = "revoke it, and set a new one as HF_TOKEN in the shell that runs `modelgen fetch`"
    source = context.document.source
    found = False
    for number, line in enumerate(source.lines, 1):
        for token in _TOKEN.finditer(line) if "hf_" in line else ():
            found = True
            place = Span(source.path, number, token.start() + 1, number, token.end() + 1)
            yield Found(place, "the file contains a Hugging Face token", help_text)
    if not found and _ESCAPE.search(source.text):
        for path, text in _strings(context):
            if _TOKEN.search(text):
                yield Found(context.document.at_value(*path), "the file contains a Hugging Face token", help_text)


@rule("MG108", "literal-secret")
def literal_secret(context: Context) -> Iterator[Found]:
    """A key or password in a variable or a command.

    ## Why
    models.toml and the files built from it are committed, and `docker inspect` shows their values. Put the secret in a
    file on the host, and name it as `env_file` in docker-compose.override.yml. `modelgen serve` passes no secret of its
    own environment to a program, but the command can read such a file:
    `command = ["sh", "-c", "set -a; . ./secret.env; exec program --port {port}"]`.

    ## Bad
    ```toml
    [models.qwen]
    env = { AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = {}
    ```
    """
    help_text = (
        "change the secret, and put it in a file on the host: name it as `env_file` in docker-compose.override.yml; "
        "under `modelgen serve`, let the command read it"
    )
    for path, key, value in context.entries("env"):
        is_owned = key in context.owned_variables(path)
        if (_SECRET_NAME.search(key) and len(value) >= 8 and not is_owned) or _KEY.search(value):
            yield Found(context.document.at_value(*path), f"`{key}` contains a secret", help_text)
    for name, model in context.models.items():
        for key, items in (("entrypoint", model.entrypoint or []), ("command", model.command or [])):
            for number, item in enumerate(items):
                if _KEY.search(item) or _is_secret_of_flag(items, number):
                    place = context.document.at_value(*context.document.origin(name, key), number)
                    yield Found(place, "the command contains a secret", help_text)


def _is_secret_of_flag(command: list[str], number: int) -> bool:
    """Return whether an item of a command is the value of a flag for secrets: `--flag=VALUE`, or the item after it."""
    own, before = (
        _SECRET_FLAG.fullmatch(command[number]),
        _SECRET_FLAG.fullmatch(command[number - 1]) if number else None,
    )
    value = own["value"] if own else command[number] if before and before["value"] is None else None
    return value is not None and len(value) >= 8


@rule("MG005", "nul-character")
def nul_character(context: Context) -> Iterator[Found]:
    r"""A string with a NUL character.

    ## Why
    Arguments and variables of a process end at NUL, so the engine would get only the text before it.

    ## Bad
    ```toml
    [models.qwen]
    env = { GREETING = "hello\u0000world" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { GREETING = "hello world" }
    ```
    """
    if _ESCAPE.search(context.document.source.text):
        for path, text in _strings(context):
            if "\0" in text:
                yield Found(context.document.at_value(*path), "this string contains a NUL character", "remove it")


@rule("MG007", "literal-interpolation", Severity.WARNING)
def literal_interpolation(context: Context) -> Iterator[Found]:
    """A value with `${…}`.

    ## Why
    modelgen does not interpolate variables, and doubles each `$` so that Compose does not either. A container starts
    with exactly the values in models.toml, whatever is set in the shell. One in two public files takes an image, a port
    or a flag from a variable.

    ## Bad
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "${LEVEL}" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    text = context.document.source.text
    if "${" not in text and not _ESCAPE.search(text):
        return
    # The finding on a variable that modelgen sets says to remove it; the value of a token would be a secret.
    owned = {path for path, key, _ in context.entries("env") if key.upper() in context.owned_variables(path)}
    for path, value in _strings(context):
        if path not in owned and (found := _INTERPOLATION.search(value)):
            place = context.document.at_value(*path)
            yield Found(place, f"`{found[0]}` is not interpolated", "write the value itself")


def _strings(context: Context) -> Iterator[tuple[Path, str]]:
    """Yield every string in the file, including keys."""
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
