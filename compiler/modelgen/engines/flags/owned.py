"""List why modelgen itself sets flags and variables of several engines, for messages."""

from __future__ import annotations

CONFIG_FILE = 'write `config = "./NAME.yaml"`, one file beside models.toml: its entries are read as `args`'
GPUS = "inside the container, the reserved GPUs are numbered from 0"
GPU_MEMORY = "write `gpu_memory` in the model's table: a size or a share of the card"
HUB = "the hub is `[project] hub`, mounted where the engine expects it"
KEYS = "engines are reached through the internal network; keys belong in `[orchestrator] keys_file`"
LISTEN = "the engine listens on all addresses of its own container"
METRICS = "it is always on: the orchestrator and Prometheus read /metrics"
MODELSCOPE = "models come from the hub directory"
NAME = "it is the id of the model's table"
OFFLINE = "engines are always offline; `modelgen fetch` downloads weights beforehand"
ONE_HOST = "a model is one service on one host"
PORT = "the port inside the container is fixed; write `publish` to reach the engine from the host"
QUIET = "telemetry is always off"
REPO = "write `repo` in the model's table"
REVISION = "write `revision` in the model's table"
TLS = "TLS ends before the engine: the orchestrator reads its health over plain HTTP"
TOKEN = "engines run offline and need no token; set it in the shell that runs `modelgen fetch`"  # noqa: S105 - a sentence
TRUST = "write `trust_remote_code` in the model's table"
VOLUME = "it is in the model's own cache volume"
