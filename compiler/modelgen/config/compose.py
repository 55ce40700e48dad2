"""Define `[models.ID.compose]`: the keys of a Compose service that the user may set, with Compose's own types.

The types follow the schema of the Compose specification (compose-spec.json), so that Compose accepts every file that is
rendered. Keys that modelgen sets itself are in `owned_compose_keys`.
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


class ComposeKeys(Table):
    """Keys that are added to the model's service; `shm_size`, `ulimits`, `logging` and others replace modelgen's."""

    annotations: Pairs | None = Field(
        None, description="OCI annotations of the container.", examples=[{"com.example.team": "ml"}]
    )
    attach: bool | None = Field(
        None, description="Show the output in an attached `docker compose up`.", examples=[False]
    )
    cap_add: Strings | None = Field(
        None, description="Linux capabilities to add; modelgen drops all of them.", examples=[["SYS_NICE"]]
    )
    cap_drop: Strings | None = Field(
        None, description="Linux capabilities to drop; modelgen drops all of them already.", examples=[["NET_RAW"]]
    )
    cgroup: Literal["host", "private"] | None = Field(
        None, description="The control group's namespace: the host's, or one of its own.", examples=["private"]
    )
    cgroup_parent: str | None = Field(
        None, description="Parent of the container's control group.", examples=["models.slice"]
    )
    cpu_count: Shares | None = Field(None, description="Number of processors (Windows containers).", examples=[4])
    cpu_percent: Shares | None = Field(
        None, description="Percentage of the processors (Windows containers).", examples=[50]
    )
    cpu_period: Shares | None = Field(
        None, description="Period of the CPU scheduler in microseconds, for `cpu_quota`.", examples=[100000]
    )
    cpu_quota: Shares | None = Field(
        None, description="Processor time per `cpu_period` in microseconds.", examples=[400000]
    )
    cpu_shares: Shares | None = Field(
        None, description="Weight among containers that compete for processors.", examples=[512]
    )
    cpus: Cpus | None = Field(
        None,
        description="Most processors that the container may use; the model's own `cpus` does the same under every "
        "target.",
        examples=[8],
    )
    cpuset: CpuSet | None = Field(None, description="Processors that the container may run on.", examples=["0-7"])
    device_cgroup_rules: Strings | None = Field(
        None, description="Rules for devices of the control group.", examples=[["c 195:* rmw"]]
    )
    devices: Devices | None = Field(None, description="Device files of the host.", examples=[["/dev/fuse"]])
    dns: Strings | None = Field(None, description="Addresses of name servers.", examples=[["10.0.0.53"]])
    dns_opt: Strings | None = Field(None, description="Options of the resolver.", examples=[["use-vc"]])
    dns_search: Strings | None = Field(None, description="Search domains.", examples=[["example.com"]])
    domainname: str | None = Field(None, description="Domain name of the container.", examples=["example.com"])
    expose: Ports | None = Field(
        None, description="Ports that the image is documented to listen on; it publishes nothing.", examples=[["9000"]]
    )
    extra_hosts: Hosts | None = Field(
        None,
        description="Further entries of /etc/hosts, as NAME=ADDRESS.",
        examples=[["host.docker.internal=host-gateway"]],
    )
    group_add: Groups | None = Field(
        None,
        description="Further groups of the container's user; numbers, since names are looked up in the image.",
        examples=[["993"]],
    )
    hostname: Name | None = Field(None, description="Host name of the container.", examples=["vllm-text"])
    init: bool | None = Field(
        None,
        description="Run an init process as PID 1, which reaps what a killed engine leaves. Default: true.",
        examples=[True],
    )
    isolation: Name | None = Field(None, description="Isolation technology (Windows containers).", examples=["default"])
    labels: Pairs | None = Field(
        None, description="Labels of the container, besides modelgen's own.", examples=[{"com.example.team": "ml"}]
    )
    logging: Logging | None = Field(
        None,
        description="Logging driver and its options. Default: `json-file`, 3 files of 10 MB.",
        examples=[{"driver": "journald"}],
    )
    mac_address: str | None = Field(None, description="MAC address of the container.", examples=["02:42:ac:11:00:02"])
    mem_limit: Size | None = Field(
        None,
        description="Most memory of the container. The kernel kills the engine that exceeds it. The model's own "
        "`host_memory` does the same.",
        examples=["64gb"],
    )
    mem_swappiness: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How readily the kernel swaps the container's memory out, from 0 to 100.", examples=[0]
    )
    memswap_limit: Swap | None = Field(
        None, description="Most memory and swap together; -1 is unlimited swap.", examples=["64gb"]
    )
    networks: Networks | None = Field(
        None, description="Existing networks to join, besides modelgen's own.", examples=[["observability"]]
    )
    oom_kill_disable: bool | None = Field(
        None, description="Do not kill processes of the container when memory is full.", examples=[True]
    )
    oom_score_adj: Annotated[int, Field(ge=-1000, le=1000)] | None = Field(
        None,
        description="How likely the kernel kills the container when memory is full, from -1000 to 1000.",
        examples=[-500],
    )
    pid: Literal["host"] | None = Field(None, description="Use the host's process namespace.", examples=["host"])
    pids_limit: int | None = Field(None, description="Most processes and threads of the container.", examples=[4096])
    platform: Platform | None = Field(
        None, description="Platform of the image, for images of several.", examples=["linux/amd64"]
    )
    pull_policy: Literal["always", "never", "missing", "if_not_present"] | None = Field(
        None, description='When Compose pulls the image. Default: "missing".', examples=["never"]
    )
    read_only: bool | None = Field(
        None, description="Mount the container's root file system read-only.", examples=[True]
    )
    security_opt: Strings | None = Field(
        None,
        description="Security options; modelgen sets `no-new-privileges:true`.",
        examples=[["seccomp=./seccomp.json"]],
    )
    shm_size: Size | None = Field(
        None,
        description="Size of /dev/shm, which the processes of an engine share. Default: `8gb`, with several GPUs "
        "`16gb`.",
        examples=["32gb"],
    )
    stdin_open: bool | None = Field(None, description="Keep stdin open.", examples=[True])
    stop_grace_period: GoDuration | None = Field(
        None,
        description="Time from SIGTERM to SIGKILL. Default: `30s`, more with vLLM's `shutdown-timeout`; for the "
        "orchestrator `shutdown_timeout` plus 5 s.",
        examples=["1m"],
    )
    stop_signal: Name | None = Field(None, description="Signal that asks the container to stop.", examples=["SIGINT"])
    storage_opt: Pairs | None = Field(None, description="Options of the storage driver.", examples=[{"size": "100G"}])
    sysctls: Pairs | None = Field(
        None, description="Kernel parameters of the container.", examples=[{"net.core.somaxconn": "1024"}]
    )
    tmpfs: TmpfsMounts | None = Field(None, description="Temporary file systems in memory.", examples=[["/scratch"]])
    tty: bool | None = Field(None, description="Allocate a terminal.", examples=[True])
    ulimits: Ulimits | None = Field(
        None,
        description="Resource limits: a number, or a soft and a hard limit. Default: `memlock`, `nofile` and `stack` "
        "for engines, `nofile` for the orchestrator; a table here replaces all of them.",
        examples=[{"nofile": 65535}],
    )
    user: User | None = Field(
        None,
        description="User, and group, of the container: ids, since names are looked up in the image.",
        examples=["1000:1000"],
    )
    userns_mode: Literal["host"] | None = Field(None, description="Use the host's user namespace.", examples=["host"])
    uts: Literal["host"] | None = Field(
        None, description="Use the host's UTS namespace, which has the host name.", examples=["host"]
    )
    volumes: Volumes | None = Field(
        None,
        description="Further mounts, in Compose's short or long form; relative paths are relative to models.toml.",
        examples=[["./data:/data:ro"]],
    )
    working_dir: str | None = Field(None, description="Working directory of the container.", examples=["/workspace"])
