"""Check `env` tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.flags.flag_spelling import instead_of_owned
from modelgen.diagnostics import Found, rule
from modelgen.engines.environment import OWNED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


@rule("MG220", "owned-env")
def owned_env(context: Context) -> Iterator[Found]:
    """A variable that modelgen sets, or that engines must not have.

    ## Why
    The place of the hub, the offline mode and the visible GPUs must agree with mounts, networks and reservations. With
    `HF_HUB_OFFLINE=0`, a container on a host without internet never becomes healthy.

    ## Bad
    ```toml
    [models.qwen]
    env = { TRANSFORMERS_CACHE = "/models" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { VLLM_LOGGING_LEVEL = "DEBUG" }
    ```
    """
    for path, key, _ in context.entries("env"):
        if (why := context.owned_variables(path).get(key.upper())) is not None:
            place = context.document.at_key(*path)
            yield Found(place, f"modelgen sets `{key}`, or keeps it from engines", _removal(why))
    for path, flag, help_text in _owned_flags(context):
        place = context.document.at_key(*path)
        yield Found(place, f"`{path[-1]}` sets `--{flag}`, which modelgen sets itself", help_text)


def _removal(reason: str) -> str:
    return reason if reason.startswith("write ") else f"remove it: {reason}"


def _owned_flags(context: Context) -> Iterator[tuple[Path, str, str]]:
    """Yield each variable that its engine reads as a flag that modelgen sets, with the flag and its help, once."""
    found: dict[Path, tuple[str, str]] = {}
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.variables is None:
            continue
        for key, path in context.env_paths(name).items():
            flag = key.removeprefix(engine.variables).lower().replace("_", "-")
            if key.startswith(engine.variables) and key not in OWNED and flag in engine.owned_args:
                found[path] = flag, instead_of_owned(engine.owned_args[flag], run.env[key], is_negative=False)
    yield from ((path, *said) for path, said in found.items())


@rule("MG221", "bad-env-name")
def bad_env_name(context: Context) -> Iterator[Found]:
    """An invalid variable name.

    ## Why
    Engines and tools read names of letters, digits and `_`. Docker accepts others, but programs do not find them.

    ## Bad
    ```toml
    [models.qwen]
    env = { "MY-SETTING" = "on" }
    ```

    ## Good
    ```toml
    [models.qwen]
    env = { MY_SETTING = "on" }
    ```
    """
    for path, key, _ in context.entries("env"):
        if not _NAME.fullmatch(key):
            place = context.document.at_key(*path)
            meant = re.sub(r"[^A-Za-z0-9_]", "_", key)
            help_text = f"write `{meant}`" if _NAME.fullmatch(meant) else "use letters, digits and `_`, at most 255"
            yield Found(place, f"`{key}` is not a valid variable name", help_text)
