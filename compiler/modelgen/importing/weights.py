"""Import the model of a server as a repository, and the hub directory from its mounts."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.checks.foreign.context import holds, hub_of, repo_of
from modelgen.engines.images.places import HUBS
from modelgen.foreign import UNKNOWN
from modelgen.importing.folders import host_path
from modelgen.importing.tables import PLACEHOLDER
from modelgen.lockfile.repos import is_commit, is_repo_id

if TYPE_CHECKING:
    from modelgen.foreign import Mount
    from modelgen.importing.tables import Table

SNAPSHOT = re.compile(r".*/?models--(?P<repo>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})(?:/(?P<file>.+))?")
"""The path of a snapshot in a hub directory, or of a file in it."""
_RESOLVED = re.compile(
    r"https?://(?:huggingface\.co|hf\.co)/(?P<repo>[^/]+/[^/]+)/resolve/(?P<ref>[^/]+)/(?P<file>[^?]+)"
)
_QUANT = re.compile(r"[-.](?P<quant>I?Q\d\w*|BF16|F16|F32|MXFP4)-GGUF$", re.IGNORECASE)
_PART = re.compile(r"(?:-\d{5}-of-\d{5})?(?:\.gguf)?$")
_HUB_FLAGS = ("download-dir", "huggingface-hub-cache")
_HOME = "/.cache/huggingface"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+|--+|\.\.+")
_DEFAULT_HOME = "~/.cache/huggingface/hub"


class Hub(NamedTuple):
    """A hub directory.

    Args:
        path: Its path on the host.
        was: What was written in its place; empty if nothing changed.
        is_mounted: Whether the path is one that the foreign file mounts, and no default.
    """

    path: str
    was: str = ""
    is_mounted: bool = True


def set_repo(table: Table) -> set[str]:
    """Set the repository of a model; return the flags that say the same."""
    lifted = table.lifted
    entries, engine = lifted.line.entries, lifted.server.engine
    done = {*(engine.line.model if engine.line else ())}
    if engine.opens is not None and engine.opens.gguf:
        return done | _set_gguf(table)
    text = lifted.model.text if lifted.model is not None else ""
    if is_repo_id(text) and "/" in text:
        table.put("repo", text)
    elif found := SNAPSHOT.fullmatch(text):
        table.put("repo", repo_in(found), f"was: {text}")
        table.put("revision", found["commit"])
    elif text.startswith("/") and (repo := _repo_of(text)):
        table.put("repo", repo, f"was: {text}")
    elif text:
        _set_local(table, text)
    else:
        table.put("repo", f"OWNER/{_name(table.id)}", f"{PLACEHOLDER}the file does not tell the model")
        table.to_do.append("write its `repo`: the file does not tell the model")
    if "revision" in table.keys and "revision" in entries and is_commit(table.keys["revision"]):
        done.add("revision")
    return done


def repo_in(found: re.Match[str]) -> str:
    """Return the repository that the path of a snapshot is of."""
    return found["repo"].replace("--", "/", 1)


def _repo_of(path: str) -> str | None:
    """Return the repository that a path means: by the name of its folder, or by its last two below others."""
    is_deep = path.strip("/").count("/") > 1
    return repo_of(path) if is_deep or "--" in posixpath.basename(path) else None


def _set_gguf(table: Table) -> set[str]:
    """Set the repository and the GGUF file of a model of llama.cpp; return the flags that say the same."""
    line = table.lifted.line
    done = {"hf-repo", "hf-file", "model-url"}
    hf, file = line.text("hf-repo"), line.text("hf-file")
    model, url = line.text("model"), line.text("model-url")
    resolved = _RESOLVED.fullmatch(url) if url else None
    if hf and is_repo_id(hf.partition(":")[0]):
        repo, _, quant = hf.partition(":")
        table.put("repo", repo)
        if file:
            table.put("file", file)
        elif quant:
            table.put("quant", quant)
        elif named := _QUANT.search(repo):
            table.put("quant", named["quant"], "of the repository's name")
        else:
            table.put("quant", "Q4_K_M", "the default of `-hf`")
    elif resolved:
        table.put("repo", resolved["repo"], f"was: {url}")
        table.put("file", resolved["file"])
    elif model and (found := SNAPSHOT.fullmatch(model)) and found["file"]:
        table.put("repo", repo_in(found), f"was: {model}")
        table.put("revision", found["commit"])
        table.put("file", found["file"])
    elif model:
        _set_local(table, model)
        table.put("file", posixpath.basename(model))
    else:
        table.put("repo", f"OWNER/{_name(table.id)}", f"{PLACEHOLDER}the file does not tell the model")
        table.put("quant", "Q4_K_M", f"{PLACEHOLDER}the file does not name it")
        table.to_do.append("write its `repo`: the file does not tell the model")
    vision = line.text("mmproj")
    found = SNAPSHOT.fullmatch(vision) if vision else None
    if found is not None and found["file"] and repo_in(found) == table.keys["repo"]:
        table.put("mmproj", found["file"])
        done.add("mmproj")
    elif vision and model and posixpath.dirname(vision) == posixpath.dirname(model):
        table.put("mmproj", posixpath.basename(vision))
        done.add("mmproj")
    draft = line.text("hf-repo-draft", "spec-draft-hf")
    if draft and is_repo_id(draft.partition(":")[0]):
        repo, _, quant = draft.partition(":")
        table.put("draft", {"repo": repo, "quant": quant or "Q4_K_M"})
        done |= {"hf-repo-draft", "spec-draft-hf"}
    return done


def _set_local(table: Table, path: str) -> None:
    """Name weights of the user's own, which `modelgen add` puts into the hub directory."""
    name = _name(_PART.sub("", posixpath.basename(path.rstrip("/"))) or table.id)
    repo = f"local/{name}"
    table.put("repo", repo, f"was: {path}")
    host = host_path(table.lifted.server.service, path) or "PATH"
    table.to_do.append(f"add its weights: `modelgen add {host} --as {repo} --no-table`")


