"""What `up` says where the orchestrator's image cannot be built: a way out that can be taken."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from fake_docker import FakeDocker

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("the fake Docker is a shell script", allow_module_level=True)

TOML = """
[project]
name = "demo"
hub = "./hub"

[orchestrator]
listen = "127.0.0.1:9"

[rules]
image-without-gpu = "off"

[models.a]
engine = "command"
image = "i:1"
command = ["serve", "{port}"]
"""
INTERCEPTED = """WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1,
'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain'))'
ERROR: No matching distribution found for aiodocker==0.27.0
"""


@pytest.fixture
def fake(tmp_path: Path) -> FakeDocker:
    (tmp_path / "models.toml").write_text(TOML)
    found = FakeDocker(tmp_path / "docker")
    found.lose_image()
    return found


def test_behind_a_network_that_intercepts_tls_the_way_out_can_be_taken(tmp_path: Path, fake: FakeDocker) -> None:
    fake.fail("build", INTERCEPTED)
    done = modelgen("up", cwd=tmp_path, env={"PATH": fake.path})
    assert done.returncode == 3
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
    message = done.stderr.splitlines()[-1]
    assert "or, if the network intercepts TLS, copy its CA to build/orchestrator/ca.crt" in message
    found = re.search(r"`(python3 -m pip download .*?)`", message)
    assert found is not None
    words = shlex.split(found[1])
    assert words[words.index("--python-version") + 1] == "3.13"
    requirements = tmp_path / words[words.index("--requirement") + 1]
    assert requirements.read_bytes() == (tmp_path / "build" / "orchestrator" / "requirements.txt").read_bytes()
    assert words[words.index("--dest") + 1] == "build/orchestrator/wheels"
    (tmp_path / "build" / "orchestrator" / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "build" / "orchestrator" / "wheels").mkdir()
    assert modelgen("build", "--check", cwd=tmp_path).returncode == 0  # neither is foreign to a build


def test_a_base_that_cannot_be_pulled_is_told_from_an_index_that_cannot_be_reached(
    tmp_path: Path, fake: FakeDocker
) -> None:
    fake.fail("build", "ERROR: failed to resolve source metadata for docker.io/library/python:3.13: x509: unknown")
    message = modelgen("up", cwd=tmp_path, env={"PATH": fake.path}).stderr.splitlines()[-1]
    assert message.startswith("modelgen: Docker cannot pull python:3.13-slim-bookworm; load it")


def test_without_a_network_the_wheels_are_asked_for(tmp_path: Path, fake: FakeDocker) -> None:
    message = modelgen("up", "--offline", cwd=tmp_path, env={"PATH": fake.path}).stderr.splitlines()[-1]
    assert "put its wheels into build/orchestrator/wheels; `python3 -m pip download" in message
    assert (tmp_path / "build").is_dir()
