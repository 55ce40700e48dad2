"""Check ids, aliases and services: every name has one meaning."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path
    from modelgen.source import Span

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]*")
_SIGNS = "`. _ : / @ + [ ] -`"
_SERVICE = re.compile(r"[a-z0-9][a-z0-9_-]*")
# A service name is a host name on the internal network, so it is one DNS label.
_LONGEST = 63
# Services that modelgen adds.
RESERVED = frozenset({"orchestrator", "socket-proxy"})


@rule("MG401", "bad-id")
def bad_id(context: Context) -> Iterator[Found]:
    """A model, GPU or profile whose name has characters that are not allowed.

    ## Why
    Names become parts of services, Compose profiles, labels and paths of the control API. Letters, digits, `.`, `_` and
    `-` are allowed, beginning with a letter or digit.

    ## Bad
    ```toml
    [models."my model"]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.my-model]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for table in ("gpus", "models", "profiles"):
        for name in context.known_names(table):
            if not _ID.fullmatch(name):
                place = context.document.at_header(table, name)
                keeps = f'; `aliases = ["{name}"]` keeps the name for clients' if _is_alias(table, name) else ""
                yield Found(place, f"`{name}` is not a valid name", f"{_bare(name, _ID, '`.`, `_` and `-`')}{keeps}")


@rule("MG402", "bad-alias")
def bad_alias(context: Context) -> Iterator[Found]:
    """An alias, or the name of a LoRA adapter, with characters that are not allowed.

    ## Why
    Clients send the name as `model`, and it becomes an argument of the engine. Letters, digits and `. _ : / @ + [ ] -`
    are allowed, beginning with a letter or digit: `claude-opus-4-8[1m]`, `openai/gpt-4o` and `qwen3:32b` are names that
    clients send.

    ## Bad
    ```toml
    [models.qwen]
    aliases = ["gpt 4"]
    ```

    ## Good
    ```toml
    [models.qwen]
    aliases = ["gpt-4", "openai/gpt-4:latest"]
    ```
    """
    for name, model in (context.document.config.models or {}).items():
        for number, alias in enumerate(model.aliases or ()):
            if not _ALIAS.fullmatch(alias):
                place = context.document.at_value("models", name, "aliases", number)
                yield Found(place, f"`{alias}` is not a valid alias", _bare(alias, _ALIAS, _SIGNS))
    for path, lora, _ in context.entries("loras"):
        if not _ALIAS.fullmatch(lora):
            place = context.document.at_key(*path)
            yield Found(place, f"`{lora}` is not a valid name", _bare(lora, _ALIAS, _SIGNS))


@rule("MG403", "name-collision")
def name_collision(context: Context) -> Iterator[Found]:
    """One name for two models, or for a model and an adapter.

    ## Why
    Ids, repository ids, aliases and names of adapters share one namespace: a request selects its model by any of them.
    A repository id that several models share selects none of them, which is no error.

    ## Bad
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    aliases = ["default"]
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    aliases = ["default"]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.one]
    repo = "Qwen/Qwen3-4B"
    aliases = ["default"]
    args = { max-model-len = 16384 }

    [models.two]
    repo = "Qwen/Qwen3-8B"
    args = { max-model-len = 16384 }
    ```
    """
    taken: dict[str, tuple[str, Path]] = {}
    for name, model in context.models.items():
        own: list[tuple[str, Path]] = [(name, ("models", name))]
        own += [(alias, ("models", name, "aliases", at)) for at, alias in enumerate(model.aliases or ())]
        own += [(lora, context.document.origin(name, "loras", lora)) for lora in model.loras or ()]
        for word, path in own:
            other, other_path = taken.setdefault(word, (name, path))
            if other != name or (other_path != path and "loras" in (*path, *other_path)):
                owners = f"`{other}` and `{name}`" if other != name else f"`{name}` and one of its adapters"
                yield Found(_later(context, other_path, path), f"{owners} have the name `{word}`", "rename one of them")
    for name, model in context.models.items():
        other, other_path = taken.get(model.repo or "", (name, ()))
        if other != name or "loras" in other_path:
            what = f"`{other}`" if other != name else "an adapter"
            yield Found(
                _later(context, other_path, ("models", name, "repo")),
                f"`{model.repo}` is a name of {what}, but also the repository of `{name}`",
                "rename it",
            )


@rule("MG404", "bad-service")
def bad_service(context: Context) -> Iterator[Found]:
    """An invalid service name.

    ## Why
    The name is a host name on the internal network: at most 63 lower-case letters, digits, `-` and `_`. modelgen itself
    adds the services `orchestrator` and `socket-proxy`.

    ## Bad
    ```toml
    [models.qwen]
    service = "vLLM.qwen"
    ```

    ## Good
    ```toml
    [models.qwen]
    service = "vllm-qwen"
    ```
    """
    for name, model in context.models.items():
        service = context.runs[name].service
        if service in RESERVED:
            place = context.document.at_value("models", name, "service")
            yield Found(
                place,
                f"modelgen itself adds a service `{service}`",
                f'write `service = "{service}-model"`, or another name',
            )
        elif len(service) > _LONGEST or (model.service is not None and not _SERVICE.fullmatch(service)):
            yield Found(
                context.document.at_value("models", name, "service"),
                f"`{service}` is not a valid service name",
                f'write `service = "{_service_like(service)}"`, with at most {_LONGEST} lower-case letters and digits',
            )


@rule("MG436", "taken-network-alias")
def taken_network_alias(context: Context) -> Iterator[Found]:
    """A `network_aliases` entry that is the name of a service, or written twice.

    ## Why
    Docker's name server answers with one of the containers that have a name, at random: half of the requests would
    reach the engine instead of the orchestrator.

    ## Bad
    ```toml
    [models.qwen]
    service = "vllm"

    [orchestrator]
    network_aliases = ["vllm"]
    ```

    ## Good
    ```toml
    [models.qwen]
    service = "vllm-qwen"

    [orchestrator]
    network_aliases = ["vllm"]
    ```
    """
    table = context.document.config.orchestrator
    taken = {run.service: f"the service of `{name}`" for name, run in context.runs.items()}
    taken |= dict.fromkeys(RESERVED, "a service of modelgen")
    for number, alias in enumerate((table and table.network_aliases) or ()):
        if (owner := taken.get(alias)) is not None:
            place = context.document.at_value("orchestrator", "network_aliases", number)
            is_model = alias not in RESERVED
            way = "give the model another `service`, or remove it" if is_model else "remove it"
            yield Found(place, f"`{alias}` is {owner}", way)
        taken.setdefault(alias, "written twice")


@rule("MG405", "service-collision")
def service_collision(context: Context) -> Iterator[Found]:
    """Two models with the same service name, and so the same container name.

    ## Why
    Compose would merge them into one service. The default name is `<engine>-<id>` in lower case, with `-` for `.` and
    `_`, so ids that differ only in these have the same one.

    ## Bad
    ```toml
    [models."qwen.4b"]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [models.qwen-4b]
    repo = "Qwen/Qwen3-8B"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models."qwen.4b"]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }

    [models.qwen-4b]
    repo = "Qwen/Qwen3-8B"
    service = "vllm-qwen-second"
    args = { max-model-len = 16384 }
    ```
    """
    taken: dict[str, str] = {}
    services = {run.service for run in context.runs.values()}
    for name, run in context.runs.items():
        service = run.service
        other = taken.setdefault(service, name)
        if other != name:
            place = _later(context, ("models", other, "service"), ("models", name, "service"))
            free = next(one for number in count(2) if (one := f"{service[: _LONGEST - 8]}-{number}") not in services)
            yield Found(
                place,
                f"`{other}` and `{name}` both have the service `{service}`",
                f'write `service = "{free}"`, or another name',
            )


def _is_alias(table: str, name: str) -> bool:
    """Return whether a name with a colon or slash, as clients of Ollama send, can be an alias of its model."""
    return table == "models" and re.search("[:/]", name) is not None and _ALIAS.fullmatch(name) is not None


def _bare(name: str, allowed: re.Pattern[str], signs: str) -> str:
    """Return what to write for a name with characters that are not allowed."""
    bare = re.sub(r"[^A-Za-z0-9._:/-]+" if ":" in signs else r"[^A-Za-z0-9._-]+", "-", name).strip("-._:/")
    rest = f"use letters, digits, {signs}"
    return f"write `{bare}`: {rest}" if allowed.fullmatch(bare) else rest


def _service_like(service: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", service.lower()).strip("-_")[:_LONGEST].rstrip("-_") or "engine"


def _later(context: Context, *paths: Path) -> Span:
    """Return the later of the places that collide; that is the one to change."""
    return max(context.document.at_value(*path) for path in paths)
