"""Share code among the commands that call a running orchestrator."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.compiling import read_config
from modelgen.cli.options import config_option, json_option
from modelgen.cli.state_folder import is_output
from modelgen.files import InputError, ModelgenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen.operate.control import Orchestrator

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what is listened on, not what is called


def _require_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    """Refuse a value that is not the address of a server, as click refuses other values."""
    import urllib.parse

    if url is None:
        return None
    try:
        parts = urllib.parse.urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # raised for a port that is not a number
        is_good = False
    if not is_good or not url.isprintable() or " " in url:
        raise click.BadParameter(f"`{url}` is not an address; write one such as `http://127.0.0.1:8080`")
    return url


def remote_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`, `--url` and `--format`."""
    options = (
        config_option,
        click.option(
            "--url",
            metavar="URL",
            callback=_require_url,
            help="Address of the orchestrator.  [default: `listen` of the file]",
        ),
        json_option("Output format; `json` is the orchestrator's answer."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_orchestrator(config: Path, url: str | None) -> Orchestrator:
    """Return the orchestrator of `url` or `config`; its key comes from MODELGEN_KEY, never from an argument."""
    from modelgen.operate.control import Orchestrator

    return Orchestrator(url.rstrip("/") if url else _url_in(config), os.environ.get("MODELGEN_KEY"))


def ask_status(config: Path, url: str | None) -> tuple[Orchestrator, dict[str, Any]]:
    """Return the orchestrator and its status.

    Raises:
        InputError: Another project's orchestrator answers at its address.
    """
    orchestrator = find_orchestrator(config, url)
    status = orchestrator.ask("GET", "/status")
    require_project(config, orchestrator.url, status)
    return orchestrator, status


def find_model(status: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the model of a status with this id, alias or variant.

    Raises:
        InputError: There is none.
    """
    found: dict[str, Any] | None = next(
        (one for one in status["models"] if name in (*one["names"], *one.get("variants", ()))), None
    )
    if found is None:
        from modelgen.diagnostics import did_you_mean

        raise InputError(f"there is no model `{name}`: {did_you_mean(name, [one['id'] for one in status['models']])}")
    return found


def require_no_profile(config: Path, status: dict[str, Any], name: str) -> None:
    """Refuse the name of a profile, unless a model has it as well.

    Raises:
        InputError: It is a profile of models.toml.
    """
    if not any(name in one["names"] for one in status["models"]) and name in _read_table(config, "profiles"):
        raise InputError(f"`{name}` is a profile: run `modelgen switch --profile {name}`")


def require_project(config: Path, url: str, status: dict[str, Any]) -> None:
    """Refuse an orchestrator of another project than the one in models.toml, if the file exists.

    Raises:
        InputError: It belongs to another project.
    """
    ours, theirs = _read_table(config, "project").get("name"), status.get("project")
    if isinstance(ours, str) and theirs != ours:
        raise InputError(
            f"the orchestrator at {url} belongs to the project `{theirs}`, but {config} to `{ours}`; pass the "
            "models.toml of that project with --config, or the address of yours with --url"
        )


def url_of(listen: str) -> str | None:
    """Return the URL of an orchestrator with this `listen`, or None if it is not an address."""
    from modelgen.engines.host.addresses import parse_address

    address = parse_address(listen)
    if address is None:
        return None
    host = _ANYWHERE.get(address.host, f"[{address.host}]" if ":" in address.host else address.host)
    return f"http://{host}:{address.port}"


def running_url(folder: Path) -> str | None:
    """Return the URL in the manifest of a folder: `listen` in models.toml may have changed since."""
    from modelgen_runtime.manifest import read_manifest
    from modelgen_runtime.manifest_reader import ManifestError

    try:
        return url_of(read_manifest((folder / "manifest.json").read_bytes()).settings.listen)
    except (OSError, ManifestError):
        return None  # no manifest, or one of another version: use the address in models.toml


def _url_in(config: Path) -> str:
    """Return the URL for the `listen` of models.toml, also if the file has other errors."""
    from modelgen.engines.host.addresses import DEFAULT_LISTEN

    read_config(config)  # a missing file is reported
    url = url_of(str(_read_table(config, "orchestrator").get("listen", DEFAULT_LISTEN)))
    if url is None:
        raise InputError(f"`listen` in {config} is not an address; run `modelgen validate`, or pass one with --url")
    return url


def _read_table(config: Path, name: str) -> dict[str, Any]:
    """Return a table of models.toml as written, without the time that validation takes; empty if missing."""
    import tomllib

    try:
        table = tomllib.loads(config.read_bytes().decode()).get(name, {})
    except OSError:
        return {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"{config} cannot be read; run `modelgen validate`") from error
    return table if isinstance(table, dict) else {}


def find_to_change(config: Path, url: str | None) -> tuple[Orchestrator, dict[str, Any]]:
    """Return the orchestrator to change and its status; with --url, whatever folder it was started from.

    Raises:
        InputError: Its containers come from another folder, whose project has the same name.
    """
    orchestrator, status = ask_status(config, url)
    if url is None and status["driver"] == "docker":
        _require_own(config, str(status["project"]))
    return orchestrator, status


def _require_own(config: Path, project: str) -> None:
    """Refuse an orchestrator whose containers were created from another folder, if Docker is available here."""
    from modelgen.operate.deployment import Deployment

    if shutil.which("docker") is None:
        return
    ours = (config.parent / "build").absolute()
    deployment = Deployment(ours, project)
    try:
        owner = deployment.owner(deployment.containers())
    except ModelgenError:  # the orchestrator answers although Docker does not
        return
    if owner is not None and not is_output(config, owner):
        raise InputError(
            f"the orchestrator of the project `{project}` was started from {owner}, and {config} belongs to {ours}; "
            "run this in that folder, or pass the address of that orchestrator with --url"
        )
