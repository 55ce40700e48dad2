"""Import services of other tools: Foreign → the text of a models.toml, with errors corrected and everything else said.

Pure: it reads its arguments and the package's own data, and other files only by `read`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.config.familiar_names import PROGRAM_ENGINE
from modelgen.importing.arguments import set_arguments, with_flag_variables
from modelgen.importing.compose_keys import set_compose, set_variables
from modelgen.importing.flag_files import with_file_entries
from modelgen.importing.folders import rebase, rebased
from modelgen.importing.gpus import set_devices
from modelgen.importing.images import set_image
from modelgen.importing.llamaswap.file import set_file
from modelgen.importing.llamaswap.settings import set_settings
from modelgen.importing.model_names import RESERVED, Names, served_names, service_name, wanted_id
from modelgen.importing.notes import notes_of, set_callers
from modelgen.importing.programs import Program, calls, find_program, set_program
from modelgen.importing.secrets import shown
from modelgen.importing.shares import set_rest, set_share
from modelgen.importing.tables import Table
from modelgen.importing.weights import Hub, set_hub, set_repo
from modelgen.importing.writing import File, write
from modelgen.lift.document import lift_lines
from modelgen.lift.recognition import Server, Unrecognized, recognize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.engines.images.versions import Version
    from modelgen.foreign import Foreign, Service
    from modelgen.lift.document import Lifted

_NO_HUB = Hub("./models/hub", is_mounted=False)
_READ = ("services", "name", "version")
_PORT = 8080


class Imported(NamedTuple):
    """A models.toml.

    Args:
        text: Its text; empty if there is no engine in the foreign file.
        notes: What the user has to do or to know, one line each.
        models: The ids of its models.
        others: The services that are no engine.
        keys: The lines of its `keys_file`, which lies beside it; empty if it has none.
    """

    text: str
    notes: tuple[str, ...]
    models: tuple[str, ...]
    others: tuple[str, ...]
    keys: str = ""


def _no_file(path: str) -> bytes:
    raise FileNotFoundError(path)


def import_services(  # noqa: PLR0913 - what the caller knows of files and host
    foreign: Foreign,
    *,
    project: str,
    folder: str = ".",
    card: str | None = None,
    assumed: Mapping[str, Version] | None = None,
    read: Callable[[str], bytes] = _no_file,
) -> Imported:
    """Return the models.toml that does what the engines of a foreign file do.

    Args:
        foreign: What `modelgen.foreign.read_files` has read.
        project: The name of the project, if the file does not name it.
        folder: The folder of the file, relative to that of models.toml.
        card: The product name of the GPUs.
        assumed: The versions of engines whose images do not tell theirs.
        read: Returns the content of a file by its path relative to the foreign file, or raises OSError.
    """
    found = {name: recognize(service, assumed or {}) for name, service in foreign.services.items()}
    called = calls(foreign.services)
    programs: dict[str, Program | str | None] = {
        name: find_program(name, service, [one for one in called if name in (one.caller, one.service)], foreign.kind)
        for name, service in foreign.services.items()
        if found[name] is None
    }
    others = {
        name: one
        for name, one in found.items()
        if not isinstance(one, Server) and not isinstance(programs.get(name), Program)
    }
    if len(others) == len(found):
        reasons = (_said_of(other, one, programs.get(other)) for other, one in others.items())
        return Imported("", tuple(reasons) if foreign.kind != "shell" else (), (), tuple(others))
    name = foreign.written("name") if foreign.kind == "compose" else None
    file = File(foreign.sources[0].path, project_name(str(name or project)), card, _NO_HUB)
    names = Names()
    hubs: list[Hub] = []
    shared = _Shared(foreign.kind, names, card, hubs, _existing_networks(foreign), read)
    tables: dict[str, Table] = {}
    for service, one in found.items():
        program = programs.get(service)
        if isinstance(one, Server):
            tables[service] = _table(lift_lines([one])[0], shared)
        elif isinstance(program, Program):
            tables[service] = _program_table(program, shared)
    file.tables = [*tables.values()]
    set_rest(file.tables)
    for table in tables.values():
        rebase(table, folder)
    _set_hub(file, [hub._replace(path=rebased(hub.path, folder)) if hub.is_mounted else hub for hub in hubs])
    _set_gpus(file)
    if foreign.kind == "llama-swap":
        set_file(file, foreign, tables)
    elif foreign.kind == "compose":
        _set_profiles(file)
        for key in sorted(foreign.keys - {*_READ}):
            file.left_out[key] = _why(key, is_kept=bool(others))
        set_callers(file, called, foreign.services)
    _set_address(file, foreign.services)
    for other, one in others.items() if foreign.kind != "shell" else ():
        file.said.append(_said_of(other, one, programs.get(other)))
        if other in RESERVED:
            file.to_do.append(f"rename `{other}` in its file: modelgen has a service of this name")
    ids, notes = (table.id for table in file.tables), notes_of(file, foreign.kind, others)
    return Imported(write(file), tuple(notes), tuple(ids), tuple(others), file.keys)


def _said_of(name: str, one: Unrecognized | None, program: Program | str | None) -> str:
    """Return why a service is no model of the result."""
    if isinstance(program, str):
        return f'`{name}` serves the OpenAI API, but {program}: write it with `engine = "{PROGRAM_ENGINE}"`'
    return f"`{name}` is no model: {one.reason if one is not None else 'it stays in its file'}"


def project_name(text: str) -> str:
    """Return a name that Compose takes."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:63] or "models"


