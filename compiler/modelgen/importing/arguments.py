"""Import the flags of a server: typed as its release knows them, corrected where it refuses them, or left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import table_in
from modelgen.engines.flags.plain import long_name
from modelgen.importing.secrets import HIDDEN, is_secret
from modelgen.importing.tables import PLACEHOLDER
from modelgen.importing.weights import SNAPSHOT, repo_in
from modelgen.lift.arguments import Entry
from modelgen.lift.document import Lifted
from modelgen.lockfile.repos import is_repo_id
from modelgen.resolve.arguments import plain_release
from modelgen.upgrading.flags import written_instead

if TYPE_CHECKING:
    from modelgen.engines.catalogues import Flag, Release
    from modelgen.importing.tables import Table

KEYS_TO_DO = "keys of clients belong in `[orchestrator] keys_file`: `modelgen key` makes one"
_KEY_FLAGS = ("api-key", "api-key-file", "admin-api-key")
_LENGTH = 16384
_SECOND = "a model of its own: write another `[models.ID]` with this `repo`"
_SWITCHES = (Kind.BOOL, Kind.FLAG, Kind.TRUTHY)


def set_arguments(table: Table, done: set[str]) -> None:
    """Set the flags of a model.

    Args:
        table: The model's table.
        done: The names of flags that other keys of the table have.
    """
    server, line = table.lifted.server, table.lifted.line
    engine = server.engine
    release = _release(table)
    for entry in line.entries.values():
        if entry.name in done or entry.key in done:
            continue
        head = entry.name.partition(".")[0]
        flag = (release.get(entry.name) or release.get(head)) if release else None
        reason = engine.owned_args.get(entry.name, engine.owned_args.get(head))
        if entry.value is None and entry.name not in _KEY_FLAGS:
            table.left_out[_written(entry)] = "its value is not known: write it in `args`"
        elif reason is not None:
            _set_owned(table, entry, reason)
        elif is_secret(entry.name, entry.value):
            table.left_out[f"--{entry.key}"] = HIDDEN
        elif flag is None and release is not None and server.is_release and engine.catalogue is not None:
            _set_replaced(table, entry, release)
        else:
            _put(table, entry, _typed(flag, entry.value), is_table=engine.plain_flags is None)
    if table.args.get(engine.length) == 0:
        del table.args[engine.length]
    if engine.needs_length and engine.length not in table.args:
        table.args[engine.length] = _LENGTH
        table.comments["args", engine.length] = (
            f"{PLACEHOLDER}the file leaves it to the model, which may exceed the GPU"
        )
        table.to_do.append(f"write the `{engine.length}` that you need")
    for word in line.positionals:
        if table.lifted.model is None or word != table.lifted.model:
            shown = word.text if word.is_known else "a word with a variable"
            table.left_out[shown] = "it is no flag and no value of one"
    if "loras" in table.keys and table.args.pop("enable-lora", None) is not None:
        table.left_out["--enable-lora"] = "modelgen sets it for `loras`"
    for entry in line.replaced:
        several = engine.line is not None and engine.line.several_models and entry.name in engine.line.model
        table.left_out[_written(entry)] = _SECOND if several else "it is written again later"
        if several:
            table.to_do.append(f"add a table for {entry.text}: a model has one `repo`")
    for word in line.valueless:
        table.left_out[word.text] = "it has no value"


def with_flag_variables(lifted: Lifted) -> tuple[Lifted, dict[str, str]]:
    """Return a server with its variables that set flags of modelgen's own as flags, and what is said of these.

    llama.cpp and Text Embeddings Inference read each flag from a variable, too.
    """
    server, engine = lifted.server, lifted.server.engine
    if engine.plain_flags is None:
        return lifted, {}
    by_variable, entries, moved = engine.plain_flags().flags_of_variables, dict(lifted.line.entries), dict[str, str]()
    model = lifted.model
    for name, (at_name, value) in server.service.variables.items():
        flag = next(iter(by_variable.get(name, ())), None)
        if (
            flag is None
            or value is None
            or not value.is_known
            or not (flag in engine.owned_args or flag == engine.length)
            or is_secret(name, value.text)
        ):
            continue
        moved[name] = f"it is the flag `{flag}`"
        if flag not in entries:
            entries[flag] = Entry(flag, flag, value.text, at_name, value)
            model = value if model is None and engine.line is not None and flag in engine.line.model else model
    variables = {name: one for name, one in server.service.variables.items() if name not in moved}
    server = server._replace(service=replace(server.service, variables=variables))
    return Lifted(server, lifted.line._replace(entries=entries), model, lifted.is_positional), moved


def _release(table: Table) -> Release | None:
    server = table.lifted.server
    if server.engine.catalogue is not None:
        catalogue = server.engine.catalogue()
        return catalogue.release(server.version) if server.version else catalogue.newest
    return plain_release(server.engine, server.version) if server.engine.plain_flags is not None else None


def _set_owned(table: Table, entry: Entry, reason: str) -> None:
    """Set the key of the table that has the meaning of a flag, or say why there is none."""
    if entry.name == "trust-remote-code" and "trust_remote_code" in table.lifted.server.engine.keys:
        table.put("trust_remote_code", entry.value is not False)
    elif entry.name == "revision" and entry.text:
        table.put("revision", entry.text)
    elif entry.name == "lora-modules":
        _set_loras(table, entry)
    elif entry.name in _KEY_FLAGS:
        table.left_out[f"--{entry.key}"] = HIDDEN
        table.to_do.append(KEYS_TO_DO)
    elif is_secret(entry.name, entry.value):
        table.left_out[f"--{entry.key}"] = HIDDEN
        table.to_do.append("pass the token in the shell that runs `modelgen lock` and `modelgen fetch`: HF_TOKEN=…")
    else:
        table.left_out[_written(entry)] = reason


def _set_loras(table: Table, entry: Entry) -> None:
    texts = entry.value if isinstance(entry.value, list) else [entry.value]
    for text in texts:
        name, _, repo = str(text).partition("=")
        own = table_in(text)
        if own is not None:
            name, repo = str(own.get("name", "")), str(own.get("path", ""))
        if found := SNAPSHOT.fullmatch(repo):
            repo = repo_in(found)
        if name and is_repo_id(repo) and "/" in repo:
            table.keys.setdefault("loras", {})[name] = repo
        else:
            table.left_out[f"--lora-modules {text}"] = (
                "`loras` takes a repository: add the folder by `modelgen add PATH --as local/NAME`"
            )


def _set_replaced(table: Table, entry: Entry, release: Release) -> None:
    """Set what replaces a flag that the release does not have."""
    engine = table.lifted.server.engine
    instead = engine.instead.get(entry.name)
    written = written_instead(instead, entry.value, release) if instead else None
    title = f"{engine.title} {release.name}"
    if instead is None or not written:
        why = f"; {instead.help_for(entry.value)}" if instead else ""
        table.left_out[_written(entry)] = f"{title} has no such flag{why}"
        return
    for name, value in written.items():
        if name not in table.args:
            table.args[name] = _typed(release.get(name), value)
            table.comments["args", name] = f"was: {_written(entry)}, which {title} does not have"


def _put(table: Table, entry: Entry, value: Any, *, is_table: bool) -> None:  # noqa: ANN401 - any TOML value
    """Set a flag; in an engine with tables, `name.key` is a key of one."""
    head, _, inner = entry.name.partition(".")
    if inner and is_table and isinstance(table.args.get(head, {}), dict):
        below = table.args.setdefault(head, {})
        *parents, last = inner.split(".")
        for parent in parents:
            below = below.setdefault(parent, {})
        below[last] = _scalar(value)
        return
    short = table.lifted.server.engine.short_flags
    # The canonical name may be one that only newer builds know.
    table.args[entry.name if short is None or value is False else long_name(entry.key, short)] = value


def _typed(flag: Flag | None, value: Any) -> Any:  # noqa: ANN401
    """Return a value as TOML has it: numbers and tables where the release takes them."""
    if isinstance(value, list):
        return [_typed(flag, one) for one in value]
    if not isinstance(value, str):
        return value
    if flag is None:
        return _scalar(value)
    if flag.kind in _SWITCHES:
        return {"true": True, "false": False}.get(value.lower(), value)
    if flag.kind in (Kind.JSON, Kind.JSON_OR_TEXT):
        found = _parsed(value)
        return found if isinstance(found, dict | list) and not _has_null(found) else value
    return _scalar(value)


def _scalar(value: Any) -> Any:  # noqa: ANN401
    """Return a number for a text that is written exactly as JSON writes this number."""
    if not isinstance(value, str):
        return value
    found = _parsed(value)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number and json.dumps(found) == value else value


def _parsed(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has_null(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, dict | list):
        return any(map(_has_null, value.values() if isinstance(value, dict) else value))
    return value is None


def _written(entry: Entry) -> str:
    """Return a flag as it is written, without secrets."""
    dashes = "-" if len(entry.key) == 1 else "--"
    if entry.value is True:
        return f"{dashes}{entry.key}"
    if entry.value is None or is_secret(entry.name, entry.value):
        return f"{dashes}{entry.key} …"
    if entry.value is False:
        return f"--no-{entry.key}"
    values = entry.value if isinstance(entry.value, list) else [entry.value]
    return " ".join((f"{dashes}{entry.key}", *map(str, values)))
