"""Provide the images that `up` needs: build the orchestrator's, pull the others that are missing."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.up.own_images import build_image
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.ir import Fleet
    from modelgen.operate.changes import Changes

_WHEELS, _CA, _REQUIREMENTS = "wheels", "ca.crt", "requirements.txt"
_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+)")
# Errors of BuildKit and of the classic builder for a base image that cannot be pulled.
_NO_BASE = re.compile(r"failed to resolve source metadata|pull access denied|(?:Head|Get) \\?\"https://[^\"]*/v2/")
_NO_INDEX = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError|NewConnectionError|ConnectTimeoutError"
    r"|Failed to establish a new connection|Could not find a version|No matching distribution"
)


@dataclass(frozen=True)
class Places:
    """The folders that an image is built from.

    Args:
        out: The output directory.
        state: The state folder beside models.toml.
    """

    out: Path
    state: Path

    @property
    def root(self) -> Path:
        """The folder of models.toml."""
        return self.state.parent


def ready_images(
    artifacts: Mapping[str, bytes], fleet: Fleet, changes: Changes, places: Places, *, offline: bool
) -> None:
    """Build or pull the images of all containers that will be created.

    Raises:
        ModelgenError: An image is not available.
    """
    from modelgen.operate.changes import ORCHESTRATOR, SOCKET_PROXY
    from modelgen.operate.docker import has_image
    from modelgen.targets.orchestrator_image import image_name

    made = {*changes.new, *changes.changed}
    keys = (
        {fleet.orchestrator.socket_proxy_image: "`socket_proxy_image` in [orchestrator]"}
        if SOCKET_PROXY in made
        else {}
    )
    for service in fleet.services:
        if service.name not in made:
            continue
        if service.build is None:
            keys.setdefault(service.image, f"`image` of the model `{service.model}` or of its engine")
        elif not has_image(service.image):
            build_image(service.image, service.build, service.model, places.root, offline=offline)
    for image, key in keys.items():
        if not has_image(image):
            _pull(image, key, offline=offline)
    own = image_name(fleet.orchestrator.base_image)
    if ORCHESTRATOR in made and not has_image(own):
        _build(artifacts, own, fleet.orchestrator.base_image, places, offline=offline)


def _pull(image: str, key: str, *, offline: bool) -> None:
    from modelgen.operate.docker import show

    if offline:
        raise ModelgenError(
            f"the image {image} is missing, and --offline does not pull it; copy it here with `docker save` and "
            f"`docker load`, or set another with {key}"
        )
    if not show(["docker", "pull", image]):
        raise ModelgenError(
            f"the image {image} is missing and cannot be pulled; build or load it, or set another with {key}"
        )


def _build(artifacts: Mapping[str, bytes], image: str, base: str, places: Places, *, offline: bool) -> None:
    """Build the orchestrator's image from the new files; those on disk still belong to the running containers."""
    from modelgen.operate.docker import try_quietly
    from modelgen.targets.places import ORCHESTRATOR, ORCHESTRATOR_CONFIG

    own = places.out / ORCHESTRATOR
    if offline and not (own / _WHEELS).is_dir():
        raise ModelgenError(
            f"the image {image} is missing; to build it without a network, put its wheels into "
            f"{own / _WHEELS}; {_way_to_wheels(artifacts, base, places)}"
        )
    click.echo(f"building the orchestrator's image on {base}", err=True)
    with tempfile.TemporaryDirectory(prefix="modelgen-image-") as name:
        context = Path(name)
        for path, data in artifacts.items():
            if path.startswith(f"{ORCHESTRATOR}/") and not path.startswith(f"{ORCHESTRATOR_CONFIG}/"):
                target = context / path.removeprefix(f"{ORCHESTRATOR}/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        if (own / _WHEELS).is_dir():
            shutil.copytree(own / _WHEELS, context / _WHEELS)
        if (own / _CA).is_file():
            shutil.copyfile(own / _CA, context / _CA)
        options = ["--network", "none"] if offline else []
        said = try_quietly(
            ["docker", "build", "--quiet", *options, "--tag", image, "--build-arg", f"BASE={base}", name]
        )
    if said is not None:
        click.echo(said.rstrip(), err=True)
        raise ModelgenError(_explain(said, artifacts, base, places))


def _explain(said: str, artifacts: Mapping[str, bytes], base: str, places: Places) -> str:
    """Return why an image could not be built, from the output of Docker and pip, and the next step."""
    if _NO_INDEX.search(said):
        ca = places.out / "orchestrator" / _CA
        return (
            "pip cannot reach its index during the build of the orchestrator's image (see above); "
            f"{_way_to_wheels(artifacts, base, places)}; or, if the network intercepts TLS, copy its CA to {ca}"
        )
    if _NO_BASE.search(said):
        return (
            f"Docker cannot pull {base}; load it (`docker load`), add your network's CA to Docker, or set another "
            "with `base_image` in [orchestrator]"
        )
    return (
        f"the orchestrator's image cannot be built on {base}; see above, or set another with `base_image` in "
        "[orchestrator]"
    )


def _way_to_wheels(artifacts: Mapping[str, bytes], base: str, places: Places) -> str:
    """Return the command that downloads the wheels, and write its input, since the build may be an older one."""
    from modelgen.cli.state_folder import write_state
    from modelgen.targets.places import ORCHESTRATOR

    write_state(places.state, {_REQUIREMENTS: artifacts[f"{ORCHESTRATOR}/{_REQUIREMENTS}"]})
    version = _PYTHON.search(base)
    machine = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    options = [
        *(["--python-version", version[1]] if version else []),
        *(part for libc in ("2014", "_2_28") for part in ("--platform", f"manylinux{libc}_{machine}")),
    ]
    command = ["python3", "-m", "pip", "download", "--only-binary", ":all:", *options]
    command += ["--dest", (places.out / ORCHESTRATOR / _WHEELS).as_posix()]
    command += ["--requirement", (places.state / _REQUIREMENTS).as_posix()]
    return f"`{shlex.join(command)}` downloads them on a host with a package index; then run `modelgen up` again"
