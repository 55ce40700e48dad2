"""Import what llama-swap says of all models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.importing.llamaswap.keys import set_keys
from modelgen.importing.secrets import shown
from modelgen.importing.shares import LIMIT, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.foreign import Foreign
    from modelgen.importing.tables import Table
    from modelgen.importing.writing import File

_WHY_OF_FILE = {
    "macros": "they are replaced by their values",
    "matrix": "which models are loaded together follows from `gpu_memory`; `[profiles.NAME]` loads them at once",
    "startPort": "each engine has a network address of its own",
}
_READ_OF_FILE = (
    "models",
    "apiKeys",
    "groups",
    "globalTTL",
    "healthCheckTimeout",
    "sendLoadingState",
    "hooks",
    "profiles",
)


def set_file(file: File, foreign: Foreign, tables: Mapping[str, Table]) -> None:
    """Set what llama-swap says of all models.

    Args:
        file: The models.toml.
        foreign: The configuration.
        tables: The models, by their names in it.
    """
    for key in sorted(foreign.keys - {*_READ_OF_FILE}):
        value = "" if key in ("macros", "peers") else shown(foreign.written(key))
        file.left_out[f"{key} {value}".strip()] = _WHY_OF_FILE.get(key, "models.toml has no such key")
    if "apiKeys" in foreign.keys:
        set_keys(file, foreign.written("apiKeys"))
    if _is_positive(ttl := foreign.written("globalTTL")):
        own = {name: table.lifted.server.service.settings.get("ttl") for name, table in tables.items()}
        if 0 not in own.values():
            file.defaults["idle_timeout"] = f"{ttl}s"
        else:  # models.toml has no value for never, so that of [defaults] would unload these models, too
            for name in (name for name, written in own.items() if written in (None, -1)):
                tables[name].put("idle_timeout", f"{ttl}s")
    if _is_positive(timeout := foreign.written("healthCheckTimeout")):
        file.defaults["start_timeout"] = f"{timeout}s"
    if foreign.written("sendLoadingState") is True:
        file.orchestrator["loading_messages"] = "reasoning"
    groups = foreign.written("groups")
    for name, group in (groups if isinstance(groups, dict) else {}).items():
        members = (
            [tables[one] for one in group.get("members") or () if one in tables] if isinstance(group, dict) else []
        )
        if members:
            _set_group(file, name, group, members)
    profiles = foreign.written("profiles")
    for name, listed in (profiles if isinstance(profiles, dict) else {}).items():
        together = [tables[one] for one in listed if one in tables] if isinstance(listed, list) else []
        if together:
            file.add_profile(str(name), together, is_default=False)
        else:
            file.left_out[f"profiles.{name} {shown(listed)}"] = "it names no imported model"
    hooks = foreign.written("hooks")
    preload = _preloaded(hooks)
    loaded = [tables[one] for one in preload if one in tables]
    if loaded:
        file.add_profile("preload", loaded, is_default=True)
    if hooks is not None and not loaded:
        file.left_out[f"hooks {hooks}"] = "write `default = true` in a profile to load its models at the start"


def _set_group(file: File, name: str, group: Mapping[str, Any], members: Sequence[Table]) -> None:
    """Set what a group says: models that stay loaded or are loaded together; those that take turns need nothing."""
    for key in group.keys() - {"swap", "exclusive", "persistent", "members"}:
        file.left_out[f"groups.{name}.{key} {group[key]}"] = "models.toml has no such key"
    for member in members if group.get("persistent") is True else ():
        _keep_loaded(name, member, [table for table in file.tables if table not in members])
    if group.get("swap", True) is not False:
        if len(members) > 1:
            file.said.append(f"the models of the group `{name}` take turns on the GPUs that they share")
        return
    for member in members:
        if member.share is None and member.devices:
            member.put("gpu_memory", "auto", f"the group `{name}` is loaded together")
    file.add_profile(name, members, is_default=False)


def _keep_loaded(group: str, member: Table, others: Sequence[Table]) -> None:
    """Keep a model of a persistent group loaded, unless no other model on its GPUs could start then."""
    rivals = [one for one in others if {*one.devices} & {*member.devices}]
    total = max((share(one) + share(member) for one in rivals), default=0.0)
    if total <= LIMIT:
        member.keys["keep_loaded"] = True
        member.comments["keep_loaded",] = f"the group `{group}` is persistent"
        return
    names = ", ".join(f"`{one.id}`" for one in rivals)
    member.left_out[f"groups.{group}.persistent true"] = f"{names} would not fit beside it"
    member.to_do.append(f"write `gpu_memory` of it and of {names}, then `keep_loaded = true`: its group is persistent")


def _preloaded(hooks: Any) -> list[str]:  # noqa: ANN401 - a YAML value
    startup = hooks.get("on_startup") if isinstance(hooks, dict) else None
    listed = startup.get("preload") if isinstance(startup, dict) else None
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def _is_positive(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
