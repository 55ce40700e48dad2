"""Advise on `compose` tables: shared memory, access to the host, and caches; and on `start_timeout`."""

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
    """Less shared memory than engines need.

    ## Why
    vLLM 0.32 stops with "160 MiB required, 64 MiB free". Several GPUs exchange tensors in shared
    memory, which fails with "Insufficient space in /dev/shm" or a bus error (vllm#1710). Without the key, modelgen
    writes 8 GB, and 16 GB for several GPUs.

    ## Bad
    ```toml
    [models.qwen]
    compose = { shm_size = "64m" }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { shm_size = "4gb" }
    ```
    """
    for path, keys in _of_engines(context):
        size = _SIZE.fullmatch(str(keys.shm_size)) if keys.shm_size is not None else None
        if size and float(size[1]) * _FACTORS[size[2].lower()] < _LEAST_SHM:
            place = context.document.at_value(*path, "shm_size")
            message = f"`{keys.shm_size}` of shared memory is less than engines need"
            yield Found(place, message, 'write `shm_size = "1gb"` or more, or remove it')


@rule("MG426", "host-access", Severity.WARNING)
def host_access(context: Context) -> Iterator[Found]:
    """A key that gives an engine access to the host.

    ## Why
    `SYS_ADMIN`, the host's processes and the Docker socket each allow a program to leave the container. Engines run
    code from repositories, and no engine needs any of them.

    ## Bad
    ```toml
    [models.qwen]
    compose = { cap_add = ["SYS_ADMIN"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { cap_add = ["SYS_PTRACE"] }
    ```
    """
    for path, keys in context.document.compose.items():
        accesses = [
            ("cap_add", next((str(name) for name in keys.cap_add or () if str(name).upper() in _CAPABILITIES), None)),
            ("pid", keys.pid),
            ("volumes", next((text for text in map(str, keys.volumes or ()) if "docker.sock" in text), None)),
            ("security_opt", next((one for one in keys.security_opt or () if _is_privileged(str(one))), None)),
        ]
        for key, found in accesses:
            if found is not None:
                place = context.document.at_value(*path, key)
                help_text = "remove it, unless you trust all code in this container"
                yield Found(place, f"`{key}` gives this container access to the host", help_text)


@rule("MG427", "short-start", Severity.WARNING)
def short_start(context: Context) -> Iterator[Found]:
    """A `start_timeout` that is shorter than engines need.

    ## Why
    Loading, compiling and profiling take 48 to 330 seconds without a cache (vllm#44881). A container that is not
    healthy by then counts as failed. Without the key, modelgen computes the time from the size of the files.

    ## Bad
    ```toml
    [models.qwen]
    start_timeout = "30s"
    ```

    ## Good
    ```toml
    [models.qwen]
    start_timeout = "10m"
    ```
    """
    for name, model in context.models.items():
        engine = context.runs[name].engine
        if engine and engine.caches is not None and model.start_timeout and model.start_timeout < _SHORT_START:
            place = context.at_origin(name, "start_timeout")
            yield Found(
                place,
                f"engines need more than {model.start_timeout} s to start",
                'write `start_timeout = "5m"` or more',
            )


@rule("MG428", "noexec-home", Severity.WARNING)
def noexec_home(context: Context) -> Iterator[Found]:
    """A tmpfs without `exec` as the home of an engine's account.

    ## Why
    Engines load compiled kernels from their home, and Docker mounts a tmpfs without `exec` by default: Triton ends with
    "failed to map segment from shared object". Without the entry, modelgen writes a correct one.

    ## Bad
    ```toml
    [models.qwen]
    compose = { user = "1000:1000", tmpfs = ["/home/engine"] }
    ```

    ## Good
    ```toml
    [models.qwen]
    compose = { user = "1000:1000", tmpfs = ["/home/engine:exec,uid=1000,size=2g"] }
    ```
    """
    for name, run in context.runs.items():
        engine, (path, keys) = run.engine, context.compose_of(name)
        if engine is None or engine.caches is None or keys is None:
            continue
        caches = cache(engine, run.account)
        for number, mount in enumerate(map(str, keys.tmpfs or ())):
            target, _, options = mount.partition(":")
            if caches.startswith(f"{target.rstrip('/')}/") and "exec" not in options.split(","):
                place = context.document.at_value(*path, "tmpfs", number)
                message = f"{target} is mounted without `exec`, so compiled kernels cannot be loaded from it"
                yield Found(place, message, f"write `{target}:exec`, or remove it")


def _of_engines(context: Context) -> Iterator[tuple[Path, ComposeKeys]]:
    """Yield the `compose` tables of models whose engine compiles kernels, each once."""
    found: dict[Path, ComposeKeys] = {}
    for name, run in context.runs.items():
        engine, (path, keys) = run.engine, context.compose_of(name)
        if engine and engine.caches is not None and keys is not None:
            found[path] = keys
    yield from found.items()


def _is_privileged(option: str) -> bool:
    return option.replace(" ", "").lower() in ("no-new-privileges:false", "no-new-privileges=false")
