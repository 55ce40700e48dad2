"""Import what a server runs in: engine, image, version, own builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.config.familiar_names import DEFAULT_ENGINE
from modelgen.engines.images.properties import is_fork, version_of
from modelgen.importing.secrets import HIDDEN, is_secret
from modelgen.importing.tables import PLACEHOLDER

if TYPE_CHECKING:
    from modelgen.engines.engine import Engine
    from modelgen.importing.tables import Table


def set_image(table: Table) -> None:
    """Set engine, image and version of a model, and how the image is built."""
    server = table.lifted.server
    engine, service = server.engine, server.service
    if engine.name != DEFAULT_ENGINE:
        table.put("engine", engine.name)
    if service.is_built:
        _set_build(table, service.written("build"))
        image = service.image.text if service.image is not None and service.image.is_known else ""
        table.put("image", image.strip() or f"{table.id.lower()}:own")
    elif server.image is not None and service.image is not None and service.image.is_known:
        table.put("image", service.image.text.strip())
    else:
        version = server.version.text if server.version else ""
        was = service.image.text.replace("\ufffc", "…") if service.image is not None else ""
        said = f"the file says `{was}`" if was else "the program ran without a container"
        table.put("image", _image(engine, version), said if version and not was else f"{PLACEHOLDER}{said}")
    _set_version(table)
    if not server.is_release and not service.on_host and "fork" in engine.keys:
        is_known = server.image is not None and is_fork(server.image)
        table.keys["fork"] = True
        if not is_known:
            table.comments["fork",] = "the image is not one of the engine's own"


def _set_version(table: Table) -> None:
    """Write the version where the tag does not name it."""
    server = table.lifted.server
    engine = server.engine
    if "image" not in table.keys or "version" not in engine.keys or engine.catalogue is None:
        return
    is_named = server.image is not None and not server.service.is_built and version_of(server.image) is not None
    if is_named or (server.image is None and server.service.image is None and not server.service.is_built):
        return
    if server.version is not None:
        table.put("version", server.version.text)
        return
    if server.image is None and not server.service.is_built:
        return  # the placeholder of the image has one
    catalogue = engine.catalogue()
    tag = (server.image.tag or "").removeprefix("v") if server.image is not None else ""
    named = next((name for name in reversed(catalogue.names) if tag == name or tag.startswith(f"{name}-")), None)
    said = "the tag of an image that is not the engine's own" if named else "the image does not tell its release"
    table.put("version", named or catalogue.newest.name, f"{PLACEHOLDER}{said}")
    table.to_do.append(f"write the `version` of {engine.title} in its image: `--assume-version` does so, too")


def _image(engine: Engine, version: str) -> str:
    """Return an image of the engine's project."""
    if engine.catalogue is not None and engine.repository:
        return f"{engine.repository}:v{version or engine.catalogue().newest.name}"
    if engine.starter is not None:
        name, _, tag = engine.starter.image.rpartition(":")
        return f"{name}:{tag.rpartition('-')[0]}-{version}" if version.startswith("b") else engine.starter.image
    return f"example/{engine.name}:1"


def _set_build(table: Table, written: Any) -> None:  # noqa: ANN401 - a YAML value
    build: dict[str, Any] = written if isinstance(written, dict) else {"context": written or "."}
    args = build.get("args")
    if not isinstance(args, dict):
        args = args if isinstance(args, list) else []
        args = {key: value for key, _, value in (str(one).partition("=") for one in args)}
    for key in [key for key, value in args.items() if is_secret(key, value)]:
        args = {name: value for name, value in args.items() if name != key}
        table.left_out[f"build.args.{key}"] = HIDDEN
    kept: dict[str, Any] = {"context": str(build.get("context") or ".")}
    kept |= {key: str(build[key]) for key in ("dockerfile", "target") if build.get(key)}
    if args:
        kept["args"] = {key: str(value) for key, value in args.items() if value is not None}
    table.put("build", kept)
    for key in build.keys() - {"context", "dockerfile", "target", "args"}:
        table.left_out[f"build.{key}"] = "write it in a docker-compose.override.yml beside the output"