def _existing_networks(foreign: Foreign) -> frozenset[str]:
    """Return the networks that a Compose file joins without making them."""
    written = foreign.written("networks") if foreign.kind == "compose" else None
    networks = written if isinstance(written, dict) else {}
    return frozenset(name for name, one in networks.items() if isinstance(one, dict) and one.get("external"))


class _Shared(NamedTuple):
    """The values that all tables of a file share: its kind, names, GPUs, hub directories, and existing networks."""

    kind: str
    names: Names
    card: str | None
    hubs: list[Hub]
    existing: frozenset[str]
    read: Callable[[str], bytes]


def _table(lifted: Lifted, shared: _Shared) -> Table:
    """Return the table of a server."""
    kind, names = shared.kind, shared.names
    lifted, moved = with_flag_variables(lifted)
    lifted, followed = with_file_entries(lifted, shared.read)
    table = Table(lifted, names.take(wanted_id(lifted, kind)), left_out=moved | followed)
    done = set_repo(table)
    _set_service(table, kind)
    set_image(table)
    set_devices(table)
    done |= set_share(table, shared.card)
    aliases = [one for one in served_names(lifted) if one not in (table.id, table.keys.get("repo"))]
    for alias in aliases:
        if names.take_alias(alias):
            table.keys.setdefault("aliases", []).append(alias)
        else:
            table.left_out[f"name {alias}"] = "another model has this name, or it has other characters"
    line = lifted.server.engine.line
    set_arguments(table, done | ({line.names} if line else set()))
    hub, mount = set_hub(table)
    if hub is not None:
        shared.hubs.append(hub)
    set_variables(table)
    set_compose(table, mount, shared.existing)
    _set_script(table)
    if kind == "llama-swap":
        set_settings(table, names)
    return table


def _set_script(table: Table) -> None:
    """Say what the script around a server did beside."""
    server = table.lifted.server
    words = (*(server.service.entrypoint or ()), *(server.service.command or ()))
    if not server.is_direct and words:
        table.left_out[f"script {shown(max((word.text for word in words), key=len))}"] = (
            "its server alone is imported: put the rest into an image of your own (`build`)"
        )


def _program_table(program: Program, shared: _Shared) -> Table:
    """Return the table of a program."""
    lifted, kind = program.lifted, shared.kind
    table = Table(lifted, shared.names.take(wanted_id(lifted, kind, program.name)))
    _set_service(table, kind)
    set_image(table)
    set_program(table, program)
    set_devices(table)
    set_variables(table)
    set_compose(table, None, shared.existing)
    if kind == "llama-swap":
        set_settings(table, shared.names)
    return table


def _set_service(table: Table, kind: str) -> None:
    """Keep the name of a service of a Compose file."""
    lifted = table.lifted
    default = f"{lifted.server.engine.name}-{re.sub('[._]', '-', table.id.lower())}"
    service = service_name(lifted.name)
    if kind == "compose" and service is None:
        table.left_out[f"the name {lifted.name}"] = "services have other names, and some are modelgen's own"
    elif kind == "compose" and service != default:
        table.put("service", service)


def _set_hub(file: File, hubs: list[Hub]) -> None:
    """Set the hub directory, which all models share: the first that is a folder."""
    if not hubs:
        return
    file.hub = next((hub for hub in hubs if hub.is_mounted), hubs[0])
    for hub in dict.fromkeys(hubs):
        if hub.path != file.hub.path:
            file.left_out[f"hub {hub.path}"] = "all models share one hub directory: move these weights there"


def _set_gpus(file: File) -> None:
    """Name the GPUs, and write the names into the models."""
    for table in file.tables:
        for device in table.devices:
            index = device.device.rpartition("=")[2]
            wanted = f"gpu{index}" if index.isdecimal() else f"gpu{len(file.devices)}"
            while device not in file.devices and wanted in file.devices.values():
                wanted += "b"
            file.devices.setdefault(device, wanted)
        file.devices = dict(sorted(file.devices.items(), key=lambda item: (len(item[1]), item[1])))
    for table in file.tables:
        if table.devices:
            table.put("gpus", [file.devices[device] for device in table.devices])


def _set_profiles(file: File) -> None:
    """Make profiles of those of the Compose file, and one of the models that it starts together."""
    by_profile: dict[str, list[Table]] = {}
    for table in file.tables:
        service = table.lifted.server.service
        for profile in service.profiles:
            by_profile.setdefault(profile.text, []).append(table)
    started = [table for table in file.tables if not table.lifted.server.service.profiles]
    if started:
        file.add_profile("start", started, is_default=True)
    for name, tables in by_profile.items():
        file.add_profile(name, tables, is_default=False)


def _set_address(file: File, services: Mapping[str, Service]) -> None:
    """Choose another port for the orchestrator where its own is taken."""
    used = {
        port.published.text
        for service in services.values()
        for port in service.ports
        if port.published is not None and port.published.is_known
    }
    if str(_PORT) in used:
        free = next(port for port in range(_PORT + 1, _PORT + 1000) if str(port) not in used)
        file.orchestrator["listen"] = f"127.0.0.1:{free}"


def _why(key: str, *, is_kept: bool) -> str:
    if key.startswith("x-"):
        return "its values are in the models that have them"
    if is_kept:
        return "it stays in its file"
    return {
        "include": "the services of its files are read, too",
        "networks": "modelgen makes the networks of the models",
        "volumes": "modelgen makes the volumes that models mount",
    }.get(key, "write it in a docker-compose.override.yml beside the output")