def _name(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text).strip("-._") or "model"


def set_hub(table: Table) -> tuple[Hub | None, Mount | None]:
    """Return the hub directory that a service mounts, and the mount; None where there is none."""
    lifted = table.lifted
    service = lifted.server.service
    written = lifted.line.text(*_HUB_FLAGS)
    if service.on_host and written:
        return Hub(written), None
    inside = written if written and written.startswith("/") else lifted.server.engine.hub or hub_of(lifted)
    if inside is None:
        targets = {posixpath.normpath(mount.target.text) for mount in service.mounts}
        inside = next((hub for hub in HUBS if targets & {hub, posixpath.dirname(hub)}), None)
    if service.on_host:
        cache = service.variable("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
        home = service.variable("HF_HOME")
        if cache or home:
            return Hub(cache.text if cache else posixpath.join(home.text if home else "", "hub")), None
        is_used = not str(table.keys.get("repo", "")).startswith("local/")
        return (Hub(_DEFAULT_HOME, is_mounted=False) if is_used else None), None
    if inside is None:
        return None, None
    for mount in service.mounts:
        target = posixpath.normpath(mount.target.text)
        if not holds(mount, inside) and target != posixpath.dirname(inside):
            continue
        if mount.kind != "bind" or mount.source is None or not mount.source.is_known:
            return _unmounted(mount), mount
        source = mount.source.text.rstrip("/\\") or "/"
        return _corrected(table, source, target, inside), mount
    return None, None


def _unmounted(mount: Mount) -> Hub:
    """Return the hub directory in the place of a volume, or of a folder whose path begins with an unknown variable."""
    text = mount.source.text if mount.source is not None else ""
    if UNKNOWN not in text:
        return Hub("./models/hub", f"was: the volume `{text}`; copy its weights, or fetch them again", is_mounted=False)
    shown = text.replace(UNKNOWN, "…")
    if text.removesuffix("/hub").endswith(_HOME):  # `${HOME}` and `$HOME` are the beginning in most public files
        return Hub(_DEFAULT_HOME, f"was: {shown}, with a variable")
    return Hub("./models/hub", f"{PLACEHOLDER}the file says `{shown}`, with a variable", is_mounted=False)


def _corrected(table: Table, source: str, target: str, inside: str) -> Hub:
    """Return the hub directory that a mount means, also where it is one level off."""
    text = table.lifted.model.text if table.lifted.model is not None else ""
    parent = posixpath.dirname(inside)
    was = f"was: {source}:{target}, one level off"
    if target == inside:
        is_above = source.endswith(".cache/huggingface") or (text.startswith("/") and posixpath.dirname(text) == parent)
        return Hub(posixpath.join(source, "hub"), was) if is_above else Hub(source)
    below = inside.removeprefix(target).strip("/") if target != "/" else inside.strip("/")
    if source.endswith("huggingface/hub") and below == "hub":
        return Hub(source, was)
    return Hub(posixpath.join(source, below))
