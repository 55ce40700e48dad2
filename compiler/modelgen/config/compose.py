"""`[models.ID.compose]`: the keys of a Compose service that modelgen leaves to the user, with Compose's own types.

The types follow the schema of the Compose specification (compose-spec.json), so that no file can come out that
Compose refuses. Keys that modelgen owns are not here; `OWNED` says where their meaning belongs.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelgen.config.table import Table

OWNED = {
    "image": "write `image` in the model's own table or in `[engines.NAME]`",
    "build": "build the image yourself and name it by `image`, with `version` in `[engines.NAME]`",
    "command": "write the engine's flags in `args`; of a `command` model, write `command` in the model's own table",
    "entrypoint": "the launch form follows from the engine's version; write the engine's flags in `args`",
    "environment": "write the variables in the model's `env`",
    "env_file": "write the variables in the model's `env`: a file could override what keeps the engine offline",
    "profiles": "list the model in `[profiles.NAME]`",
    "container_name": "it is `<project>-<service>`: write `service` in the model's own table",
    "deploy": "GPUs are reserved by `gpus`; memory and processors are limited by `mem_limit` and `cpus` here",
    "gpus": "write `gpus` in the model's own table",
    "runtime": "the GPU reservation chooses the runtime: write `gpus` in the model's own table",
    "ipc": "shared memory is set by `shm_size` here; host IPC would void it",
    "privileged": "no engine needs it; a single capability can be added by `cap_add` here",
    "network_mode": "engines live on the internal network; publish one by `publish`, or join others by `networks` here",
    "ports": "write `publish` in the model's own table",
    "restart": "the orchestrator starts and stops models; a restart policy would fight it",
    "healthcheck": "it follows from the engine; a slow start is given more time by `start_timeout`",
    "depends_on": "the orchestrator orders starts; a dependency between models breaks Compose profiles",
    "extends": "put a service that is built from others into docker-compose.override.yml",
    "secrets": "it needs a top-level definition, which belongs into docker-compose.override.yml",
    "configs": "it needs a top-level definition, which belongs into docker-compose.override.yml",
    "models": "modelgen is what declares models here",
    "provider": "an engine is a container of its own",
}


def _refuse(expected: str) -> PydanticCustomError:
    return PydanticCustomError("wrong-type", "must be {expected}", {"expected": expected})


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    return isinstance(value, str | int | float | bool)


def _scalar(value: Any) -> Any:  # noqa: ANN401
    if not _is_scalar(value):
        raise _refuse("a string or a number")
    return value


def _pairs(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """A mapping, or Compose's list of `KEY=VALUE`, as a mapping."""
    if isinstance(value, list) and all(isinstance(item, str) and "=" in item for item in value):
        return dict(item.split("=", 1) for item in value)
    if isinstance(value, dict) and all(_is_scalar(item) for item in value.values()):
        return {key: value if isinstance(value, str) else _text(value) for key, value in value.items()}
    raise _refuse('a table of strings or a list of "KEY=VALUE" strings')


def _text(value: Any) -> str:  # noqa: ANN401
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _strings(value: Any) -> list[str]:  # noqa: ANN401
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(dict.fromkeys(value))
    raise _refuse("a string or a list of strings")


def _hosts(value: Any) -> list[str]:  # noqa: ANN401
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return [f"{host}={address}" for host, address in value.items()]
    return _strings(value)


def _volumes(value: Any) -> list[str | dict[str, Any]]:  # noqa: ANN401
    if not isinstance(value, list):
        raise _refuse("a list of volumes")
    for item in value:
        if isinstance(item, dict):
            if not (isinstance(item.get("type"), str) and isinstance(item.get("target"), str)):
                raise _refuse("a list of volumes: each a string, or a table with `type` and `target`")
        elif not (isinstance(item, str) and item):
            raise _refuse("a list of volumes: each a string, or a table with `type` and `target`")
    return list(value)


def _networks(value: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: {} for item in value}
    if isinstance(value, dict) and all(isinstance(item, dict) for item in value.values()):
        return dict(value)
    raise _refuse("a list of network names or a table of tables")


def _ulimits(value: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise _refuse("a table of limits")
    for limit in value.values():
        is_pair = isinstance(limit, dict) and set(limit) == {"soft", "hard"} and all(map(_is_int, limit.values()))
        if not (_is_int(limit) or is_pair):
            raise _refuse("a table of limits: each an integer, or `{ soft = 1, hard = 1 }`")
    return dict(value)


def _is_int(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int) and not isinstance(value, bool)


class Logging(Table):
    """Where the container's output goes."""

    driver: str | None = None
    options: Pairs | None = None


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Pairs = Annotated[dict[str, str], BeforeValidator(_pairs), WithJsonSchema({"type": ["object", "array"]})]
Strings = Annotated[list[str], BeforeValidator(_strings), WithJsonSchema({"type": ["string", "array"]})]
Hosts = Annotated[list[str], BeforeValidator(_hosts), WithJsonSchema({"type": ["object", "array"]})]
Volumes = Annotated[list[Any], BeforeValidator(_volumes), WithJsonSchema({"type": "array"})]
Networks = Annotated[dict[str, Any], BeforeValidator(_networks), WithJsonSchema({"type": ["object", "array"]})]
Ulimits = Annotated[dict[str, Any], BeforeValidator(_ulimits), WithJsonSchema({"type": "object"})]


class ComposeKeys(Table):
    """Added to the model's service; `shm_size`, `ulimits`, `logging`, `stop_grace_period` and the like replace ours."""

    annotations: Pairs | None = None
    cap_add: Strings | None = None
    cap_drop: Strings | None = None
    cgroup_parent: str | None = None
    cpu_shares: Scalar | None = None
    cpus: Scalar | None = None
    cpuset: str | None = None
    device_cgroup_rules: Strings | None = None
    devices: Strings | None = None
    dns: Strings | None = None
    dns_search: Strings | None = None
    domainname: str | None = None
    expose: Strings | None = None
    extra_hosts: Hosts | None = None
    group_add: list[Scalar] | None = None
    hostname: str | None = None
    init: bool | None = None
    labels: Pairs | None = None
    logging: Logging | None = None
    mem_limit: Scalar | None = None
    mem_reservation: Scalar | None = None
    memswap_limit: Scalar | None = None
    networks: Networks | None = None
    oom_kill_disable: bool | None = None
    oom_score_adj: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    pid: str | None = None
    pids_limit: int | None = None
    platform: str | None = None
    pull_policy: str | None = None
    read_only: bool | None = None
    security_opt: Strings | None = None
    shm_size: Scalar | None = None
    stdin_open: bool | None = None
    stop_grace_period: str | None = None
    stop_signal: str | None = None
    sysctls: Pairs | None = None
    tmpfs: Strings | None = None
    tty: bool | None = None
    ulimits: Ulimits | None = None
    user: str | None = None
    userns_mode: str | None = None
    uts: str | None = None
    volumes: Volumes | None = None
    working_dir: str | None = None
