"""Answer commands and options of other tools with what does the same here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("start", "run", "deploy", "create"), "run `modelgen up`; for one model, `modelgen load MODEL`"),
    **dict.fromkeys(("stop", "kill"), "run `modelgen down`; for one model, `modelgen unload MODEL`"),
    "restart": "run `modelgen unload MODEL`, then `modelgen load MODEL`; after a change of models.toml, `modelgen up`",
    **dict.fromkeys(("rm", "delete", "del"), "run `modelgen remove MODEL`; to stop it only, `modelgen unload MODEL`"),
    **dict.fromkeys(("ps", "ls", "list", "top", "models"), "run `modelgen status`"),
    **dict.fromkeys(
        ("pull", "download", "sync"), "run `modelgen fetch`; for a new model, `modelgen add NAMESPACE/NAME` before"
    ),
    **dict.fromkeys(("check", "lint", "test"), "run `modelgen validate`"),
    **dict.fromkeys(("config", "render", "generate", "compile"), "run `modelgen build`"),
    **dict.fromkeys(("preview", "dry-run"), "run `modelgen plan`, or `modelgen diff` for the files"),
    **dict.fromkeys(("new", "create-config"), "run `modelgen init`"),
    **dict.fromkeys(("freeze", "pin"), "run `modelgen lock`"),
    **dict.fromkeys(("evict", "drain"), "run `modelgen unload MODEL`"),
    **dict.fromkeys(("log", "tail"), "run `modelgen logs MODEL`"),
    **dict.fromkeys(("gc", "clean", "cleanup"), "run `modelgen prune`"),
    **dict.fromkeys(
        ("diagnose", "debug", "info", "health"), "run `modelgen doctor`; for one model, `modelgen why MODEL`"
    ),
    **dict.fromkeys(("help", "man"), "run `modelgen --help`, or `modelgen COMMAND --help`"),
    "version": "run `modelgen --version`",
    "apply": "run `modelgen up`; to write the files only, `modelgen build`",
    **dict.fromkeys(("upgrade", "update"), "run `modelgen lock --upgrade`"),
    **dict.fromkeys(
        ("inspect", "show", "describe"),
        "run `modelgen status`; for one model, `modelgen why MODEL`; for a rule, `modelgen explain CODE`",
    ),
    **dict.fromkeys(
        ("completion", "completions"), 'run `eval "$(_MODELGEN_COMPLETE=bash_source modelgen)"`, or with `zsh_source`'
    ),
}
"""Commands of Docker, Compose, Ollama and Terraform, with what does the same here."""
OPTIONS: Mapping[tuple[str, str], str] = {
    ("down", "-v"): "write `--volumes`",
    **dict.fromkeys(
        (("up", "-d"), ("up", "--detach")),
        "remove it: containers always run in the background; with `--no-wait`, `modelgen up` returns at once",
    ),
    ("up", "--profile"): "run `modelgen up`, then `modelgen switch --profile NAME`",
    **dict.fromkeys((("logs", "--tail"), ("logs", "-t")), "write `--lines`"),
    **dict.fromkeys((("build", "--dry-run"), ("build", "-n")), "run `modelgen diff`"),
    ("load", "--profile"): "run `modelgen switch --profile NAME`",
}
_SPELLINGS = {
    **dict.fromkeys(("-f", "-c", "--file", "--config-file"), ("--config", "--config")),
    **dict.fromkeys(("--json", "-j"), ("--format", "--format json")),
    **dict.fromkeys(("-o", "--output", "--out-dir"), ("--out", "--out")),
    **dict.fromkeys(("-y", "--assume-yes"), ("--yes", "--yes")),
    "--tail": ("--lines", "--lines"),
}
"""Options of other tools: the option that a command must have, and what to write."""


def about_option(error: click.NoSuchOption) -> str:
    """Return the message about an unknown option. It names another one only where its meaning or a typo is clear."""
    written, context = error.option_name, error.ctx
    start = f"no option `{written}`"
    if context is None:
        return start
    if context.parent is None:
        return f"{start} before the command: write options after it, as in `modelgen build --config FILE`"
    known = [name for parameter in context.command.get_params(context) for name in parameter.opts]
    option, spelling = _SPELLINGS.get(written, ("", ""))
    hint = OPTIONS.get((context.info_name or "", written)) or (f"write `{spelling}`" if option in known else "")
    if not hint and written.startswith("--"):
        words = [name.removeprefix("--") for name in known if name.startswith("--")]
        near = did_you_mean(written.removeprefix("--"), words, list_known=False)
        hint = near.replace("`", "`--", 1)
    return f"{start}: {hint}" if hint else start


def about_argument(error: click.MissingParameter) -> str:
    """Return the message about a missing argument, with the models of the file if it is the name of one."""
    from modelgen.cli.completion import complete_models

    parameter, context = error.param, error.ctx
    if parameter is None or context is None or parameter.name not in ("model", "models"):
        return error.format_message()
    names = [f"`{item.value}`" for item in complete_models(context, parameter, "")]
    shown = f"{', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
    return f"the name of a model is missing: models.toml has {shown}" if names else error.format_message()
