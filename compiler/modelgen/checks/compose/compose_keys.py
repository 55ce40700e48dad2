"""Check the values of `compose` tables that conflict with modelgen's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.checks.context import target_of
from modelgen.diagnostics import Found, rule
from modelgen.engines.environment import CACHE_PLACES
from modelgen.engines.images.places import FILES, HUBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config.compose import ComposeKeys
    from modelgen.config.compose_types import Volume
    from modelgen.load.locator import Path
    from modelgen.source import Span

_ELSEWHERE = "remove it, or mount it elsewhere in the container"
_RESERVED_NETWORKS = frozenset({"host", "none", "bridge", "default", "edge", "outside", "socket-proxy"})


@rule("MG421", "volume-over-ours")
def volume_over_ours(context: Context) -> Iterator[Found]:
    """A volume that covers the hub, the compile caches or another volume.

    ## Why
    Of two mounts on the same path or inside one another, one hides the files of the other. This was the second half of
    the incident: `./models` was mounted where `./models/hub` belongs.

    ## Bad
    ```toml
    [models.qwen]
    compose = { volumes = ["./models:/root/.cache/huggingface"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { volumes = ["./templates:/templates:ro"] }
    ```
    """
    mounted = _mounted(context)
    for path, keys in context.document.compose.items():
        taken: set[str] = set()
        ours = mounted.get(path, {})
        for key, number, mount in _mounts(keys):
            target = target_of(mount)
            hidden = [what for own, what in ours.items() if _overlap(target, own)]
            if hidden:
                message = f"this mount hides {hidden[0]}"
            elif target in taken:
                message = f"two volumes are mounted at {target}"
            elif _source(mount).startswith("cache-"):
                message = "volume names that begin with `cache-` are reserved for compile caches"
            else:
                taken.add(target)
                continue
            place = context.document.at_value(*path, key, number)
            yield Found(place, message, _without(hidden[0]) if hidden else _ELSEWHERE)


def _without(hidden: str) -> str:
    """Return what to write in place of a mount that hides one of modelgen's."""
    if hidden.startswith("the hub"):
        return f'{_ELSEWHERE}: the hub is `[project] hub`, such as "~/.cache/huggingface/hub"'
    if hidden.startswith("the compile caches"):
        return f"{_ELSEWHERE}: modelgen has a volume for the compile caches of each model"
    return _ELSEWHERE


def _mounted(context: Context) -> dict[Path, dict[str, str]]:
    """Return what modelgen mounts into the containers that get a `compose` table: its path → target → description.

    A program of the engine `command` has no compile caches, and the hub only if it needs it.
    """
    mounted: dict[Path, dict[str, str]] = {}
    for name, run in context.runs.items():
        engine = run.engine
        if engine is None:
            continue
        found = mounted.setdefault(context.document.origin(name, "compose"), {})
        found[FILES] = f"the files at {FILES} that arguments name"
        if run.needs_hub:
            # A user other than root gets another place, and may be added later.
            found |= {hub: f"the hub at {hub}" for hub in ({*HUBS} if engine.hub is None else {engine.hub, *HUBS})}
        if engine.caches is not None:
            found |= {cache: f"the compile caches at {cache}" for cache in CACHE_PLACES}
        found |= {target: f"the volume at {target} of `cache`" for target in run.model.cache or ()}
    return mounted


@rule("MG423", "reserved-network")
def reserved_network(context: Context) -> Iterator[Found]:
    """A network that models cannot join.

    ## Why
    `host`, `none` and `bridge` are Docker's own: a container on `host` is on every network of the machine. `edge` is
    the network of the published ports, `outside` that of programs with `offline = false`, and `default` is the one that
    Compose creates for a project.

    ## Bad
    ```toml
    [models.qwen]
    compose = { networks = ["host"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { networks = ["reverse-proxy"] }
    ```
    """
    for path, keys in context.document.compose.items():
        for name in keys.networks or {}:
            if name in _RESERVED_NETWORKS:
                place = context.document.at_key(*path, "networks", name)
                help_text = "remove it, or write a network that `docker network create` created"
                yield Found(place, f"models cannot join the network `{name}`", help_text)


@rule("MG422", "owned-label")
def owned_label(context: Context) -> Iterator[Found]:
    """A label that begins with `modelgen.`.

    ## Why
    `modelgen.model` and `modelgen.keep` identify containers for the commands, and for the prune filter that keeps
    stopped models.

    ## Bad
    ```toml
    [models.qwen]
    compose = { labels = { "modelgen.keep" = "false" } }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { labels = { "com.example.keep" = "false" } }
    ```
    """
    for path, keys in context.document.compose.items():
        for label in keys.labels or {}:
            if label.startswith("modelgen."):
                place = context.document.at_key(*path, "labels", label)
                yield Found(place, f"modelgen writes the label `{label}` itself", "remove it, or use another prefix")


@rule("MG429", "cpus-twice")
def cpus_twice(context: Context) -> Iterator[Found]:
    """A model with `cpus` in its own table and in its `compose` table.

    ## Why
    Both limit the processors of one container, and Compose takes one limit.

    ## Bad
    ```toml
    [models.qwen]
    cpus = 8
    compose = { cpus = 4 }
    ```

    ## Good
    ```toml
    [models.qwen]
    cpus = 8
    ```
    """
    found: dict[Span, str] = {}
    for name, model in context.models.items():
        path, keys = context.compose_of(name)
        if model.cpus is not None and keys is not None and keys.cpus is not None:
            found.setdefault(context.document.at_key(*path, "cpus"), name)
    for place, name in found.items():
        yield Found(place, f"`{name}` has `cpus` and `compose.cpus`", "remove `compose.cpus`")


@rule("MG437", "memory-limit-twice")
def memory_limit_twice(context: Context) -> Iterator[Found]:
    """A model with `host_memory` in its own table and `mem_limit` in its `compose` table.

    ## Why
    Both limit the memory of one container, and Compose takes one limit.

    ## Bad
    ```toml
    [models.qwen]
    host_memory = "48GiB"
    compose = { mem_limit = "32gb" }
    ```

    ## Good
    ```toml
    [models.qwen]
    host_memory = "48GiB"
    ```
    """
    found: dict[Span, str] = {}
    for name, model in context.models.items():
        path, keys = context.compose_of(name)
        if model.host_memory is not None and keys is not None and keys.mem_limit is not None:
            found.setdefault(context.document.at_key(*path, "mem_limit"), name)
    for place, name in found.items():
        yield Found(place, f"`{name}` has `host_memory` and `compose.mem_limit`", "remove `compose.mem_limit`")


@rule("MG424", "named-user")
def named_user(context: Context) -> Iterator[Found]:
    """A `user` by name whose number modelgen does not know.

    ## Why
    The account needs writable caches and a HOME of its own. Without an entry in passwd, HOME is `/`, and vLLM fails at
    `/.triton` or in getpwuid (vllm#10185, #44548). modelgen knows the accounts of published images: vLLM from 0.22 on
    has `vllm`, which is 2000:0. A program of the engine `command` can run as any account of its image.
    ## Bad
    ```toml
    [models.qwen]
    compose = { user = "modeluser" }
    ```

    ## Good
    ```toml
    [models.qwen]
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
            yield Found(
                place, f"modelgen does not know the uid of `{account.name}`", 'write numbers, as in "1000:1000"'
            )


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
