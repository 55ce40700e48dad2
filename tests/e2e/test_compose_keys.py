"""`compose` tables against the real Compose: what it would refuse, modelgen refuses first; what passes, it takes."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from docker_cli import run

from compiling import build, complete, findings

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]

TAKEN = [
    'shm_size = "32gb"\nulimits = { nofile = { soft = 1, hard = 2 }, memlock = -1 }\nstop_grace_period = "1m30s"',
    'logging = { driver = "local", options = { max-size = "1m" } }\npull_policy = "never"\ninit = false',
    'labels = ["traefik.enable=true", "empty="]\nannotations = { a = 1, b = true }',
    'volumes = ["/anonymous", "named:/a", "./x:/b:ro", "~/y:/c:z,ro", "C:\\\\x:/d"]',
    'hostname = "x"\ndomainname = "example"',
    'volumes = [{ type = "bind", source = "./x", target = "/x", bind = { propagation = "rslave", selinux = "z" } }]',
    'volumes = [{ type = "tmpfs", target = "/x", tmpfs = { size = "1g", mode = 511 } }]',
    'volumes = [{ type = "volume", source = "named", target = "/x", volume = { nocopy = true } }]',
    'networks = ["proxy"]\ndns = "1.1.1.1"\ndns_search = ["x"]\nextra_hosts = { "me" = "host-gateway" }',
    'networks = { proxy = { aliases = ["x"], priority = 1 }, models = { aliases = ["m"] } }',
    'cap_add = ["SYS_PTRACE", "SYS_PTRACE"]\ncap_drop = "ALL"\nsecurity_opt = ["label=disable"]\nuserns_mode = "host"',
    'cpus = 1.5\ncpuset = "0-3,8"\ncpu_shares = 512\nmem_limit = "8g"\nmemswap_limit = -1',
    'devices = ["/dev/fuse", "/dev/a:/dev/b:rw", "vendor.com/class=name"]\ngroup_add = [44, "video"]\npids_limit = 100',
    'user = "1000:1000"\nworking_dir = "/x"\nread_only = true\ntmpfs = ["/tmp:exec,size=1g"]\nplatform = "linux/arm64"',
    'sysctls = { "net.core.somaxconn" = 1024 }\nexpose = ["9000", "9001-9002/udp"]\nstop_signal = "SIGINT"',
    "oom_score_adj = -5\noom_kill_disable = true\ntty = true\nstdin_open = true\nuts = 'host'\npid = 'host'",
]

REFUSED = [
    'shm_size = "big"',
    'stop_grace_period = "soon"',
    'stop_grace_period = "5"',
    'pull_policy = "sometimes"',
    'mem_limit = "lots"',
    'cpus = "many"',
    "cpus = true",
    'devices = ["a:b:c:d"]',
    'extra_hosts = ["nohost"]',
    'volumes = [{ type = "bindd", target = "/x" }]',
    'volumes = [{ type = "volume", target = "/x", foo = 1 }]',
    'volumes = [{ type = "bind", target = "/x" }]',
    'volumes = [{ type = "bind", source = "/s", target = "/x", read_only = "perhaps" }]',
    'volumes = [{ type = "volume", source = ["x"], target = "/x" }]',
    'volumes = ["a/b:/z"]',
    "networks = { p = { foo = 1 } }",
    'networks = { p = { aliases = "x" } }',
    'labels = { x = ["y"] }',
    "group_add = [true]",
    'lables = { x = "y" }',
]


@pytest.mark.parametrize("keys", TAKEN, ids=range(len(TAKEN)))
def test_compose_takes_what_passes(compose: list[str], tmp_path: Path, keys: str) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(build(_models_toml(keys))["docker-compose.yml"])
    done = run([*compose, "--file", file, "--profile", "*", "config", "--quiet"], check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("keys", REFUSED)
def test_what_compose_refuses_is_refused_first(compose: list[str], tmp_path: Path, keys: str) -> None:
    by_hand = {"image": "x", **tomllib.loads(keys)}
    file = tmp_path / "docker-compose.yml"
    networks: dict[str, object] = {name: {} for name in by_hand.get("networks", ())}
    file.write_text(json.dumps({"services": {"x": by_hand}, "networks": networks}))
    assert run([*compose, "--file", file, "config", "--quiet"], check=False).returncode != 0
    assert {found.severity for found in findings(_models_toml(keys))} == {"error"}


def _models_toml(keys: str) -> str:
    return complete(f'[models.a]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}\n[models.a.compose]\n{keys}\n')
