"""Run the look-up program without a network: inside an engine's image, or in a Python of this host."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.host_paths import host_path
from modelgen.operate.bounded import Printed, run_bounded
from modelgen.operate.docker import explain
from modelgen.operate.programs import ask
from modelgen.targets.compose_devices import scratch_mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen import ir

_MEMORY = "8g"
_PIDS = "1024"
_TIDY = 30.0
_MARGIN = 15.0  # seconds; the program ends itself before it is killed
_TMP = "/tmp"  # noqa: S108 - in the container
# If NVIDIA's runtime is the default, an image's own variable would add all GPUs.
_NO_CARDS = ("NVIDIA_VISIBLE_DEVICES", "void")


@dataclass(frozen=True)
class Place:
    """A container like the one that Compose creates for a model, as far as the look-ups depend on it.

    Args:
        image: Its image.
        environment: Its environment variables.
        mounts: Its read-only mounts: absolute source and target.
        scratch: Its writable directories, in memory.
        user: Its account; None for the image's own.
        groups: Its additional groups.
        label_disabled: Whether to disable SELinux labels for it.
    """

    image: str
    environment: tuple[tuple[str, str], ...]
    mounts: tuple[tuple[str, str], ...]
    scratch: tuple[str, ...] = ()
    user: str | None = None
    groups: tuple[str, ...] = ()
    label_disabled: bool = False


def place_of(service: ir.Service, root: str) -> Place:
    """Return the container of a model; its caches are empty, and in memory.

    Args:
        service: The model's service.
        root: Absolute path of the folder of models.toml.
    """
    added = service.additions.get("compose", {})
    mounts = [*([service.hub] if service.hub else []), *service.files]
    caches = [f"{cache.target}:exec,mode=1777" for cache in service.caches]
    scratch = {
        entry.partition(":")[0]: entry for entry in (f"{_TMP}:exec,mode=1777", *caches, *scratch_mounts(service))
    }
    user = added.get("user")
    return Place(
        image=service.image,
        environment=service.environment,
        mounts=tuple((os.path.expanduser(host_path(mount.source, root)), mount.target) for mount in mounts),  # noqa: PTH111 - Windows' too
        scratch=tuple(scratch.values()),
        user=None if user is None else str(user),
        groups=tuple(map(str, added.get("group_add", ()))),
        label_disabled=service.security.unlabelled,
    )


def run_in_image(place: Place, program: str, given: bytes, seconds: int, most: int) -> bytes:
    """Run a Python program in a temporary container, and return its output.

    Code of a repository may run in it, so it has no network, no capabilities and no GPU, and writes only to memory.

    Args:
        place: The container.
        program: The text of the program.
        given: Its stdin.
        seconds: How long it may take.
        most: Its output limit in bytes.

    Raises:
        ModelgenError: The program failed.
    """
    name = f"modelgen-load-{secrets.token_hex(6)}"
    with _environment_file(place) as variables:
        try:
            printed = run_bounded([*_command(name, place, variables), program], given, seconds + _MARGIN, most)
        finally:
            # Without effect if the container has ended; it may still run although its client is dead.
            ask(["docker", "rm", "--force", "--volumes", name], _TIDY)
    return _output(printed, f"the look-ups in {place.image}")


def run_on_host(program: str, given: bytes, hub: Path, seconds: int, most: int) -> bytes:
    """Run a Python program with this interpreter, offline and without a token, and return its output.

    Raises:
        ModelgenError: The program failed.
    """
    secret = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH")
    kept = {name: value for name, value in os.environ.items() if name not in secret}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory(prefix="modelgen-load-") as folder:
        places = {"HF_HUB_CACHE": str(hub), "HF_MODULES_CACHE": folder, "HF_HOME": folder, "USE_TORCH": "0"}
        command = [sys.executable, "-c", program]
        printed = run_bounded(command, given, seconds + _MARGIN, most, {**kept, **offline, **places})
    return _output(printed, "the look-ups with transformers")


def _command(name: str, place: Place, variables: str) -> list[str]:
    options = [
        *("--rm", "--interactive", "--init", "--name", name, "--label", "modelgen.load=true"),
        *("--pull", "never", "--network", "none", "--log-driver", "none"),
        *("--memory", _MEMORY, "--memory-swap", _MEMORY, "--pids-limit", _PIDS),
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--env-file", variables, "--entrypoint", "python3"),
    ]
    if place.label_disabled:
        options += ["--security-opt", "label=disable"]
    if place.user is not None:
        options += ["--user", place.user]
    for group in place.groups:
        options += ["--group-add", group]
    for entry in place.scratch:
        options += ["--tmpfs", entry]
    for source, target in place.mounts:
        options += ["--mount", f"type=bind,readonly,{_quoted(f'source={source}')},{_quoted(f'target={target}')}"]
    return ["docker", "run", *options, place.image, "-c"]


def _quoted(field: str) -> str:
    """Return a quoted CSV field, the format of `--mount`."""
    doubled = field.replace('"', '""')
    return f'"{doubled}"'


@contextlib.contextmanager
def _environment_file(place: Place) -> Iterator[str]:
    """Yield a file with the environment variables, which may be secrets: other users can see an argument list.

    Docker's format has no line breaks, and no look-up depends on a variable with one.
    """
    variables = {**dict(place.environment), _NO_CARDS[0]: _NO_CARDS[1]}
    lines = [f"{name}={value}\n" for name, value in variables.items() if "\n" not in value and "\r" not in value]
    with tempfile.TemporaryDirectory(prefix="modelgen-load-") as folder:
        path = Path(folder, "environment")
        path.write_text("".join(lines), encoding="utf-8")
        yield str(path)


def _output(printed: Printed, what: str) -> bytes:
    if printed.problem:
        raise ModelgenError(f"{what} gave no answer: {printed.problem}")
    if printed.code:
        raise ModelgenError(f"{what} ended with {printed.code}: {explain(printed.errors, 'no output')}")
    return printed.output
