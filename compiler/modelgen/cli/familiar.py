"""Answer commands and options of other tools with what does the same here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

_COMPLETION = 'run `eval "$(_MODELGEN_COMPLETE=bash_source modelgen)"`, or with `zsh_source`'
COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("start", "run", "deploy", "create"), "run `modelgen up`; for one model, `modelgen load MODEL`"),
    **dict.fromkeys(("stop", "kill"), "run `modelgen down`; for one model, `modelgen unload MODEL`"),
    "restart": "run `modelgen unload MODEL`, then `modelgen load MODEL`; after a change of models.toml, `modelgen up`",
    **dict.fromkeys(("rm", "delete", "del"), "run `modelgen remove MODEL`; to stop it only, `modelgen unload MODEL`"),
    **dict.fromkeys(("ps", "ls", "list", "top", "models"), "run `modelgen status`"),
    **dict.fromkeys(
        ("pull", "download", "sync"), "run `modelgen fetch`; for a new model, `modelgen add NAMESPACE/NAME` before"
    ),
    **dict.fromkeys(("check", "test"), "run `modelgen validate`"),
    **dict.fromkeys(("config", "render", "generate", "compile"), "run `modelgen build`"),
    **dict.fromkeys(("preview", "dry-run"), "run `modelgen plan`, or `modelgen diff` for the files"),
    **dict.fromkeys(("new", "create-config"), "run `modelgen init`"),
    **dict.fromkeys(("freeze", "pin"), "run `modelgen lock`"),
    **dict.fromkeys(("register", "convert"), "run `modelgen add ./FOLDER --as local/NAME`"),
    **dict.fromkeys(("stats", "events", "port", "state", "output", "volumes"), "run `modelgen status`"),
    **dict.fromkeys(("pause", "disable"), "run `modelgen hold MODEL`"),
    **dict.fromkeys(("unpause", "resume", "enable"), "run `modelgen release MODEL`"),
    **dict.fromkeys(
        ("compose", "docker"), "run `modelgen up`, `down`, `logs` or `status`, or `docker compose` in build/"
    ),
    **dict.fromkeys(("exec", "attach", "cp"), "run `docker exec CONTAINER …`; `docker ps` lists the containers"),
    **dict.fromkeys(("images", "push", "save", "commit"), "images belong to Docker: run `docker image …`"),
    **dict.fromkeys(("fmt", "format"), "models.toml is TOML, which editors and `taplo format` arrange"),
    "scale": "write a second model with the same `repo`, and other `gpus`",
    "destroy": "run `modelgen down`",
    "refresh": "run `modelgen plan`",
    **dict.fromkeys(("evict", "drain"), "run `modelgen unload MODEL`"),
    **dict.fromkeys(("log", "tail"), "run `modelgen logs MODEL`"),
    **dict.fromkeys(("gc", "clean", "cleanup"), "run `modelgen prune`"),
    **dict.fromkeys(
        ("diagnose", "debug", "info", "health"), "run `modelgen doctor`; for one model, `modelgen why MODEL`"
    ),
    **dict.fromkeys(("help", "man"), "run `modelgen --help`, or `modelgen COMMAND --help`"),
    "version": "run `modelgen --version`",
    "apply": "run `modelgen up`; to write the files only, `modelgen build`",
    "update": "run `modelgen lock --upgrade` for the weights, `modelgen upgrade` for an engine",
    **dict.fromkeys(
        ("inspect", "show", "describe"),
        "run `modelgen status`; for one model, `modelgen why MODEL`; for a rule, `modelgen explain CODE`",
    ),
    **dict.fromkeys(("completion", "completions"), _COMPLETION),
}
"""Commands of Docker, Compose, Ollama and Terraform, with what does the same here."""
_IN_BACKGROUND = (
    "remove it: containers always run in the background; `modelgen logs MODEL --follow` prints their output"
)
_ANEW = "remove it: containers that changed are made anew; for all of them, run `modelgen down` before"
_BY_DOCKER = "run `docker logs {option} …` with the name of the container, or write `--lines`"
_GRACE = "write `stop_grace_period` in the model's `compose`"
_LISTEN = 'write `listen = "127.0.0.1:8080"` in `[orchestrator]`'
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "build": {**dict.fromkeys(("--dry-run", "-n"), "run `modelgen diff`")},
    "down": {
        "-v": "write `--volumes`",
        "--remove-orphans": "remove it: `modelgen down` removes all containers of the project",
        "--rmi": "run `docker image rm IMAGE` afterwards; `modelgen down` keeps images",
        "--dry-run": "run `modelgen status`, which lists the models",
        **dict.fromkeys(("-t", "--timeout"), _GRACE),
    },
    "fetch": {"--force": "remove it: intact files stay; `modelgen verify --fix` moves damaged ones aside"},
    "init": {"--force": "remove the file before: `modelgen init` replaces none"},
    "load": {"--profile": "run `modelgen switch --profile NAME`"},
    "lock": {**dict.fromkeys(("--update", "-U", "-u"), "write `--upgrade`")},
    "logs": {
        "--tail": "write `--lines`",
        **{one: _BY_DOCKER.format(option=one) for one in ("--timestamps", "--since", "--until")},
        "-t": _BY_DOCKER.format(option="--timestamps"),
        **dict.fromkeys(("--no-log-prefix", "--no-color"), "remove it: the lines are those of the engine"),
        "--index": "remove it: a model has one container",
        "--dry-run": "remove it: `modelgen logs` changes nothing",
        **dict.fromkeys(("-a", "--all"), "run `modelgen logs MODEL` for each model"),
    },
    "rules": {"--format": "remove it: a line has the code, the severity, the name and the summary"},
    "serve": {**dict.fromkeys(("--port", "-p", "--host"), _LISTEN)},
    "status": {
        **dict.fromkeys(("-a", "--all", "--orphans"), "remove it: `modelgen status` lists all models"),
        **dict.fromkeys(("-q", "--quiet", "--services"), "write `--format json`"),
        **dict.fromkeys(("-w", "--watch"), "run `watch modelgen status`"),
        **dict.fromkeys(("--filter", "--status"), "remove it, and pass the list to `grep`"),
        "--no-trunc": "remove it: `modelgen status` shortens nothing",
        "--dry-run": "remove it: `modelgen status` changes nothing",
    },
    "up": {
        **dict.fromkeys(("-d", "--detach"), f"{_IN_BACKGROUND}. With `--no-wait`, `modelgen up` returns at once"),
        **dict.fromkeys(("--attach", "--attach-dependencies", "--no-attach", "--menu"), _IN_BACKGROUND),
        **dict.fromkeys(("--abort-on-container-exit", "--abort-on-container-failure"), _IN_BACKGROUND),
        **dict.fromkeys(("--exit-code-from", "--no-log-prefix", "--timestamps"), _IN_BACKGROUND),
        **dict.fromkeys(
            ("--build", "--no-build", "--quiet-build"),
            "remove it: `modelgen up` builds an image with `build` if it is missing; `docker image rm` removes one",
        ),
        **dict.fromkeys(("--pull", "--quiet-pull"), "remove it: `modelgen up` pulls images that are missing"),
        **dict.fromkeys(("--force-recreate", "--always-recreate-deps", "--renew-anon-volumes", "-V"), _ANEW),
        **dict.fromkeys(("--no-recreate", "--no-deps"), "run `modelgen plan` before, which lists what is made anew"),
        "--no-start": "run `modelgen build`, then `modelgen fetch`",
        "--no-color": "set the variable NO_COLOR to 1",
        "--dry-run": "run `modelgen plan`",
        "--remove-orphans": "remove it: `modelgen up` removes containers that models.toml no longer has",
        "--scale": "write a second model with the same `repo`, and other `gpus`",
        "--wait": "remove it: `modelgen up` waits until the default profile serves",
        "--wait-timeout": "write `start_timeout` in the model's table",
        **dict.fromkeys(("-t", "--timeout"), _GRACE),
        **dict.fromkeys(("-w", "--watch"), "run `modelgen up` again after a change of models.toml"),
        **dict.fromkeys(("--port", "-p", "--host"), _LISTEN),
        "--profile": "run `modelgen up`, then `modelgen switch --profile NAME`",
    },
    "validate": {"--strict": 'write `RULE = "error"` in `[rules]` for a warning that is to fail'},
    "why": {**dict.fromkeys(("-a", "--all"), "run `modelgen status`, which lists all models")},
}
"""Options of Docker Compose, Ollama and others that a command does not have, by command."""
ARGUMENTS: Mapping[str, str] = {
    **dict.fromkeys(("up", "serve"), "run `modelgen {command}`, then `modelgen load {word}` for one model"),
    "down": "run `modelgen unload {word}` for one model",
    "status": "run `modelgen why {word}` for one model",
    "rules": "run `modelgen explain {word}` for one rule",
    "key": "write `--role user` or `--role admin`",
    "init": "write `--config {word}` for the file, or `--hub {word}` for the weights",
    **dict.fromkeys(("load", "unload", "logs", "why", "explain"), "run it once for each"),
    "switch": "run it once for each; `--profile NAME` loads the models of a profile together",
}
"""Answers to an argument that a command does not take."""
_MISSING = {
    "explain": "the code of a rule is missing, as in `modelgen explain MG102`; `modelgen rules` lists them",
    "key": "the role is missing: write `--role user` or `--role admin`",
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
    if context.parent is None and "completion" in written:
        return f"{start}: {_COMPLETION}"
    if context.parent is None and (near := _nearest(written, ["version", "help"])):
        return f"{start}: {near}"
    if context.parent is None:
        return f"{start} before the command: write options after it, as in `modelgen build --config FILE`"
    known = [name for parameter in context.command.get_params(context) for name in parameter.opts]
    option, spelling = _SPELLINGS.get(written, ("", ""))
    hint = OPTIONS.get(context.info_name or "", {}).get(written) or (f"write `{spelling}`" if option in known else "")
    if not hint and written.startswith("--"):
        words = [name.removeprefix("--") for name in known if name.startswith("--")]
        hint = _nearest(written, words)
    return f"{start}: {hint}" if hint else start


def _nearest(written: str, words: list[str]) -> str:
    near = did_you_mean(written.removeprefix("--"), words, list_known=False)
    return near.replace("`", "`--", 1)


def about_argument(error: click.MissingParameter) -> str:
    """Return the message about a missing argument, with the models of the file if it is the name of one."""
    from modelgen.cli.completion import complete_models

    parameter, context = error.param, error.ctx
    if context is not None and context.info_name in _MISSING:
        return _MISSING[context.info_name]
    if parameter is None or context is None or (parameter.name not in ("model", "models", "name")):
        return error.format_message()
    names = [f"`{item.value}`" for item in complete_models(context, parameter, "")]
    shown = f"{', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
    return f"the name of a model is missing{f': models.toml has {shown}' if names else ''}"


def about_extra(error: click.UsageError) -> str:
    """Return the message about an argument too many; the error's own if it is about something else."""
    found = re.fullmatch(r"Got unexpected extra arguments? \((\S+).*\)", error.message)
    command = error.ctx.info_name if error.ctx else None
    if found is None or command is None:
        return error.message
    hint = ARGUMENTS.get(command, "`modelgen {command} --help` shows what it takes")
    return f"`{found[1]}` is an argument too many: {hint.format(word=found[1], command=command)}"
