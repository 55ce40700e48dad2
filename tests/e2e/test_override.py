"""A docker-compose.override.yml beside the output is the user's, and the command that a build offers honours it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from docker_cli import run

from compiling import build, complete

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]


def test_the_override_is_honoured(compose: list[str], tmp_path: Path) -> None:
    toml = complete('[models.a]\nrepo = "a/b"\nargs = { max-model-len = 8 }')
    (tmp_path / "docker-compose.yml").write_text(build(toml)["docker-compose.yml"])
    override = {"services": {"vllm-a": {"environment": {"MINE": "1"}}}}
    (tmp_path / "docker-compose.override.yml").write_text(json.dumps(override))
    done = run([*compose, "--project-directory", str(tmp_path), "--profile", "a", "config", "--format", "json"])
    service = json.loads(done.stdout)["services"]["vllm-a"]
    assert service["environment"].items() >= {"MINE": "1", "HF_HUB_OFFLINE": "1"}.items()
