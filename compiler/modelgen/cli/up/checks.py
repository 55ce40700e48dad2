"""Run the fast checks of `doctor` before `up` downloads, builds or creates anything."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from modelgen.cli.compiling import read_config
from modelgen.cli.reading import warn
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.load import Document
    from modelgen.operate.doctor import Finding, Host, Wanted

_PATIENCE = 30.0
"""Time limit in seconds; a busy host is not refused."""


def check_host(config: Path, out: Path | None, *, take_over: bool) -> None:
    """Check whether this host can run the models; print possible later problems as warnings on stderr.

    Raises:
        ModelgenError: It cannot; the message names the fix.
    """
    from modelgen.cli.hub.hub_options import hub_directory
    from modelgen.load import load
    from modelgen.operate.doctor import Host, Wanted

    document, _, _ = load(read_config(config), config.as_posix())
    if document is None or document.is_refused("project", "hub") or document.is_refused("project", "name"):
        return  # errors in the file are reported when it is compiled
    out = config.parent / "build" if out is None else out
    _require_orchestrator(document, out)
    folder = out.absolute()
    _require_readable_override(folder)
    wanted = Wanted(document, hub_directory(document.config.project.hub, config.parent))
    host = Host(patience=_PATIENCE, each=_PATIENCE / 2)
    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(_look, config, host, wanted)
        _require_own(folder, document.config.project.name, take_over=take_over)
        findings = looked.result()
    for found in findings:
        if found.state == "warning":
            warn(_sentence(found))
        if found.state == "bad" and not (found.subject == "toolkit" and _is_without_cards(config, folder, host)):
            raise ModelgenError(_sentence(first_cause(found, host, wanted)))


def first_cause(found: Finding, host: Host, wanted: Wanted) -> Finding:
    """Return the finding to report: without the driver, the toolkit cannot help."""
    if found.subject != "toolkit":
        return found
    from modelgen.operate.doctor.nvidia import check_driver

    return next((one for one in check_driver(host, wanted) if one.state == "bad"), found)


def _require_orchestrator(document: Document, out: Path) -> None:
    """Refuse a deployment without an orchestrator, before anything is downloaded for it."""
    table = document.config.orchestrator
    if table is not None and table.enabled is False:
        raise InputError(
            "`[orchestrator] enabled` is false, so there is no orchestrator to start; run `modelgen build`, then "
            f"`docker compose --project-directory {out.as_posix()} --profile MODEL up`"
        )


def _require_readable_override(folder: Path) -> None:
    """Refuse an unreadable override first: it may remove GPUs."""
    from modelgen.operate.doctor import find_override

    if find_override(folder) is None:  # most projects have no override, and need no YAML parser
        return
    from modelgen.operate.overrides import require_readable

    require_readable(folder)


def _require_own(folder: Path, project: str, *, take_over: bool) -> None:
    """Refuse containers of another folder. This also reports that Docker does not answer."""
    from modelgen.operate.deployment import Deployment

    deployment = Deployment(folder, project)
    deployment.require_own(deployment.containers(), take_over=take_over)


def _look(config: Path, host: Host, wanted: Wanted) -> list[Finding]:
    from modelgen.cli.hub.known_complete import find_hub, is_known_complete
    from modelgen.operate.doctor import examine_for_up

    images = sorted({run.reference or "" for run in wanted.runs.values()})
    is_complete = (
        is_known_complete(config, find_hub(config)) and host.run("docker", "image", "inspect", *images).is_good
    )
    return examine_for_up(host, wanted, is_complete=is_complete)


def _sentence(found: Finding) -> str:
    return f"{found.message}; {found.help}" if found.help else found.message


def _is_without_cards(config: Path, folder: Path, host: Host) -> bool:
    """Return whether the user's override removes all GPUs, so that Docker need not provide any."""
    from modelgen.cli.compiling import compile_file
    from modelgen.operate.deployment import Deployment
    from modelgen.operate.doctor import find_override, takes_all_cards

    override = find_override(folder)
    if override is None:
        return False
    compilation, _ = compile_file(config, folder)
    if compilation.fleet is None:
        return False
    built = compilation.artifacts["docker-compose.yml"]
    Deployment(folder, compilation.fleet.project).digests(built)  # raises an error for what Compose refuses
    return takes_all_cards(host, override, built)


def require_keys(path: Path) -> None:
    """Check a file of keys before the orchestrator starts with it.

    Args:
        path: The path of the file.

    Raises:
        ModelgenError: The orchestrator cannot use it, or there is no key for `up` itself.
    """
    from modelgen_runtime.gateway.keys import KeysError, read_keys

    try:
        roles = {key.role for key in read_keys(path).values()}
    except KeysError as error:
        raise ModelgenError(str(error)) from error
    if sys.platform != "win32" and not path.stat().st_mode & stat.S_IROTH:
        raise ModelgenError(
            f"`nobody`, the orchestrator's user, cannot read {path}; run `chmod a+r {path}` (it contains only hashes)"
        )
    if "admin" not in roles:
        raise ModelgenError(
            f"{path} has no key of role `admin`, which `up` needs to drain models; `modelgen key --role admin` "
            "prints a key and its line"
        )
    if not os.environ.get("MODELGEN_KEY"):
        raise ModelgenError(f"the orchestrator requires a key; set MODELGEN_KEY to a key of role `admin` in {path}")
