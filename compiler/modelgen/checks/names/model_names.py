"""Check the form of ids, aliases and services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.config import variant_name
from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config import Variant
    from modelgen.source import Span

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]*")
_SIGNS = "`. _ : / @ + [ ] -`"
_SERVICE = re.compile(r"[a-z0-9][a-z0-9_-]*")
# A service name is a host name on the internal network, so it is one DNS label.
LONGEST = 63
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
    """An alias, or the name of a variant or a LoRA adapter, with characters that are not allowed.

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
        for key, variant in (model.variants or {}).items():
            word = variant_name(name, key, variant)
            if _ID.fullmatch(name) and not _ALIAS.fullmatch(word):
                place = _variant_place(context, name, key, variant)
                yield Found(place, f"`{word}` is not a valid name", _bare(word, _ALIAS, _SIGNS))
    for path, lora, _ in context.entries("loras"):
        if not _ALIAS.fullmatch(lora):
            place = context.document.at_key(*path)
            yield Found(place, f"`{lora}` is not a valid name", _bare(lora, _ALIAS, _SIGNS))


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
        elif len(service) > LONGEST or (model.service is not None and not _SERVICE.fullmatch(service)):
            yield Found(
                context.document.at_value("models", name, "service"),
                f"`{service}` is not a valid service name",
                f'write `service = "{_service_like(service)}"`, with at most {LONGEST} lower-case letters and digits',
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


def _is_alias(table: str, name: str) -> bool:
    """Return whether a name with a colon or slash, as clients of Ollama send, can be an alias of its model."""
    return table == "models" and re.search("[:/]", name) is not None and _ALIAS.fullmatch(name) is not None


def _bare(name: str, allowed: re.Pattern[str], signs: str) -> str:
    """Return what to write for a name with characters that are not allowed."""
    import unicodedata  # only for this advice

    # A letter with an accent becomes the letter.
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    bare = re.sub(r"[^A-Za-z0-9._:/-]+" if ":" in signs else r"[^A-Za-z0-9._-]+", "-", plain).strip("-._:/")
    rest = f"use letters, digits, {signs}"
    return f"write `{bare}`: {rest}" if allowed.fullmatch(bare) else rest


def _service_like(service: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", service.lower()).strip("-_")[:LONGEST].rstrip("-_") or "engine"


def _variant_place(context: Context, model: str, key: str, variant: Variant) -> Span:
    if variant.name is not None:
        return context.document.at_value("models", model, "variants", key, "name")
    return context.document.at_key("models", model, "variants", key)
