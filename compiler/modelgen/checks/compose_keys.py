"""What `compose` tables may not do although their keys are the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, rule
from modelgen.engines import vllm
from modelgen.engines.environment import HUB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config.compose_types import Volume

_OURS = ((HUB, f"the hub at {HUB}"), (vllm.CACHE, f"the compile caches at {vllm.CACHE}"))
_SHORT_VOLUME = re.compile(r"(?:(?:[A-Za-z]:[/\\])?[^:]*:)?(/[^:]*)(?::[^:]*)?")


@rule("MG421", "volume-over-ours")
def volume_over_ours(context: Context) -> Iterator[Found]:
    """A volume of the user's hides the hub, or the compile caches.

    ## Why
    Mounts below or above one another hide each other's files: that is the second half of the incident, `./models`
    mounted where only `./models/hub` belongs.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { volumes = ["./models:/root/.cache/huggingface"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { volumes = ["./templates:/templates:ro"] }
    ```
    """
    for path, keys in context.document.compose.items():
        for number, volume in enumerate(keys.volumes or ()):
            target = _target(volume)
            hidden = [what for own, what in _OURS if target is not None and _overlap(target, own)]
            if target is None:
                place = context.document.at_value(*path, "volumes", number)
                yield Found(place, f"`{volume}` is not a volume", 'write "source:/target" or a table with `target`')
            elif hidden:
                place = context.document.at_value(*path, "volumes", number)
                yield Found(place, f"this volume hides {' and '.join(hidden)}", "mount it elsewhere in the container")


@rule("MG422", "owned-label")
def owned_label(context: Context) -> Iterator[Found]:
    """A label that begins with `modelgen.`.

    ## Why
    `modelgen.model` and `modelgen.keep` are how a container is told from others: by commands, and by the prune filter
    that keeps stopped models.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { labels = { "modelgen.keep" = "false" } }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { labels = { "com.example.keep" = "false" } }
    ```
    """
    for path, keys in context.document.compose.items():
        for label in keys.labels or {}:
            if label.startswith("modelgen."):
                place = context.document.at_key(*path, "labels", label)
                yield Found(place, f"the label `{label}` is written by modelgen", "choose another prefix")


def _target(volume: str | Volume) -> str | None:
    if not isinstance(volume, str):
        return volume.target
    match = _SHORT_VOLUME.fullmatch(volume)
    return match[1] if match else None


def _overlap(one: str, other: str) -> bool:
    """Tell whether one of two folders is in the other."""
    one, other = f"{one.rstrip('/')}/", f"{other.rstrip('/')}/"
    return one.startswith(other) or other.startswith(one)
