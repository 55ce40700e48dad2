"""Check the values of `compose` tables that conflict with modelgen's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.context import target_of
from modelgen.diagnostics import Found, rule
from modelgen.engines.environment import CACHE_PLACES
from modelgen.engines.places import FILES, HUBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config.compose import ComposeKeys
    from modelgen.config.compose_types import Volume
    from modelgen.load.locator import Path

_OURS = (
    *((hub, f"the hub at {hub}") for hub in HUBS),
    *((cache, f"the compile caches at {cache}") for cache in CACHE_PLACES),
    (FILES, f"the files at {FILES} that arguments name"),
)
_RESERVED_NETWORKS = frozenset({"host", "none", "bridge", "default", "edge", "socket-proxy"})


@rule("MG421", "volume-over-ours")
def volume_over_ours(context: Context) -> Iterator[Found]:
    """A volume of the user's hides the hub or the compile caches, is one of these, or hides another.

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
        taken: set[str] = set()
        ours = [*_OURS, *_fixed_hubs(context, path)]
        for key, number, mount in _mounts(keys):
            target = target_of(mount)
            hidden = [what for own, what in ours if _overlap(target, own)]
            if hidden:
                message = f"this hides {hidden[0]}"
            elif target in taken:
                message = f"two volumes are mounted at {target}"
            elif _source(mount).startswith("cache-"):
                message = "volumes whose names begin with `cache-` are the models' own compile caches"
            else:
                taken.add(target)
                continue
            place = context.document.at_value(*path, key, number)
            yield Found(place, message, "mount something else, or elsewhere in the container")


def _fixed_hubs(context: Context, path: Path) -> list[tuple[str, str]]:
    """Return where images look for the hub by themselves, of the models that a `compose` table is for."""
    names = [name for name in context.models if context.document.origin(name, "compose") == path]
    engines = (context.runs[name].engine for name in names)
    return [(engine.hub, f"the hub at {engine.hub}") for engine in engines if engine and engine.hub]


@rule("MG423", "reserved-network")
def reserved_network(context: Context) -> Iterator[Found]:
    """A model joins a network that is not one to join.

    ## Why
    `host`, `none` and `bridge` are Docker's own: a container on `host` would be on every network of the machine.
    `edge` is the deployment's own and carries published ports; `default` is what Compose would make of a project.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { networks = ["host"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { networks = ["reverse-proxy"] }
    ```
    """
    for path, keys in context.document.compose.items():
        for name in keys.networks or {}:
            if name in _RESERVED_NETWORKS:
                place = context.document.at_key(*path, "networks", name)
                yield Found(place, f"`{name}` is not a network to join", "name one that `docker network create` made")


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


@rule("MG424", "named-user")
def named_user(context: Context) -> Iterator[Found]:
    """A `user` by a name, where modelgen has to know the number.

    ## Why
    Caches must be writable for it and HOME must be its own: without an entry in passwd HOME is `/`, and vLLM dies at
    `/.triton` or in getpwuid (vllm#10185, #44548). Of published images modelgen knows the accounts: vLLM from 0.22 on
    has `vllm`, which is 2000:0. A program of the engine `command` may run as whomever its image knows.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { user = "modeluser" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { user = "1000:1000" }
    ```
    """
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None or engine.caches is None:
            continue
        account = run.account
        if account.uid < 0:
            path = context.document.origin(name, "compose")
            place = context.document.at_value(*path, "user")
            yield Found(place, f"`{account.name}` is not a number", 'write uid and gid, such as "1000:1000"')


def _mounts(keys: ComposeKeys) -> Iterator[tuple[str, int, str | Volume]]:
    for number, volume in enumerate(keys.volumes or ()):
        yield "volumes", number, volume
    for number, mount in enumerate(keys.tmpfs or ()):
        yield "tmpfs", number, str(mount)


def _source(mount: str | Volume) -> str:
    return (mount.source or "") if not isinstance(mount, str) else mount.partition(":")[0]


def _overlap(one: str, other: str) -> bool:
    """Return whether one of two folders is in the other."""
    one, other = f"{one.rstrip('/')}/", f"{other.rstrip('/')}/"
    return one.startswith(other) or other.startswith(one)
