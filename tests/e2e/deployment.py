"""A models.toml in a folder of its own, built by modelgen and run by Compose, and nothing of it left behind."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docker_cli import docker, logs, run

from compiling import REPOSITORY, modelgen

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence

PREFIX = "modelgen-e2e-"
REPO = "Qwen/Qwen3-4B-Instruct-2507"
IMAGE = "vllm/vllm-openai:v0.11.0"


@dataclass(frozen=True)
class Deployment:
    """What `modelgen build` wrote, and Compose to run it.

    Args:
        compose: The command that is Compose.
        folder: Of models.toml; the hub is `models/hub` in it.
        project: Name of the Compose project, and so the prefix of containers, networks and volumes.
        file: The Compose file, beside which relative paths hold.
    """

    compose: Sequence[str]
    folder: Path
    project: str
    file: Path

    @property
    def hub(self) -> Path:
        return self.folder / "models" / "hub"

    def _overrides(self) -> list[Path]:
        return overrides(has_orchestrator="\n  orchestrator:\n" in self.file.read_text())

    def run(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        files = [part for file in (self.file, *self._overrides()) for part in ("--file", file)]
        return run([*self.compose, *files, *args], check=check)

    def up(self, profile: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `up` of a profile's models in the background; whether it succeeds is for the test to say."""
        services = yaml.safe_load(self.file.read_text())["services"]
        named = [name for name, service in services.items() if profile in service.get("profiles", ())]
        return self.run("--profile", profile, "up", "--detach", "--pull", "never", *options, *named, check=False)

    def up_healthy(self, profile: str) -> None:
        """Run `up` until all services of the profile are healthy."""
        done = self.up(profile, "--wait")
        if done.returncode:
            said = {name: logs(name) for name in self.containers()}
            raise AssertionError(f"up exited {done.returncode}\n{done.stderr}\n" + "\n".join(map(str, said.items())))

    def down(self) -> None:
        self.run("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")

    def container(self, service: str) -> str:
        return f"{self.project}-{service}"

    def containers(self) -> list[str]:
        """Return the names of all containers that exist, running or not."""
        return docker("ps", "--all", "--filter", f"name=^{self.project}-", "--format", "{{.Names}}").split()

    def altered(self, change: Callable[[dict[str, Any]], None]) -> Deployment:
        """Return the same deployment by a copy of the file in which something was changed by hand."""
        content = yaml.safe_load(self.file.read_text())
        change(content["services"])
        copy = self.file.with_name("edited-by-hand.yml")
        copy.write_text(yaml.safe_dump(content))
        return Deployment(self.compose, self.folder, self.project, copy)


def overrides(*, has_orchestrator: bool = True) -> list[Path]:
    """Return what has to be changed in a generated file for this machine."""
    folder = Path(__file__).parent
    if _takes_limits():
        return [folder / "without-gpu.yml"]
    limits = ["without-rlimits.yml", *(["orchestrator-without-rlimits.yml"] if has_orchestrator else [])]
    return [folder / "without-gpu.yml", *(folder / name for name in limits)]


@functools.cache
def _takes_limits() -> bool:
    """Return whether the Docker Engine may raise limits."""
    limits = [part for limit in ("memlock=-1", "nofile=65535", "stack=67108864") for part in ("--ulimit", limit)]
    probe = ["docker", "run", "--rm", "--pull", "never", "--memory", "64m", *limits, "--entrypoint", "python3"]
    probed = run([*probe, IMAGE, "-c", ""], check=False)
    assert probed.returncode == 0 or "rlimit" in probed.stderr, probed.stderr
    return probed.returncode == 0


def example(name: str, *, text_4b: str = "") -> str:
    """Return the repository's own models.toml as another project, with further keys for the model text-4b."""
    text = (REPOSITORY / "models.toml").read_text()
    text, renamed = re.subn(r'(?m)^(\[project\]\nname\s*=) ".*"$', rf'\1 "{PREFIX}{name}"', text)
    text, extended = re.subn(r"(?m)^\[models\.text-4b\]$", rf"\g<0>\n{text_4b}", text)
    assert (renamed, extended) == (1, 1), "the example is written differently now"
    return text


@contextmanager
def deployed(compose: Sequence[str], folder: Path, toml: str) -> Iterator[Deployment]:
    """Build a models.toml; whatever is started of it is gone afterwards."""
    (folder / "models.toml").write_text(toml)
    built = modelgen("build", cwd=folder)
    assert built.returncode == 0, built.stderr
    file = folder / "build" / "docker-compose.yml"
    found = Deployment(compose, folder, yaml.safe_load(file.read_text())["name"], file)
    found.down()
    try:
        yield found
    finally:
        found.down()


def remove_leftovers() -> None:
    """Remove what a run of these tests that was killed has left."""
    for names, remove in [
        (docker("ps", "--all", "--quiet", "--filter", f"name=^{PREFIX}"), ["rm", "--force"]),
        (docker("network", "ls", "--quiet", "--filter", f"name=^{PREFIX}"), ["network", "rm"]),
        (docker("volume", "ls", "--quiet", "--filter", f"name=^{PREFIX}"), ["volume", "rm"]),
    ]:
        if names:
            docker(*remove, *names.split())


@contextmanager
def tagged(image: str, name: str, *, ours: str) -> Iterator[None]:
    """Let an image go by another's name for a while; whoever had the name gets it back.

    Args:
        image: To be called so.
        name: That a generated file names.
        ours: Repository whose images are no owner to give it back to: a test that was killed left them there.
    """
    owner = docker("image", "ls", "--quiet", "--no-trunc", name)
    if owner and ours in docker("image", "inspect", "--format", "{{.RepoTags}}", owner):
        owner = ""
    docker("tag", image, name)
    try:
        yield
    finally:
        if owner:
            docker("tag", owner, name)
        else:
            docker("image", "rm", name)
