"""Share code among the commands that call a running orchestrator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.compiling import config_option, read_config
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen.operate.control import Orchestrator

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what is listened on, not what is called


def _require_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    """Refuse what is no address of a server, as click refuses other values."""
    import urllib.parse

    if url is None:
        return None
    try:
        parts = urllib.parse.urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is no number
        is_good = False
    if not is_good or not url.isprintable() or " " in url:
        raise click.BadParameter(f"`{url}` is no address; write one such as `http://127.0.0.1:8080`")
    return url


def remote_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`, `--url` and `--format`."""
    options = (
        config_option,
        click.option(
            "--url", callback=_require_url, help="Address of the orchestrator.  [default: `listen` of the file]"
        ),
        click.option(
            "--format",
            "format_",
            type=click.Choice(("human", "json")),
            default="human",
            show_default=True,
            help="How the answer looks; `json` is the orchestrator's own.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_orchestrator(config: Path, url: str | None) -> Orchestrator:
    """Return the orchestrator that is meant; its key comes from MODELGEN_KEY, never from an argument."""
    from modelgen.operate.control import Orchestrator

    return Orchestrator(url.rstrip("/") if url else _url_in(config), os.environ.get("MODELGEN_KEY"))


def ask_status(config: Path, url: str | None) -> tuple[Orchestrator, dict[str, Any]]:
    """Return the orchestrator that is meant and its status.

    Raises:
        InputError: Another project's orchestrator answers at its address.
    """
    orchestrator = find_orchestrator(config, url)
    status = orchestrator.ask("GET", "/status")
    require_project(config, orchestrator.url, status)
    return orchestrator, status


def find_model(status: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the model of a status that answers to a name.

    Raises:
        InputError: None does.
    """
    found: dict[str, Any] | None = next((one for one in status["models"] if name in one["names"]), None)
    if found is None:
        from modelgen.diagnostics import did_you_mean

        raise InputError(f"there is no model `{name}`: {did_you_mean(name, [one['id'] for one in status['models']])}")
    return found


def require_project(config: Path, url: str, status: dict[str, Any]) -> None:
    """Refuse the orchestrator of another project than that of the models.toml, where there is one.

    Raises:
        InputError: It is another's.
    """
    ours, theirs = _read_table(config, "project").get("name"), status.get("project")
    if isinstance(ours, str) and theirs != ours:
        raise InputError(
            f"the orchestrator at {url} belongs to the project `{theirs}`, but {config} to `{ours}`; pass the "
            "models.toml of that project by --config, or the address of yours by --url"
        )


def url_of(listen: str) -> str | None:
    """Return where an orchestrator with this `listen` is asked, or None for one that is no address."""
    from modelgen.engines.addresses import parse_address

    address = parse_address(listen)
    if address is None:
        return None
    host = _ANYWHERE.get(address.host, f"[{address.host}]" if ":" in address.host else address.host)
    return f"http://{host}:{address.port}"


def running_url(folder: Path) -> str | None:
    """Return where the one listens that the manifest in a folder was written for: `listen` may have changed since."""
    from modelgen_runtime.manifest import ManifestError, read_manifest

    try:
        return url_of(read_manifest((folder / "manifest.json").read_bytes()).settings.listen)
    except (OSError, ManifestError):
        return None  # none was written, or by another version: then it is where the file says


def _url_in(config: Path) -> str:
    """Return the address that models.toml says, whatever else in it is wrong."""
    from modelgen.engines.addresses import DEFAULT_LISTEN

    read_config(config)  # where there is none, that is said
    url = url_of(str(_read_table(config, "orchestrator").get("listen", DEFAULT_LISTEN)))
    if url is None:
        raise InputError(f"`listen` in {config} is no address; run `modelgen validate`, or name one by --url")
    return url


def _read_table(config: Path, name: str) -> dict[str, Any]:
    """Return a table of models.toml as it is written, without the time that judging it takes; empty without one."""
    import tomllib

    try:
        table = tomllib.loads(config.read_bytes().decode()).get(name, {})
    except OSError:
        return {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"{config} cannot be read; run `modelgen validate`") from error
    return table if isinstance(table, dict) else {}
