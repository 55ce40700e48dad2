"""Check engines: their names, the keys that each takes, and keys that are not supported yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import engines
from modelgen.diagnostics import Found, did_you_mean, rule
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.checks.context import Context


@rule("MG201", "unknown-engine")
def unknown_engine(context: Context) -> Iterator[Found]:
    """An engine that modelgen does not support.

    ## Why
    modelgen must know how an engine is started, how it finds its weights and when it is ready. For any other program
    that serves the OpenAI API, write `engine = "command"`.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    engine = "vlm"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    engine = "vllm"
    args = { max-model-len = 16384 }
    ```
    """
    known = engines.SUPPORTED
    places = [
        (context.document.origin(name, "engine"), model.engine)
        for name, model in context.models.items()
        if model.engine
    ]
    for path, engine in dict(places).items():
        if engine not in known:
            yield Found(context.document.at_value(*path), f"unknown engine `{engine}`", did_you_mean(engine, known))
    for name in context.known_names("engines"):
        if name not in known:
            place = context.document.at_header("engines", name)
            yield Found(place, f"unknown engine `{name}`", did_you_mean(name, known))


@rule("MG230", "not-supported-yet")
def not_supported_yet(context: Context) -> Iterator[Found]:
    """A value that modelgen does not support yet.

    ## Why
    The value has a defined meaning, but would have no effect in this version.

    ## Bad
    ```toml
    [models.qwen]
    switch = "sleep"
    ```

    ## Good
    ```toml
    [models.qwen]
    switch = "restart"
    ```
    """
    document = context.document
    config = document.config
    tables = [(("models", name), model) for name, model in (config.models or {}).items()]
    for path, table in [*tables, *([(("defaults",), config.defaults)] if config.defaults else [])]:
        if table.switch == "sleep":
            place = document.at_value(*path, "switch")
            yield Found(place, '`switch = "sleep"` is not supported yet', 'write `switch = "restart"`')


@rule("MG231", "key-of-another-engine")
def key_of_another_engine(context: Context) -> Iterator[Found]:
    """A key that the model's engine does not take.

    ## Why
    The key would have no effect.

    ## Bad
    ```toml
    [models.qwen]
    health = "/ready"
    ```

    ## Good
    ```toml
    [models.qwen]
    engine = "command"
    image = "registry.example/server:1.0"
    command = ["serve", "--port", "{port}"]
    health = "/ready"
    ```
    """
    document = context.document
    written = document.config.models or {}
    for name, table in written.items():
        engine = context.runs[name].engine_name
        for key, only in engines.TAKERS.items():
            if engine in engines.SUPPORTED and engine not in only and getattr(table, key) is not None:
                place = document.at_key("models", name, key)
                help_text = f"remove it: only {_either(only)} takes it"
                yield Found(place, f"the engine `{engine}` takes no `{key}`", help_text)
        for key in ("include", "exclude"):
            if context.models[name].repo is None and getattr(table, key) is not None:
                place = document.at_key("models", name, key)
                yield Found(place, f"`{name}` has `{key}` but no `repo`", f"remove `{key}`, or write `repo`")
    used = {run.engine_name for run in context.runs.values()} or {DEFAULT_ENGINE}
    for key, only in {**engines.TAKERS, "args": (DEFAULT_ENGINE,)}.items():
        if getattr(document.config.defaults, key, None) is not None and not used & {*only}:
            place = document.at_key("defaults", key)
            yield Found(place, f"no model takes `{key}`", f"remove it: only {_either(only)} takes it")


def _either(names: Iterable[str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} or {last}" if first else last


@rule("MG232", "bad-command")
def bad_command(context: Context) -> Iterator[Found]:
    """A `command` model without a program, or with an invalid `health` or `upstream_name`.

    ## Why
    The engine `command` is any program that serves the OpenAI API. modelgen cannot know what to run, or on which path
    it reports its health.

    ## Bad
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    ```

    ## Good
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    command = ["serve", "--port", "{port}", "--name", "{model}"]
    ```
    """
    document = context.document
    for name, model in context.taking("command"):
        if document.lacks(name, "command"):
            yield Found(
                document.at_header("models", name),
                f"`[models.{name}]` has no `command`",
                'write the program and its arguments: `command = ["serve", "--port", "{port}"]`',
            )
        elif model.command is not None and not (model.command and model.command[0]):
            place = context.at_origin(name, "command")
            yield Found(place, "`command` has no program", 'write the program first: `command = ["serve"]`')
        if model.health is not None and not (model.health.startswith("/") and model.health.isprintable()):
            place = context.at_origin(name, "health")
            yield Found(place, f"`{model.health}` is not a path", 'write a path such as "/health"')
        if model.upstream_name == "":
            place = context.at_origin(name, "upstream_name")
            yield Found(place, "`upstream_name` is empty", "write the model name that the program expects")
