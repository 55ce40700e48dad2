"""Lower a fitted document to a Fleet: fill in every default, place every path. Later steps never read models.toml."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modelgen import fit, ir
from modelgen.engines.host.addresses import DEFAULT_LISTEN, parse_address
from modelgen.host_paths import host_path
from modelgen.lower.additions import additions
from modelgen.lower.order import start_dependencies
from modelgen.lower.security import ORCHESTRATOR_LIMITS, SOCKET_PROXY_MEMORY, orchestrator_memory, security
from modelgen.lower.services import lower_service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.config import Model
    from modelgen.fit import Fitted
    from modelgen.load import Document

DEFAULT_SOCKET = "/var/run/docker.sock"
DEFAULT_BASE_IMAGE = "python:3.13-slim-bookworm"
DEFAULT_SOCKET_PROXY_IMAGE = "haproxy:3.2-alpine"
_STOP_MARGIN = 5
"""Seconds that the orchestrator has beyond `shutdown_timeout` before it is killed."""


def lower(fitted: Fitted, host_root: str | None = None) -> ir.Fleet:
    """Lower a document that has no errors; this cannot fail.

    Args:
        fitted: The document, resolved, fitted and checked.
        host_root: Absolute path of the folder of models.toml, for engines that are processes of the host; None for
            containers, which know no paths of the host.
    """
    resolved, document, config = fitted.resolved, fitted.resolved.document, fitted.resolved.document.config
    project, models = config.project, document.models
    orchestrator = _orchestrator(document)
    repos = Counter(model.repo for model in models.values())
    profiles = tuple(
        ir.Profile(name, tuple(profile.models), default=bool(profile.default))
        for name, profile in (config.profiles or {}).items()
    )
    containing = _profiles_by_model(models, profiles)
    depends_on: Mapping[str, list[str]] = (
        {} if orchestrator.enabled else start_dependencies(resolved.runs, profiles, resolved.cards)
    )
    services = tuple(
        lower_service(
            fitted,
            run,
            profiles=containing[name],
            repo_is_name=run.model.repo is not None and repos[run.model.repo] == 1,
            depends_on=[resolved.runs[other].service for other in depends_on.get(name, ())],
            host_root=host_root,
            additions=additions(document, document.origin(name, "compose")),
        )
        for name, run in resolved.runs.items()
    )
    gpus = tuple(ir.Gpu(name, card.memory, fit.budget(card)) for name, card in resolved.cards.items())
    return ir.Fleet(
        project.name, gpus, services, profiles, _networks(project.name, services, orchestrator), orchestrator
    )


def _profiles_by_model(models: Mapping[str, Model], profiles: tuple[ir.Profile, ...]) -> dict[str, tuple[str, ...]]:
    """Return the profiles of each model: the one with its own name, and those that list it."""
    found: dict[str, list[str]] = {name: [name] for name in models}
    for profile in profiles:
        for model in profile.models:
            if profile.name != model:
                found[model].append(profile.name)
    return {name: tuple(names) for name, names in found.items()}


def _networks(project: str, services: tuple[ir.Service, ...], orchestrator: ir.Orchestrator) -> tuple[ir.Network, ...]:
    used = {network for service in services for network in service.networks} | {ir.INTERNAL_NETWORK}
    if orchestrator.enabled:
        used |= {ir.EDGE_NETWORK, ir.SOCKET_PROXY_NETWORK}
    return tuple(
        ir.Network(
            name,
            f"{project}-{name}",
            internal=name not in (ir.EDGE_NETWORK, ir.OUTSIDE_NETWORK),
            reaches_outside=name == ir.OUTSIDE_NETWORK,
        )
        for name in (ir.INTERNAL_NETWORK, ir.EDGE_NETWORK, ir.OUTSIDE_NETWORK, ir.SOCKET_PROXY_NETWORK)
        if name in used
    )


def _orchestrator(document: Document) -> ir.Orchestrator:
    table, host = document.config.orchestrator, document.config.host
    relabelled = bool(host and host.selinux)
    shutdown_timeout = (table and table.shutdown_timeout) or 10
    buffer_limit = (table and table.buffer_limit) or 512 * 2**20
    capture = (table and table.capture) or 0
    listen = parse_address((table and table.listen) or DEFAULT_LISTEN)
    assert listen is not None, "checked by bad-address"  # noqa: S101 - an invariant, not a user's mistake
    return ir.Orchestrator(
        enabled=table is None or table.enabled is not False,
        listen=listen,
        socket=(host and host.docker_socket) or DEFAULT_SOCKET,
        keys_file=host_path(table.keys_file) if table and table.keys_file else None,
        network_aliases=tuple(table.network_aliases or ()) if table else (),
        allowed_hosts=tuple(table.allowed_hosts or ()) if table else (),
        allowed_origins=tuple(table.allowed_origins or ()) if table else (),
        insecure=bool(table and table.insecure),
        drain_timeout=(table and table.drain_timeout) or 120,
        shutdown_timeout=shutdown_timeout,
        stop_grace=shutdown_timeout + _STOP_MARGIN,
        queue_limit=(table and table.queue_limit) or 100,
        buffer_limit=buffer_limit,
        min_loaded_time=table.min_loaded_time if table else None,
        prioritize_after=table.prioritize_after if table else None,
        loading_messages=(table and table.loading_messages) or "comments",
        gpu_stats={name: gpu.device for name, gpu in (document.config.gpus or {}).items()}
        if table and table.gpu_stats
        else {},
        capture=capture,
        base_image=(table and table.base_image) or DEFAULT_BASE_IMAGE,
        socket_proxy_image=(table and table.socket_proxy_image) or DEFAULT_SOCKET_PROXY_IMAGE,
        security=security(read_only=True, unlabelled=False),
        limits=ORCHESTRATOR_LIMITS,
        memory=orchestrator_memory(buffer_limit, capture),
        socket_proxy_memory=SOCKET_PROXY_MEMORY,
        socket_proxy_security=security(read_only=True, unlabelled=relabelled),
        relabelled=relabelled,
        additions=additions(document, ("orchestrator", "compose")),
    )
