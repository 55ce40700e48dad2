"""The script that runs modelgen in its image: what it passes to `docker run`."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from modelgen.bundle.wrappers import wrappers

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("it is a bash script", allow_module_level=True)

IMAGE = "modelgen-tool:0123456789abcdef"
DOCKER = """#!/bin/sh
if [ "$1" = context ]; then echo "$ENDPOINT"; exit; fi
printf '%s\\n' "$@" >"$0.run"
exit 7
"""


class Called:
    """The script in a folder, and a `docker` that notes its arguments.

    Args:
        folder: For all of it.
        hub: The hub directory as in models.toml.
    """

    def __init__(self, folder: Path, hub: str = "./models/hub") -> None:
        self.project, self.bin, self.home = folder / "a, b", folder / "bin", folder / "home"
        for path in (self.project / "sub", self.bin, self.home):
            path.mkdir(parents=True)
        self.socket = folder / "docker.sock"
        self.socket.touch()
        (self.bin / "docker").write_text(DOCKER)
        (self.project / "modelgen").write_bytes(wrappers(IMAGE, hub)["modelgen"])
        for program in (self.bin / "docker", self.project / "modelgen"):
            program.chmod(0o755)

    def run(self, *args: str, cwd: Path | None = None, **environment: str) -> list[str]:
        """Return the arguments of `docker`; its exit code is passed on."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "HOME": str(self.home), "ENDPOINT": f"unix://{self.socket}", **environment}
        done = subprocess.run(
            [self.project / "modelgen", *args],
            cwd=cwd or self.project,
            env=given,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode, done.stderr) == (7, "")
        return (self.bin / "docker.run").read_text().splitlines()


def values(words: list[str], option: str) -> list[str]:
    return [after for word, after in itertools.pairwise(words) if word == option]


def bound(path: Path | str) -> str:
    return f'type=bind,"source={path}","target={path}"'


def test_the_project_is_mounted_at_its_own_path_and_nothing_is_pulled(tmp_path: Path) -> None:
    called = Called(tmp_path)
    words = called.run("logs", "a b", "--follow")
    assert words[0] == "run"
    assert words[-4:] == [IMAGE, "logs", "a b", "--follow"]
    assert values(words, "--pull") == ["never"]
    assert values(words, "--network") == ["host"]
    assert values(words, "--workdir") == [str(called.project)]
    assert {bound(called.project), bound(called.socket)} <= {*values(words, "--mount")}
    assert values(words, "--tmpfs") == [f"{called.home}:mode=1777"]
    assert {f"HOME={called.home}", "MODELGEN_KEY", f"DOCKER_HOST=unix://{called.socket}"} <= {*values(words, "--env")}
    assert "--tty" not in words
    # This socket belongs to the caller, as that of a Docker without root does.
    assert values(words, "--user") == ["0:0"]


@pytest.mark.parametrize("inside", [True, False])
def test_it_runs_where_it_is_called_within_the_project(tmp_path: Path, inside: bool) -> None:  # noqa: FBT001
    called = Called(tmp_path)
    words = called.run(cwd=called.project / "sub" if inside else tmp_path)
    assert values(words, "--workdir") == [str(called.project / "sub" if inside else called.project)]


@pytest.mark.parametrize(
    ("hub", "place"),
    [("/srv/its hub", "/srv/its hub"), ("~/hub", "HOME/hub"), ("../hub", "ROOT/hub"), ("./a/../b", "")],
)
def test_a_hub_directory_outside_is_mounted_too(tmp_path: Path, hub: str, place: str) -> None:
    called = Called(tmp_path, hub)
    mounts = values(called.run(), "--mount")
    if place:
        assert bound(place.replace("HOME", str(called.home)).replace("ROOT", str(tmp_path))) in mounts
    assert len([mount for mount in mounts if "readonly" not in mount]) == (3 if place else 2)


def test_a_server_that_is_not_a_socket_is_passed_on(tmp_path: Path) -> None:
    words = Called(tmp_path).run(ENDPOINT="tcp://127.0.0.1:2375")
    assert "DOCKER_HOST=tcp://127.0.0.1:2375" in values(words, "--env")
    assert values(words, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert [*map(int, values(words, "--group-add"))] == [*dict.fromkeys((os.getgid(), *os.getgroups()))]


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can give a file away")
def test_the_account_has_the_group_of_the_socket(tmp_path: Path) -> None:
    called = Called(tmp_path)
    os.chown(called.socket, 12345, 54321)
    words = called.run()
    assert values(words, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert values(words, "--group-add")[-1] == "54321"


def test_a_home_in_the_project_is_not_hidden(tmp_path: Path) -> None:
    called = Called(tmp_path)
    assert values(called.run(HOME=str(called.project)), "--tmpfs") == []
    assert values(called.run(HOME="/"), "--tmpfs") == ["/tmp:mode=1777"]


def test_names_are_quoted_for_both_shells() -> None:
    scripts = wrappers("it's:1", "/srv/$HOME's")
    assert b"""image='it'"'"'s:1'""" in scripts["modelgen"]
    assert b"$image = 'it''s:1'" in scripts["modelgen.ps1"]
    assert b"$hub = '/srv/$HOME''s'" in scripts["modelgen.ps1"]
