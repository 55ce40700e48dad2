"""Render a Fleet as manifest.json, the input of the orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.host_paths import host_path
from modelgen_runtime import manifest

if TYPE_CHECKING:
    from modelgen.ir import Expected, Fleet, Orchestrator, Service

NAME = "manifest.json"


def write_process_manifest(fleet: Fleet, root: str) -> bytes:
    """Return the manifest of an orchestrator that runs engines as processes of the host.

    Args:
        fleet: The fleet.
        root: Absolute path of the folder of models.toml.
    """
    keys_file = fleet.orchestrator.keys_file
    models = tuple(
        _model(
            service,
            process=manifest.Process(
                (*service.launch.entrypoint, *service.launch.command), dict(service.environment), service.directory
            ),
        )
        for service in fleet.services
    )
    return _write(fleet, "process", models, None if keys_file is None else host_path(keys_file, root))


def write_docker_manifest(fleet: Fleet, keys_file: str | None) -> bytes:
    """Return the manifest of an orchestrator that runs engines in containers; `keys_file` is a path in its own."""
    models = tuple(
        _model(service, container=manifest.Container(service.container, service.name, service.port))
        for service in fleet.services
    )
    return _write(fleet, "docker", models, keys_file)


def _write(fleet: Fleet, driver: str, models: tuple[manifest.Model, ...], keys_file: str | None) -> bytes:
    written = manifest.Manifest(
        project=fleet.project,
        driver=driver,
        models=models,
        gpus=tuple(manifest.Gpu(gpu.name, gpu.memory, gpu.budget) for gpu in fleet.gpus),
        profiles=tuple(
            manifest.Profile(profile.name, profile.models, default=profile.default) for profile in fleet.profiles
        ),
        settings=_settings(fleet.orchestrator, keys_file),
    )
    return manifest.write_manifest(written)


def _model(
    service: Service, *, process: manifest.Process | None = None, container: manifest.Container | None = None
) -> manifest.Model:
    readiness = service.readiness
    return manifest.Model(
        id=service.model,
        names=(*service.served_names, *(name for name, _ in service.loras)),
        engine=service.engine,
        repo=service.repo,
        upstream_name=service.upstream_name,
        routes=service.routes,
        variants=tuple(
            manifest.Variant(one.name, dict(one.defaults), dict(one.set_params), one.strip_params)
            for one in service.variants
        ),
        asks_usage=service.asks_usage,
        title=service.title,
        description=service.description,
        context_length=service.context_length,
        capabilities=service.capabilities,
        reservations={one.gpu: one.memory for one in service.reservations},
        readiness=manifest.Readiness(readiness.path, float(readiness.start_timeout), readiness.lists, service.warmup),
        stop_grace=float(service.stop_grace),
        idle_timeout=_seconds(service.idle_timeout),
        keep_loaded=service.keep_loaded,
        concurrency=service.concurrency,
        process=process,
        container=container,
        expected=_expected(service.expected) if service.expected else None,
        sources={key: manifest.dotted(*path) for key, path in service.sources},
    )


def _expected(one: Expected) -> manifest.Expected:
    return manifest.Expected(one.verdict, one.least, one.tokens, one.most, one.requests)


def _settings(orchestrator: Orchestrator, keys_file: str | None) -> manifest.Settings:
    return manifest.Settings(
        listen=str(orchestrator.listen),
        keys_file=keys_file,
        allowed_hosts=(*orchestrator.allowed_hosts, *orchestrator.network_aliases),
        allowed_origins=orchestrator.allowed_origins,
        insecure=orchestrator.insecure,
        drain_timeout=float(orchestrator.drain_timeout),
        shutdown_timeout=float(orchestrator.shutdown_timeout),
        queue_limit=orchestrator.queue_limit,
        buffer_limit=orchestrator.buffer_limit,
        min_loaded_time=_seconds(orchestrator.min_loaded_time),
        prioritize_after=_seconds(orchestrator.prioritize_after),
        loading_messages=orchestrator.loading_messages,
        gpu_stats=dict(orchestrator.gpu_stats),
        capture=orchestrator.capture,
    )


def _seconds(value: int | None) -> float | None:
    return None if value is None else float(value)
