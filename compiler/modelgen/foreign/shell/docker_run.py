"""Read a `docker run` line as a service (docs.docker.com, "docker container run")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.foreign.compose.values import mount_of, port_of
from modelgen.foreign.services import GpuRequest, HealthCheck, Service, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.foreign.services import Mount, Port
    from modelgen.foreign.values import Value

_PROGRAMS = ("docker", "podman", "nerdctl")
_VERBS = ("run", "create")
# The options without a value; each other one takes the next word.
_ALONE = frozenset(
    {
        *("d", "detach", "i", "interactive", "t", "tty", "it", "ti", "dit", "itd", "dti", "rm", "privileged", "init"),
        *("read-only", "no-healthcheck", "P", "publish-all", "q", "quiet", "oom-kill-disable", "sig-proxy", "replace"),
    }
)
_SHORT = {"v": "volume", "e": "env", "p": "publish", "u": "user", "net": "network", "h": "hostname", "w": "workdir"}
# Options with another name in a Compose file.
_LISTS = (
    "volumes",
    "environment",
    "ports",
    "labels",
    "devices",
    "extra_hosts",
    "cap_add",
    "cap_drop",
    "security_opt",
    "group_add",
    "dns",
    "tmpfs",
    "gpus",
    "env_file",
    "mount",
)
_COMPOSE = {
    "volume": "volumes",
    "env": "environment",
    "publish": "ports",
    "label": "labels",
    "ulimit": "ulimits",
    "name": "container_name",
    "memory": "mem_limit",
    "pull": "pull_policy",
    "workdir": "working_dir",
    "m": "mem_limit",
    "device": "devices",
    "network": "network_mode",
    "add-host": "extra_hosts",
}
_NUMBER = re.compile(r"-?\d{1,15}", re.ASCII)
_IDS = re.compile(r"[\"']*device=(?P<ids>[^\"']+)[\"']*")


def is_docker_run(words: Sequence[Value]) -> bool:
    """Return whether these words start a container."""
    names = [word.text for word in words[:3]]
    if not names or names[0].rpartition("/")[2] not in _PROGRAMS:
        return False
    verb = names[2:3] if names[1:2] == ["container"] else names[1:2]
    return verb[:1] != [] and verb[0] in _VERBS


def read_docker_run(name: Value, words: Sequence[Value]) -> Service:
    """Return the service that a line starts: its options, its image, and what follows."""
    options: dict[str, list[Value]] = {}
    at = next(number for number, word in enumerate(words) if word.text in _VERBS) + 1
    while at < len(words) and words[at].text.startswith("-"):
        word = words[at]
        at += 1
        written, sign, _ = word.text.partition("=")
        key = written.lstrip("-")
        if not written.startswith("--") and len(key) > 1 and key[0] in "vepu" and key not in _ALONE:
            options.setdefault(_SHORT[key[0]], []).append(word.part(2))
        elif sign:
            options.setdefault(_SHORT.get(key, key), []).append(word.part(len(written) + 1))
        elif key in _ALONE or at >= len(words):
            options.setdefault(key, []).append(word)
        else:
            options.setdefault(_SHORT.get(key, key), []).append(words[at])
            at += 1
    rest = tuple(words[at:])
    entrypoint = _last(options, "entrypoint")
    named = _last(options, "name")
    mounts = [mount_of(value) for value in options.get("volume", ())]
    mounts += [_long_mount(value) for value in options.get("mount", ())]
    return Service(
        name=named or name,
        image=rest[0] if rest else None,
        entrypoint=None if entrypoint is None else (entrypoint,) if entrypoint.text else (),
        command=rest[1:] or None,
        variables=_environment(options.get("env", ())),
        has_all_variables="env-file" not in options,
        mounts=tuple(mount for mount in mounts if mount is not None),
        gpus=tuple(_gpus(value) for value in options.get("gpus", ())),
        devices=tuple(options.get("device", ())),
        runtime=_last(options, "runtime"),
        network_mode=_last(options, "network"),
        ports=_ports(options.get("publish", ())),
        health=_health(options),
        restart=_last(options, "restart"),
        shm_size=_last(options, "shm-size"),
        ipc=_last(options, "ipc"),
        is_privileged="privileged" in options,
        user=_last(options, "user"),
        keys=frozenset(_names(options)),
        written=_names(options).get,
    )


def _names(options: dict[str, list[Value]]) -> dict[str, Any]:
    """Return the options by the keys of a Compose file that mean the same, as plain data."""
    found: dict[str, Any] = {}
    for option, values in options.items():
        key = _COMPOSE.get(option, option.replace("-", "_"))
        texts = [value.text for value in values]
        if option in _ALONE:
            found[key] = True
        elif key == "ulimits":
            pairs = (text.split(":")[0].split("=", 1) for text in texts if "=" in text)
            found[key] = {name: int(most) if _NUMBER.fullmatch(most) else most for name, most in pairs}
        elif key in _LISTS:
            found[key] = texts
        else:
            found[key] = texts[-1]
    return found


def _last(options: dict[str, list[Value]], key: str) -> Value | None:
    return options[key][-1] if key in options else None


def _environment(values: Sequence[Value]) -> dict[str, Variable]:
    found = {}
    for value in values:
        key, sign, _ = value.text.partition("=")
        found[key] = Variable(value.part(0, len(key)), value.part(len(key) + 1) if sign else None)
    return found


def _ports(values: Sequence[Value]) -> tuple[Port, ...]:
    found = (port_of(value) for value in values)
    return tuple(port for port in found if port is not None)


def _long_mount(value: Value) -> Mount | None:
    """Read `type=bind,source=/a,target=/b`."""
    from modelgen.foreign.services import Mount

    parts: dict[str, Value] = {}
    at = 0
    for part in value.text.split(","):
        key, _, text = part.partition("=")
        parts[key] = value.part(at + len(key) + 1, at + len(part)) if text else value
        at += len(part) + 1
    target = parts.get("target") or parts.get("destination") or parts.get("dst")
    if target is None:
        return None
    kind = parts["type"].text if "type" in parts else "volume"
    return Mount(kind, parts.get("source") or parts.get("src"), target, value.span)


def _gpus(value: Value) -> GpuRequest:
    ids = _IDS.fullmatch(value.text)
    listed: list[Value] = []
    if ids:
        at = ids.start("ids")
        for one in ids["ids"].split(","):
            listed.append(value.part(at, at + len(one)))
            at += len(one) + 1
    is_number = value.text.isdecimal()
    return GpuRequest(
        number=int(value.text[:6]) if is_number else None,
        is_all=not is_number and not listed,
        count_at=None if listed else value.span,
        ids=tuple(listed),
        ids_at=value.span if listed else None,
        place=value.span,
    )


def _health(options: dict[str, list[Value]]) -> HealthCheck | None:
    command = _last(options, "health-cmd")
    if "no-healthcheck" in options:
        return HealthCheck((), is_shell=False, is_disabled=True, times={}, place=options["no-healthcheck"][0].span)
    if command is None:
        return None
    times = {"interval": "health-interval", "retries": "health-retries", "start_period": "health-start-period"}
    found = {name: value for name, key in times.items() if (value := _last(options, key)) is not None}
    return HealthCheck((command,), is_shell=True, is_disabled=False, times=found, place=command.span)
