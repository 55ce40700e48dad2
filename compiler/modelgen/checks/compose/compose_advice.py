"""Warn of keys in `compose` tables that work and cause problems later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.environment import cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.config.compose import ComposeKeys
    from modelgen.load.locator import Path

_FACTORS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LEAST_SHM = 512 * 2**20
_SHORT_START = 120
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([bkmgt]?)i?b?", re.IGNORECASE)
_CAPABILITIES = frozenset({"ALL", "SYS_ADMIN", "CAP_SYS_ADMIN"})


@rule("MG425", "small-shm", Severity.WARNING)
def small_shm(context: Context) -> Iterator[Found]:
    """Less shared memory than engines use.

    ## Why
    vLLM 0.32 stops with "160 MiB required, 64 MiB free", and several cards exchange tensors there: "Insufficient space
    in /dev/shm", or a bus error (vllm#1710). Without the key, modelgen writes 8 GB, and 16 GB for several cards.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { shm_size = "64m" }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { shm_size = "4gb" }
    ```
    """
    for path, keys in _of_engines(context):
        size = _SIZE.fullmatch(str(keys.shm_size)) if keys.shm_size is not None else None
        if size and float(size[1]) * _FACTORS[size[2].lower()] < _LEAST_SHM:
            place = context.document.at_value(*path, "shm_size")
            yield Found(place, f"`{keys.shm_size}` of shared memory is little", "write 1gb or more, or remove it")


@rule("MG426", "host-access", Severity.WARNING)
def host_access(context: Context) -> Iterator[Found]:
    """An engine is given a door to the host.

    ## Why
    `SYS_ADMIN`, the host's processes and the Docker socket each lead out of the container. Engines run code from
    repositories, and none of them needs these.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { cap_add = ["SYS_ADMIN"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { cap_add = ["SYS_PTRACE"] }
    ```
    """
    for path, keys in context.document.compose.items():
        doors = [
            ("cap_add", next((str(name) for name in keys.cap_add or () if str(name).upper() in _CAPABILITIES), None)),
            ("pid", keys.pid),
            ("volumes", next((text for text in map(str, keys.volumes or ()) if "docker.sock" in text), None)),
            ("security_opt", next((one for one in keys.security_opt or () if _is_privileged(str(one))), None)),
        ]
        for key, found in doors:
            if found is not None:
                place = context.document.at_value(*path, key)
                yield Found(place, f"`{key}` opens the host to this container", "remove it, unless you trust all in it")


@rule("MG427", "short-start", Severity.WARNING)
def short_start(context: Context) -> Iterator[Found]:
    """Less time to start than engines take.

    ## Why
    Loading, compiling and profiling take 48 to 330 seconds without a cache (vllm#44881). A container that is not
    healthy by then counts as failed. Without the key, modelgen allows for the size of what is loaded.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    start_timeout = "30s"
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    start_timeout = "10m"
    args = { max-model-len = 16384 }
    ```
    """
    for name, model in context.models.items():
        engine = context.runs[name].engine
        if engine and engine.caches is not None and model.start_timeout and model.start_timeout < _SHORT_START:
            place = context.document.at_value(*context.document.origin(name, "start_timeout"))
            yield Found(place, f"engines take longer than {model.start_timeout} s to start", "write 5m or more")


@rule("MG428", "noexec-home", Severity.WARNING)
def noexec_home(context: Context) -> Iterator[Found]:
    """The home of an engine's account in memory, where nothing can be executed.

    ## Why
    Compiled kernels are loaded from there, and Docker mounts a tmpfs without `exec` unless told: Triton ends with
    "failed to map segment from shared object". Without the entry, modelgen writes one that is right.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { user = "1000:1000", tmpfs = ["/home/engine"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    compose = { user = "1000:1000", tmpfs = ["/home/engine:exec,uid=1000,size=2g"] }
    ```
    """
    for name, run in context.runs.items():
        engine, path = run.engine, context.document.origin(name, "compose")
        keys = context.document.compose.get(path)
        if engine is None or engine.caches is None or keys is None:
            continue
        caches = cache(engine, run.account)
        for number, mount in enumerate(map(str, keys.tmpfs or ())):
            target, _, options = mount.partition(":")
            if caches.startswith(f"{target.rstrip('/')}/") and "exec" not in options.split(","):
                place = context.document.at_value(*path, "tmpfs", number)
                yield Found(place, f"kernels cannot be loaded from {target}", f"write `{target}:exec`, or remove it")


def _of_engines(context: Context) -> Iterator[tuple[Path, ComposeKeys]]:
    """Yield the `compose` tables of models whose engine modelgen knows, each once."""
    found: dict[Path, ComposeKeys] = {}
    for name, run in context.runs.items():
        engine, path = run.engine, context.document.origin(name, "compose")
        if engine and engine.caches is not None and path in context.document.compose:
            found[path] = context.document.compose[path]
    yield from found.items()


def _is_privileged(option: str) -> bool:
    return option.replace(" ", "").lower() in ("no-new-privileges:false", "no-new-privileges=false")
