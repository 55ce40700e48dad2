"""List the reasons why modelgen sets flags and variables of several engines itself, for messages."""

from __future__ import annotations

KEYS = "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`"
HUB = "the hub is `[project] hub`, mounted where the engine looks"
LISTEN = "the engine listens on all addresses of its own container"
MODELSCOPE = "models come from the hub directory"
OFFLINE = "engines are always offline; weights are brought beforehand"
PORT = "it is fixed inside the container; write `publish` to reach the engine from the host"
QUIET = "telemetry is always off"
TOKEN = "engines run offline and need no token; it belongs into the shell that fetches"  # noqa: S105 - a sentence
VOLUME = "it is in the model's own cache volume"
