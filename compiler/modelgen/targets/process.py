"""Fleet → manifest.json of an orchestrator that runs engines as processes of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime import manifest

if TYPE_CHECKING:
    from modelgen.ir import Fleet, Orchestrator, Service
    from modelgen.targets import Artifacts

NAME = "manifest.json"
_CHAT = "/v1/chat/completions"


def render(fleet: Fleet) -> Artifacts:
    """Return the manifest."""
    told = manifest.Manifest(
        project=fleet.project,
        driver="process",
        models=tuple(_model(service) for service in fleet.services),
        gpus=tuple(manifest.Gpu(gpu.name, gpu.memory, gpu.budget) for gpu in fleet.gpus),
        profiles=tuple(
            manifest.Profile(profile.name, profile.models, default=profile.default) for profile in fleet.profiles
        ),
        settings=_settings(fleet.orchestrator),
    )
    return {NAME: manifest.write_manifest(told)}


def _model(service: Service) -> manifest.Model:
    readiness = service.readiness
    return manifest.Model(
        id=service.model,
        names=(*service.served_names, *(name for name, _ in service.loras)),
        engine=service.engine,
        repo=service.repo,
        upstream_name=service.upstream_name,
        routes=service.routes,
        claims={claim.gpu: claim.memory for claim in service.claims},
        readiness=manifest.Readiness(
            readiness.path, float(readiness.start_timeout), readiness.lists, _CHAT if service.canary else None
        ),
        stop_grace=float(service.stop_grace),
        idle_timeout=_seconds(service.idle_timeout),
        concurrency=service.concurrency,
        process=manifest.Process(
            (*service.launch.entrypoint, *service.launch.command), dict(service.environment), service.directory
        ),
    )


def _settings(orchestrator: Orchestrator) -> manifest.Settings:
    return manifest.Settings(
        listen=str(orchestrator.listen),
        keys_file=orchestrator.keys_file,
        allowed_hosts=orchestrator.allowed_hosts,
        insecure=orchestrator.insecure,
        drain_timeout=float(orchestrator.drain_timeout),
        queue_limit=orchestrator.queue_limit,
        min_active=_seconds(orchestrator.min_active),
        max_wait=_seconds(orchestrator.max_wait),
        heartbeat=orchestrator.heartbeat,
    )


def _seconds(value: int | None) -> float | None:
    return None if value is None else float(value)
