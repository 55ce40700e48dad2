"""Check engines: their names, the keys that each takes, and keys that are not supported yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen import engines
from modelgen.config.familiar_answers import engine_name, is_other_engine
from modelgen.diagnostics import Found, did_you_mean, rule
from modelgen.load import DEFAULT_ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Model
    from modelgen.engines.engine import Engine


_GGUF_QUANT = re.compile(r"I?Q\d|T?BF16|F16|F32|MXFP4", re.IGNORECASE)


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
            yield Found(context.document.at_value(*path), f"unknown engine `{engine}`", _engine_instead(engine))
    for name in context.known_names("engines"):
        if name not in known:
            place = context.document.at_header("engines", name)
            yield Found(place, f"unknown engine `{name}`", _engine_instead(name, is_table=True))


def _engine_instead(name: str, *, is_table: bool = False) -> str:
    if name.lower() == "ollama" and not is_table:
        return (
            'write `engine = "llamacpp"` for a GGUF file of the hub, or `engine = "command"` with `port = 11434` for '
            "Ollama itself"
        )
    if is_other_engine(name):
        own = "" if not is_table else f", remove `[engines.{name}]`"
        return f'write `engine = "command"` with the `image` and the `command` of this program{own}'
    meant = engine_name(name)
    if meant not in engines.SUPPORTED:
        return did_you_mean(name, engines.SUPPORTED)
    return f"write `[engines.{meant}]`" if is_table else f'write `engine = "{meant}"`'


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
                help_text = _instead(key, table, engines.ENGINES[engine]) or f"remove it: only {_either(only)} takes it"
                yield Found(place, f"the engine `{engine}` takes no `{key}`", help_text)
        for key in ("include", "exclude"):
            if context.models[name].repo is None and getattr(table, key) is not None:
                place = document.at_key("models", name, key)
                yield Found(place, f"`{name}` has `{key}` but no `repo`", f"remove `{key}`, or write `repo`")
    for name, engine_table in (document.config.engines or {}).items():
        for key in ("args", "version", "fork"):
            only = engines.TAKERS[key]
            if name in engines.SUPPORTED and name not in only and getattr(engine_table, key) is not None:
                place, help_text = document.at_key("engines", name, key), f"remove it: only {_either(only)} takes it"
                yield Found(place, f"the engine `{name}` takes no `{key}`", help_text)
    yield from _unused_defaults(context)


def _instead(key: str, table: Model, engine: Engine) -> str:
    """Return what to write for a key of `command` that users of other engines mean otherwise; else an empty string."""
    if key == "port":
        return f'write `publish = "127.0.0.1:{table.port}"` for a port on the host; the one in the container is fixed'
    if engine.catalogue is not None and _is_of_gguf(key, table):
        return f'write `engine = "{engines.TAKERS[key][0]}"`, which loads GGUF files, with its flags in `args`'
    if key == "quant" and engine.quantization:
        return f'write `args = {{ {engine.quantization} = "{table.quant}" }}` for the kind of the weights'
    if key == "draft" and engine.drafts and table.draft is not None:
        value = f'{{ {engine.drafts.model} = "{table.draft.repo}", num_speculative_tokens = 4 }}'
        return f"write `args = {{ {engine.drafts.flag} = {value} }}` in its place, with a repository of safetensors"
    if key == "cache":
        return "remove it: compile caches have a volume, and the hub directory is `[project] hub`"
    return ""


def _is_of_gguf(key: str, table: Model) -> bool:
    return (key == "file" and (table.file or "").endswith(".gguf")) or (
        key == "quant" and _GGUF_QUANT.match(table.quant or "") is not None
    )


def _unused_defaults(context: Context) -> Iterator[Found]:
    """Yield the keys of `[defaults]` that no model takes. Its `args` are for the models of its engine."""
    defaults = context.document.config.defaults
    default_engine = (defaults and defaults.engine) or DEFAULT_ENGINE
    used = {run.engine_name for run in context.runs.values()} or {default_engine}
    for key, only in {**engines.TAKERS, "args": (default_engine,)}.items():
        if getattr(defaults, key, None) is not None and not used & {*only}:
            place = context.document.at_key("defaults", key)
            help_text = f"remove it: only {_either(only)} takes it"
            if key == "args":
                help_text = "write it in `[engines.NAME]`: these are for the models of " + _either(only)
            yield Found(place, f"no model takes `{key}`", help_text)


def _either(names: Iterable[str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} or {last}" if first else last
