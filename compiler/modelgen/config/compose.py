"""Define `[models.ID.compose]`: the keys of a Compose service that the user may set, with Compose's own types.

The types follow the schema of the Compose specification (compose-spec.json), so that Compose accepts every file that is
rendered. Keys that modelgen sets itself are not here; `OWNED` names the key of models.toml to use instead.
"""

from typing import Annotated, Literal

from pydantic import Field

from modelgen.config.compose_types import (
    Cpus,
    CpuSet,
    Devices,
    GoDuration,
    Groups,
    Hosts,
    Logging,
    Name,
    Networks,
    Pairs,
    Platform,
    Ports,
    Shares,
    Size,
    Strings,
    Swap,
    TmpfsMounts,
    Ulimits,
    User,
    Volumes,
)
from modelgen.config.table import Table

_OVERRIDE = "write it in a docker-compose.override.yml beside the output"

OWNED = {
    "image": "write `image` in the model's own table or in `[engines.NAME]`",
    "build": "build the image yourself and set `image`, with `version` in `[engines.NAME]`",
    "command": "write the engine's flags in `args`; for engine `command`, write `command` in the model's own table",
    "entrypoint": "the launch form follows from the engine's version; write the engine's flags in `args`",
    "environment": "write the variables in the model's `env`",
    "env_file": "write the variables in the model's `env`: a file could override what keeps the engine offline",
    "profiles": "list the model in `[profiles.NAME]`",
    "container_name": "it is `<project>-<service>`: write `service` in the model's own table",
    "deploy": "write `gpus` and `cpus` in the model's own table; memory is limited by `mem_limit` here",
    "gpus": "write `gpus` in the model's own table",
    "runtime": "the GPU reservation chooses the runtime: write `gpus` in the model's own table",
    "ipc": "shared memory is set by `shm_size` here; host IPC would override it",
    "privileged": "no engine needs it; a single capability can be added by `cap_add` here",
    "network_mode": "engines live on the internal network; publish one by `publish`, or join others by `networks` here",
    "ports": "write `publish` in the model's own table",
    "restart": "the orchestrator starts and stops models; a restart policy would fight it",
    "healthcheck": "it follows from the engine; give a slow start more time with `start_timeout`",
    "depends_on": "the orchestrator orders starts; a dependency between models breaks Compose profiles",
    "extends": "write services that extend others in docker-compose.override.yml",
    "secrets": "it needs a top-level definition: write both in docker-compose.override.yml",
    "configs": "it needs a top-level definition: write both in docker-compose.override.yml",
    "models": "modelgen declares the models itself",
    "blkio_config": _OVERRIDE,
    "mem_reservation": "Compose allows none beside reserved GPUs: set a limit with `mem_limit` here",
    "credential_spec": _OVERRIDE,
    "develop": _OVERRIDE,
    "external_links": _OVERRIDE,
    "label_file": "write the labels in `labels` here",
    "links": _OVERRIDE,
    "post_start": _OVERRIDE,
    "pre_stop": _OVERRIDE,
    "scale": "a model is one container: its name, its GPUs and its cache are not shared",
    "use_api_socket": "it would give the engine full control of the host",
    "volumes_from": _OVERRIDE,
    "provider": "an engine is a container of its own",
}


class ComposeKeys(Table):
    """Keys that are added to the model's service; `shm_size`, `ulimits`, `logging` and others replace modelgen's."""

    annotations: Pairs | None = None
    attach: bool | None = None
    cap_add: Strings | None = None
    cap_drop: Strings | None = None
    cgroup: Literal["host", "private"] | None = None
    cgroup_parent: str | None = None
    cpu_count: Shares | None = None
    cpu_percent: Shares | None = None
    cpu_period: Shares | None = None
    cpu_quota: Shares | None = None
    cpu_shares: Shares | None = None
    cpus: Cpus | None = None
    cpuset: CpuSet | None = None
    device_cgroup_rules: Strings | None = None
    devices: Devices | None = None
    dns: Strings | None = None
    dns_opt: Strings | None = None
    dns_search: Strings | None = None
    domainname: str | None = None
    expose: Ports | None = None
    extra_hosts: Hosts | None = None
    group_add: Groups | None = None
    hostname: Name | None = None
    init: bool | None = None
    isolation: Name | None = None
    labels: Pairs | None = None
    logging: Logging | None = None
    mac_address: str | None = None
    mem_limit: Size | None = None
    mem_swappiness: Annotated[int, Field(ge=0, le=100)] | None = None
    memswap_limit: Swap | None = None
    networks: Networks | None = None
    oom_kill_disable: bool | None = None
    oom_score_adj: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    pid: Literal["host"] | None = None
    pids_limit: int | None = None
    platform: Platform | None = None
    pull_policy: Literal["always", "never", "missing", "if_not_present"] | None = None
    read_only: bool | None = None
    security_opt: Strings | None = None
    shm_size: Size | None = None
    stdin_open: bool | None = None
    stop_grace_period: GoDuration | None = None
    stop_signal: Name | None = None
    storage_opt: Pairs | None = None
    sysctls: Pairs | None = None
    tmpfs: TmpfsMounts | None = None
    tty: bool | None = None
    ulimits: Ulimits | None = None
    user: User | None = None
    userns_mode: Literal["host"] | None = None
    uts: Literal["host"] | None = None
    volumes: Volumes | None = None
    working_dir: str | None = None
