"""Check whether the last fetch left nothing missing, before `fetch` and `up` import the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.cli.compiling import lock_path, read_config, read_lock
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def find_hub(config: Path) -> Path | None:
    """Return the hub directory that a models.toml names, or None if the file has to be read completely."""
    import tomllib

    data = read_config(config)
    try:
        return hub_directory(tomllib.loads(data.decode())["project"]["hub"], config.parent)
    except (ValueError, LookupError, TypeError, AttributeError, ModelgenError):
        return None


def key_in(config: Path, models: Iterable[str] = ()) -> str:
    """Return the key of a models.toml and its lock in the record of a hub directory."""
    from modelgen.hub.fetching.remembered import key_of

    return key_of(lock_path(config), read_config(config), read_lock(config) or b"", models)


def is_known_complete(config: Path, hub: Path | None, models: Iterable[str] = ()) -> bool:
    """Return whether the last fetch of exactly these files left nothing missing and registered the lock."""
    from modelgen.hub.fetching.remembered import Seen

    return hub is not None and Seen(hub).is_complete(key_in(config, models))
