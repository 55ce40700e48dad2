"""Import the keys of a Compose service that engines do not determine."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modelgen.config.compose import ComposeKeys
from modelgen.config.owned_compose_keys import OWNED
from modelgen.engines.environment import CACHE_PLACES, owned_variables
from modelgen.engines.images.places import FILES, HUBS, target_of
from modelgen.foreign import UNKNOWN
from modelgen.importing.health import CHECKS, set_patience
from modelgen.importing.secrets import HIDDEN, is_secret, shown
from modelgen.upgrading.edits import toml
from modelgen.upgrading.flags import written_instead

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelgen.engines.catalogues.variables import Variables
    from modelgen.engines.images.versions import Version
    from modelgen.foreign import Mount
    from modelgen.importing.tables import Table

_READ = frozenset(
    ("image", "build", "command", "entrypoint", "environment", "env_file", "volumes", "gpus", "ports")
) | {"profiles", "deploy", "healthcheck", "health_start_period", "mount"}
_GROUPS = "write their numbers as `groups` in the GPU's table: `getent group` prints them"
_NETWORKS = "models are on a network of their own; join existing ones by `networks` in `[models.ID.compose]`"
_OWN_MOUNT = "modelgen mounts its own there: caches, and the hub"
_SOCKET = "docker.sock"
_OURS = (*CACHE_PLACES, *HUBS, FILES, "/root/.triton", "/root/.cache/torch", "/root/.cache/triton")
_DEPLOY = {"replicas": OWNED["scale"], "restart_policy": OWNED["restart"]}
_FETCHED = "pass {} in the shell that runs `modelgen lock` and `modelgen fetch`"
_OVERRIDDEN = "set {0} in a docker-compose.override.yml beside the output, as `environment: [{0}]` of its service"
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN", "HF_TOKEN_PATH")
_OTHERS = {
    "extends": "its values are in this table",
    **dict.fromkeys(("log_driver", "log_opt"), "write `logging` in `[models.ID.compose]`"),
    **dict.fromkeys(("health_cmd", "health_interval", "health_retries", "health_timeout"), CHECKS),
    **dict.fromkeys(("health_start_interval", "no_healthcheck"), CHECKS),
    "networks": _NETWORKS,
    "rm": "containers of models are kept, so that their logs are",
    "detach": "`modelgen up` starts them in the background",
    "d": "`modelgen up` starts them in the background",
    **dict.fromkeys(("Restart", "RestartSec", "After", "Wants", "Requires", "WantedBy"), OWNED["restart"]),
    "MemoryMax": "write `host_memory` in the model's own table",
    "develop": "write it in a docker-compose.override.yml beside the output",
}


def set_variables(table: Table) -> None:
    """Set the environment variables of a model."""
    server = table.lifted.server
    owned = owned_variables(server.engine, is_offline=table.keys.get("offline") is not False)
    known = server.engine.known_variables
    for name, variable in server.service.variables.items():
        value = variable.value
        if name in owned and name not in _TOKENS and is_secret(name, ""):
            table.left_out[name] = f"{HIDDEN}; {owned[name]}"
        elif name in _TOKENS or is_secret(name, value.text if value else ""):
            table.left_out[name] = HIDDEN
            is_fetched = name in _TOKENS and table.keys.get("offline") is not False
            table.to_do.append(_FETCHED.format(name) if is_fetched else _OVERRIDDEN.format(name))
        elif name in owned:
            table.left_out[f"{name}={shown(value.text) if value else ''}"] = owned[name]
        elif value is None or not value.is_known:
            table.left_out[name] = "its value is not in the file: write it in `env`"
        elif known and _is_gone(known, name, server.version):
            _set_replaced(table, name, value.text)
        elif known and (known.meant.get(name) or known.flag_meant(name)):
            table.left_out[f"{name}={shown(value.text)}"] = f"{server.engine.title} does not read it"
        elif not value.text:
            table.left_out[name] = "it is empty"
        else:
            table.env[name] = value.text
    if not server.service.has_all_variables:
        table.left_out["env_file"] = "it was not found, or is not read: write its variables in `env`"


def _is_gone(known: Variables, name: str, version: Version | None) -> bool:
    return version is not None and name in known.readers and not known.is_read(name, version)


def _set_replaced(table: Table, name: str, value: str) -> None:
    """Set the flags that replace a variable which the release does not read."""
    server = table.lifted.server
    known, version, engine = server.engine.known_variables, server.version, server.engine
    instead = known.instead.get(name) if known else None
    release = engine.catalogue().release(version) if engine.catalogue and version else None
    written = written_instead(instead, value, release) if instead and release else None
    for flag, one in (written or {}).items():
        if flag not in table.args:
            table.args[flag] = one
            table.comments["args", flag] = f"was: {name}={value}, which {server.title} does not read"
    if not written:
        table.left_out[f"{name}={shown(value)}"] = f"{server.title} does not read it"


def set_compose(table: Table, hub: Mount | None, existing: Collection[str]) -> None:
    """Set the Compose keys of a model, and say which are left out.

    Args:
        table: The model's table.
        hub: The mount of the hub directory, which `[project] hub` replaces.
        existing: The networks that exist without the file.
    """
    service = table.lifted.server.service
    if service.entrypoint is not None and table.lifted.server.engine.line is not None:
        table.left_out[f"entrypoint {shown([word.text for word in service.entrypoint])}"] = OWNED["entrypoint"]
    _set_mounts(table, hub)
    _set_ports(table)
    _set_limits(table)
    if service.health is not None:
        set_patience(table)
    for key in sorted(service.keys - _READ):
        _set_key(table, key, service.written(key), existing)
    if "profiles" in service.keys and not service.profiles:
        table.left_out["profiles"] = OWNED["profiles"]


def _set_key(table: Table, key: str, value: Any, existing: Collection[str]) -> None:  # noqa: ANN401 - a YAML value
    if key == "networks" and isinstance(value, list | dict) and _have(existing, value):
        table.compose[key] = [one for one in value if one in existing]
        for one in value:
            if one not in existing or (isinstance(value, dict) and value[one]):
                table.left_out[f"networks {one}"] = _NETWORKS
    elif key == "runtime" or (key == "devices" and any(device.kind != "nvidia" for device in table.devices)):
        table.left_out[f"{key} {shown(value)}"] = OWNED["gpus"]
    elif key == "group_add" and not all(str(one).isdecimal() for one in value or ()):
        table.left_out[f"{key} {shown(value)}"] = _GROUPS
    elif key == "container_name" or key in OWNED or key in _OTHERS or key not in ComposeKeys.model_fields:
        reason = _OTHERS.get(key) or OWNED.get(key) or "models.toml has no such key"
        table.left_out[f"{key} {shown(value)}".strip()] = reason
    elif is_secret(key, value):
        table.left_out[key] = HIDDEN
    elif key == "tmpfs":
        _set_tmpfs(table, [value] if isinstance(value, str) else value)
    elif key == "labels":
        _set_labels(table)
    elif value is None or UNKNOWN in str(value):
        table.left_out[key] = "its value is not in the file: write it in `[models.ID.compose]`"
    else:
        try:
            ComposeKeys.model_validate({key: value})
            toml(value)
        except (ValidationError, ValueError, TypeError):
            table.left_out[f"{key} {shown(value)}"] = "it has a form that models.toml does not take"
        else:
            table.compose[key] = value


def _have(existing: Collection[str], networks: Collection[Any]) -> bool:
    return all(isinstance(one, str) for one in networks) and any(one in existing for one in networks)


def _set_labels(table: Table) -> None:
    """Set the labels, except those that modelgen writes itself."""
    kept = {}
    for name, label in table.lifted.server.service.labels.items():
        text = label.value.text if label.value is not None else ""
        if name.startswith("modelgen.") or is_secret(name, text) or UNKNOWN in text:
            table.left_out[f"labels {name}"] = "modelgen writes it itself" if name.startswith("modelgen.") else HIDDEN
        else:
            kept[name] = text
    if kept:
        table.compose["labels"] = kept


def _set_mounts(table: Table, hub: Mount | None) -> None:
    server = table.lifted.server
    written = server.service.written("volumes") or []

    kept: list[Any] = []
    for mount in server.service.mounts:
        target = posixpath.normpath(mount.target.text)
        text = next((one for one in written if _is_at(one, mount.target.text)), None)
        if text is None and mount.kind == "tmpfs":
            continue  # of the key `tmpfs`
        written_as = f"volumes {shown(text if text is not None else mount.target.text)}"
        if mount is hub:
            table.left_out[written_as] = "the hub is `[project] hub`"
        elif _SOCKET in target or (mount.source is not None and _SOCKET in mount.source.text):
            table.left_out[written_as] = "it would give the engine full control of the host"
        elif is_secret("", text):
            table.left_out[f"volumes {shown(mount.target.text)}"] = HIDDEN
        elif server.engine.line is not None and _is_ours(target):
            table.left_out[written_as] = _OWN_MOUNT
        elif text is None or UNKNOWN in str(text) or not _is_valid({"volumes": [text]}):
            table.left_out[written_as] = "write it in `volumes` of `[models.ID.compose]`"
        else:
            kept.append(text)
    if kept:
        table.compose["volumes"] = kept


def _set_tmpfs(table: Table, written: Any) -> None:  # noqa: ANN401
    for one in written if isinstance(written, list) else ():
        if _is_ours(target_of(str(one))):
            table.left_out[f"tmpfs {shown(one)}"] = _OWN_MOUNT
        elif _is_valid({"tmpfs": [one]}):
            table.compose.setdefault("tmpfs", []).append(one)
        else:
            table.left_out[f"tmpfs {shown(one)}"] = "it has a form that models.toml does not take"


def _is_ours(target: str) -> bool:
    """Return whether a mount at a target would hide what modelgen mounts, or is in it."""
    return any(f"{one}/".startswith(f"{target}/") or target.startswith(f"{one}/") for one in _OURS)


def _is_at(written: Any, target: str) -> bool:  # noqa: ANN401
    if isinstance(written, dict):
        return written.get("target") == target
    parts = str(written).split(":")
    return target in (parts[-1], parts[-2] if len(parts) > 1 else "")


def _is_valid(keys: dict[str, Any]) -> bool:
    try:
        ComposeKeys.model_validate(keys)
    except (ValidationError, ValueError):
        return False
    return True


def _set_ports(table: Table) -> None:
    """Publish the port of the engine as the file does, unless a key protected it."""
    server = table.lifted.server
    has_key = any("api-key" in name for name in table.lifted.line.entries) or any(
        is_secret(name, "") and name not in _TOKENS for name in server.service.variables
    )
    for port in server.service.ports:
        parts = [one.text if one is not None and one.is_known else "" for one in port[:3]]
        written_as = f"ports {':'.join(filter(None, parts))}"
        address, published, _ = parts
        if not published.isdecimal() or server.service.settings:
            table.left_out[written_as] = OWNED["ports"]
        elif has_key:
            table.left_out[written_as] = "clients use the orchestrator, which checks keys; `publish` would need none"
        elif "publish" in table.keys:
            table.left_out[written_as] = "`publish` is one port"
        else:
            on_all = "0.0.0.0"  # noqa: S104 - Docker's default
            table.put(
                "publish", f"{address or on_all}:{published}", "requests there need no key, and do not load the model"
            )


def _set_limits(table: Table) -> None:
    """Import `deploy`: limits, and what of it is left out."""
    deploy = table.lifted.server.service.written("deploy")
    if not isinstance(deploy, dict):
        return
    for key, value in deploy.items():
        if key != "resources":
            table.left_out[f"deploy.{key} {shown(value)}"] = _DEPLOY.get(key, OWNED["deploy"])
            continue
        for part, table_of in (value if isinstance(value, dict) else {}).items():
            for name, one in (table_of if isinstance(table_of, dict) else {}).items():
                is_cpus = part == "limits" and name == "cpus" and _as_number(one) is not None
                if is_cpus:
                    table.put("cpus", _as_number(one))
                elif part == "limits" and name == "memory" and (size := _as_size(one)):
                    table.put("host_memory", size)
                elif not (part == "reservations" and name == "devices"):
                    table.left_out[f"deploy.resources.{part}.{name} {shown(one)}"] = OWNED["deploy"]


def _as_number(value: Any) -> int | float | None:  # noqa: ANN401
    try:
        number = float(str(value))
    except ValueError:
        return None
    return (int(number) if number.is_integer() else number) if 0 < number < 10_000 else None


def _as_size(value: Any) -> str | None:  # noqa: ANN401
    """Return a size of Docker's (powers of 1024) as models.toml has it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt])(?:i?b)?", str(value).lower())
    return f"{found[1]}{found[2].upper()}iB" if found else None
