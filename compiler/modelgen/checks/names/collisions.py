"""Check that every name has one meaning."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from modelgen.checks.names.model_names import LONGEST
from modelgen.config import variant_name
from modelgen.diagnostics import Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path
    from modelgen.source import Span


@rule("MG403", "name-collision")
def name_collision(context: Context) -> Iterator[Found]:
    """One name for two models, or for a model and an adapter or a variant.

    ## Why
    Ids, repository ids, aliases and names of adapters and variants share one namespace: a request selects its model by
    any of them.
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
        own += [
            (variant_name(name, key, variant), ("models", name, "variants", key, *(["name"] if variant.name else [])))
            for key, variant in (model.variants or {}).items()
        ]
        for word, path in own:
            other, other_path = taken.setdefault(word, (name, path))
            kind = _kind((*path, *other_path))
            if other != name or (other_path != path and kind):
                owners = f"`{other}` and `{name}`" if other != name else f"`{name}` and one of its {kind}"
                yield Found(_later(context, other_path, path), f"{owners} have the name `{word}`", "rename one of them")
    for name, model in context.models.items():
        other, other_path = taken.get(model.repo or "", (name, ()))
        if other != name or _kind(other_path):
            what = f"`{other}`" if other != name else f"one of its {_kind(other_path)}"
            yield Found(
                _later(context, other_path, ("models", name, "repo")),
                f"`{model.repo}` is a name of {what}, but also the repository of `{name}`",
                "rename it",
            )


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
            free = next(one for number in count(2) if (one := f"{service[: LONGEST - 8]}-{number}") not in services)
            yield Found(
                place,
                f"`{other}` and `{name}` both have the service `{service}`",
                f'write `service = "{free}"`, or another name',
            )


def _kind(path: Path) -> str:
    """Return what has a name besides models, if the path is of one."""
    return "adapters" if "loras" in path else "variants" if "variants" in path else ""


def _later(context: Context, *paths: Path) -> Span:
    """Return the later of the places that collide; that is the one to change."""
    return max(context.document.at_value(*path) for path in paths)
