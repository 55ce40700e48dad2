"""List the keys of a Compose service that modelgen sets itself, with what to write in models.toml instead."""

from __future__ import annotations

_OVERRIDE = "write it in a docker-compose.override.yml beside the output"

OWNED = {
    "image": "write `image` in the model's own table or in `[engines.NAME]`",
    "build": 'write `build = { context = "./docker" }` beside `image` in the model\'s own table or `[engines.NAME]`',
    "command": "write the engine's flags in `args`; for engine `command`, write `command` in the model's own table",
    "entrypoint": "the launch form follows from the engine's version; write the engine's flags in `args`",
    "environment": "write the variables in the model's `env`",
    "env_file": "write the variables in the model's `env`: a file could override what keeps the engine offline",
    "profiles": "list the model in `[profiles.NAME]`",
    "container_name": "it is `<project>-<service>`: write `service` in the model's own table",
    "deploy": "write `gpus`, `cpus` and `host_memory` in the model's own table",
    "gpus": "write `gpus` in the model's own table",
    "runtime": "the GPUs choose the runtime: write `gpus` in the model's own table, and `card` in [gpus] for a Jetson",
    "ipc": "write `shm_size` here for more shared memory; host IPC would override it",
    "privileged": "no engine needs it; a single capability can be added by `cap_add` here",
    "network_mode": "engines live on the internal network; publish one by `publish`, or join others by `networks` here",
    "ports": "write `publish` in the model's own table",
    "restart": "the orchestrator starts models again; list the model in a profile with `default = true` for the start",
    "healthcheck": "it follows from the engine: write `health` for a program, `start_timeout` for a slow start",
    "depends_on": "the orchestrator orders starts; list models that belong together in `[profiles.NAME]`",
    "extends": "write services that extend others in docker-compose.override.yml",
    "secrets": "it needs a top-level definition: write both in docker-compose.override.yml",
    "configs": "it needs a top-level definition: write both in docker-compose.override.yml",
    "models": "write each model as `[models.ID]`",
    "blkio_config": _OVERRIDE,
    "mem_reservation": "Compose allows none beside reserved GPUs: write `host_memory` in the model's own table",
    "credential_spec": _OVERRIDE,
    "develop": _OVERRIDE,
    "external_links": _OVERRIDE,
    "label_file": "write the labels in `labels` here",
    "links": _OVERRIDE,
    "post_start": _OVERRIDE,
    "pre_stop": _OVERRIDE,
    "scale": "write a second model with the same `repo`, and other `gpus`",
    "use_api_socket": "it would give the engine full control of the host; the API at `listen` loads and unloads models",
    "volumes_from": _OVERRIDE,
    "provider": 'write a program as a model with `engine = "command"`',
}
