"""Check Docker Compose: the plugin, not the old program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.host import dotted
from modelgen.operate.doctor.daemon import numbers
from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_OLDEST = (2, 20)
_INSTALL = "sudo apt-get install docker-compose-plugin, or https://docs.docker.com/compose/install/"


def check_compose(host: Host, wanted: Wanted) -> list[Finding]:  # noqa: ARG001 - all checks are called alike
    """Check that `docker compose` is installed and new enough."""
    if host.which("docker") is None:
        return []
    answer = host.run("docker", "compose", "version", "--short")
    if answer.is_late:
        text = "`docker compose version` did not answer in time"
        return [Finding("compose", "unknown", text, "docker compose version")]
    version = numbers(answer.output) if answer.is_good else None
    if version is None:
        has_old = host.which("docker-compose") is not None
        text = "`docker compose` is not installed" + ("; the installed `docker-compose` is too old" if has_old else "")
        return [Finding("compose", "bad", text, _INSTALL)]
    if dotted(version) < _OLDEST:
        return [Finding("compose", "bad", f"Docker Compose {version} is too old: 2.20 is needed", _INSTALL)]
    return [Finding("compose", "good", f"Docker Compose {version}")]
