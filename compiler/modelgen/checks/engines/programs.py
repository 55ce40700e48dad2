"""Check the programs of the engine `command`."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING

from modelgen.checks.engines.versions import CONTAINER_TARGETS
from modelgen.diagnostics import Found, rule
from modelgen.engines.environment import hub
from modelgen.engines.host.addresses import parse_address
from modelgen.engines.images.places import cache_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.checks.context import Context
    from modelgen.config import Model

# The home in a container of root. No shell expands it in the target of a volume.
_HOME = re.compile(r"^(?:~|\$HOME|\$\{HOME\})(?=/|$)")
_PORT = re.compile(r"(?:--port[= ]|\b0\.0\.0\.0:)(\d{2,5})\b")


@rule("MG232", "bad-command")
def bad_command(context: Context) -> Iterator[Found]:
    """A `command` model whose program or port is not known, or with an invalid `health` or `upstream_name`.

    ## Why
    The engine `command` is any program that serves the OpenAI API. modelgen cannot know on which port it listens, or on
    which path it reports its health. Without `command`, a container runs the program of its image. `modelgen serve`
    has no image, and needs a `command`.

    ## Bad
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    ```

    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    command = []
    port = 8188
    ```

    ## Good
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    port = 8188
    ```

    ```toml
    [models.small]
    engine = "command"
    image = "registry.example/server:1.0"
    command = ["serve", "--port", "{port}", "--name", "{model}"]
    ```
    """
    document = context.document
    for name, model in context.taking("command"):
        if _has_no_program(context, name):
            place = document.at_header("models", name)
            help_text = 'write the program and its arguments: `command = ["serve", "--port", "{port}"]`'
            yield Found(place, f"`{name}` runs the program of its image, and `modelgen serve` has no image", help_text)
        elif model.command is not None and model.entrypoint is None and not any(model.command[:1]):
            help_text = 'write the program first, as in `command = ["serve"]`; without `command`, the image\'s own runs'
            yield Found(context.at_origin(name, "command"), "`command` has no program", help_text)
        elif found := _one_word(model):
            key, words = found
            message = f"`{(getattr(model, key))[0]}` is one word, and no program has that name"
            yield Found(context.document.at_value(*document.origin(name, key), 0), message, f"write `{key} = {words}`")
        elif _lacks_port(context, name, model):
            place = context.at_origin(name, "publish") if model.publish else document.at_header("models", name)
            named = _port_in(context.runs[name].program)
            port = named or _published(model) or context.runs[name].port
            help_text = (
                "write `{port}` in `command`: `modelgen serve` chooses the port"
                if model.port
                else f"write it as `port = {port}`, or `{{port}}` in `command`"
            )
            message = f"nothing says on which port `{name}` listens"
            if named:
                message = f"`{name}` listens on {named}, but modelgen expects {context.runs[name].port}"
            yield Found(place, message, help_text)
        elif model.port and (named := _own_port(context.runs[name].program)) not in (None, model.port):
            place = context.at_origin(name, "port")
            message = f"`{name}` listens on {named}, but its `port` is {model.port}"
            yield Found(place, message, f"write `port = {named}`, or `{{port}}` in `command`")
        if model.health is not None and not (model.health.startswith("/") and model.health.isprintable()):
            place = context.at_origin(name, "health")
            yield Found(place, f"`{model.health}` is not a path", 'write a path such as "/health"')
        if model.upstream_name == "":
            place = context.at_origin(name, "upstream_name")
            yield Found(place, "`upstream_name` is empty", "write the model name that the program expects")


def _has_no_program(context: Context, name: str) -> bool:
    """Return whether there is nothing to run on the host, where no image has a program."""
    on_host, model = not CONTAINER_TARGETS.intersection(context.targets), context.models[name]
    is_own = model.entrypoint == [] or not any(context.runs[name].program)
    return on_host and is_own and not context.document.is_refused("models", name, "command")


def _one_word(model: Model) -> tuple[str, str] | None:
    """Return the key whose first item is a program with its arguments, and the list to write; None if it is a program.

    Docker looks for a program with the whole item as its name. A path with spaces may be one, as on Windows.
    """
    key = "command" if model.entrypoint is None else "entrypoint"
    [first, *rest] = getattr(model, key) or [""]
    if not re.match(r"[\w.-]+\s+\S", first):
        return None
    try:
        return key, json.dumps([*shlex.split(first), *rest], ensure_ascii=False)
    except ValueError:
        return None


def _lacks_port(context: Context, name: str, model: Model) -> bool:
    """Return whether the port has to be written, and is not, not even the default as a number in the command.

    A command that names none may listen on the default, but a published port must be right. On the host, `modelgen
    serve` chooses the port.
    """
    document, program = context.document, " ".join(context.runs[name].program)
    if not CONTAINER_TARGETS.intersection(context.targets):
        return "{port}" not in program and bool(model.port)
    refused = any(
        document.is_refused(*table, key)
        for table in (("models", name), ("defaults",))
        for key in ("command", "entrypoint", "port")
    )
    is_needed = model.publish is not None or not program or _port_in(context.runs[name].program) is not None
    return is_needed and not (refused or model.port or "{port}" in program or str(context.runs[name].port) in program)


def _port_in(program: Sequence[str]) -> int | None:
    """Return the port that a command names as a number; None if it names none, or several."""
    found = set(_PORT.findall(" ".join(program)))
    return int(found.pop()) if len(found) == 1 else None


def _own_port(program: Sequence[str]) -> int | None:
    """Return the number of the program's own argument `--port`; None without one, or with several."""
    after = {value for flag, value in pairwise(program) if flag == "--port"}
    found = after | {word.removeprefix("--port=") for word in program if word.startswith("--port=")}
    [value] = found if len(found) == 1 else [""]
    return int(value) if value.isascii() and value.isdecimal() else None


def _published(model: Model) -> int | None:
    address = parse_address(model.publish) if model.publish else None
    return address.port if address else None


@rule("MG233", "bad-cache")
def bad_cache(context: Context) -> Iterator[Found]:
    """A `cache` that is not a directory of its own in the container.

    ## Why
    Each directory is the target of a volume. The hub directory is mounted by modelgen, read-only.

    ## Bad
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    port = 8188
    cache = ["./cache"]
    ```

    ## Good
    ```toml
    [models.tiny]
    engine = "command"
    image = "registry.example/server:1.0"
    port = 8188
    cache = ["/root/.cache", "/app/output"]
    ```
    """
    for name, model in context.taking("cache"):
        run, labels = context.runs[name], set[str]()
        assert run.engine is not None, "it takes the key"  # noqa: S101 - an invariant
        path = context.document.origin(name, "cache")
        for number, target in enumerate(model.cache or ()):
            place = context.document.at_value(*path, number)
            is_plain = target.startswith("/") and ":" not in target and posixpath.normpath(target) == target
            if not is_plain or not cache_label(target):
                # Compose's `host:container:mode`: the first part is on the host.
                inside = _HOME.sub("/root", target.split(":")[1] if ":" in target else target)
                absolute = posixpath.normpath(f"/{inside.lstrip('/')}")
                help_text = f'write `"{absolute if cache_label(absolute) else "/root/.cache"}"`'
                is_whole = is_plain and not target.strip("/")
                said = "is the whole container, not a directory of its own" if is_whole else "is not an absolute path"
                yield Found(place, f"`{target}` {said}", help_text)
            elif run.needs_hub and f"{target}/".startswith(f"{hub(run.engine, run.account)}/"):
                yield Found(place, f"`{target}` is in the hub directory, which is read-only", "write another directory")
            elif cache_label(target) in labels:
                yield Found(place, f"`{target}` has the volume of another `cache`", "remove one of them")
            labels.add(cache_label(target))
