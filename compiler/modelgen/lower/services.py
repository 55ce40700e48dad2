"""Lower one model to one service."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from modelgen import fit, ir
from modelgen.engines.engine import Engine, Run, warmup_route
from modelgen.engines.environment import cache, hub
from modelgen.engines.host import is_windows_drive
from modelgen.engines.host.addresses import parse_address
from modelgen.engines.images.places import cache_label
from modelgen.host_paths import host_path, is_remote
from modelgen.lower.additions import own_targets
from modelgen.lower.capabilities import capabilities, context_length
from modelgen.lower.chosen import chosen_of, expected_of
from modelgen.lower.durations import SHORTEST_START, go_seconds
from modelgen.lower.environment import engine_environment, host_environment
from modelgen.lower.files import place_files
from modelgen.lower.security import ENGINE_LIMITS, security
from modelgen.lower.snapshots import asset_variables, other_pins, own_pin
from modelgen.lower.sources import sources_of
from modelgen.lower.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.config import Model
    from modelgen.engines.engine import Pins
    from modelgen.engines.images import Account
    from modelgen.fit import Fitted
    from modelgen.resolve import ModelRun, Resolved

# Bytes per second of a slow disk, and of a Windows drive from WSL2 (vllm#28381, microsoft/WSL#4197).
_DISK = 200_000_000
_WINDOWS_DRIVE = 20_000_000
_GIB = 2**30
# Docker counts nanoseconds in 64 bits.
_LONGEST_GRACE = 10**9


def lower_service(  # noqa: PLR0913 - values of the fleet that the model does not have
    fitted: Fitted,
    run: ModelRun,
    *,
    profiles: tuple[str, ...],
    repo_is_name: bool,
    depends_on: Sequence[str],
    host_root: str | None,
    additions: Mapping[str, Mapping[str, Any]],
) -> ir.Service:
    """Lower one model.

    Args:
        fitted: The document, resolved, fitted and checked.
        run: The engine and image of the model.
        profiles: The profiles that start it.
        repo_is_name: Whether no other model has the same repository, so that its id is a name of the model.
        depends_on: Services that start before it.
        host_root: Folder of models.toml, for a process of the host; None for a container.
        additions: See `ir.Service`.
    """
    resolved, config = fitted.resolved, fitted.resolved.document.config
    name, model, engine = run.name, run.model, run.engine
    pins, project = resolved.pins[name], config.project
    assert engine is not None, "checked by unknown-engine"  # noqa: S101 - an invariant, not a user's mistake
    cards = {gpu: resolved.cards[gpu] for gpu in model.gpus or ()}
    reservations, devices = fit.reservations(cards, model.gpu_memory), _devices(resolved, model)
    on_host, added = host_root is not None, additions.get("compose", {})
    place = hub(engine, run.account) if host_root is None else host_path(project.hub, host_root)
    own, others, variables = own_pin(pins, place), other_pins(pins, place), asset_variables(pins, place)
    as_path = engine.from_snapshot or model.model_arg == "path"
    pinned_args = engine.pin(run.args, others, as_path) if engine.pin else run.args
    args, files = place_files(pinned_args, host_root)
    is_offline = model.offline is not False
    launched = Run(
        version=run.version,
        repo=model.repo,
        revision=own.commit if own else model.revision,
        snapshot=own.snapshot if own and as_path else None,
        file=pins.gguf.model,
        mmproj=pins.gguf.mmproj,
        draft=f"{others['draft', model.draft.repo].snapshot}/{pins.gguf.draft}" if model.draft else None,
        served_names=_served_names(name, model, repo_is_name=repo_is_name),
        upstream_name=(model.upstream_name if "upstream_name" in engine.keys else None) or name,
        share=f"{fit.share(cards.values(), model.gpu_memory):f}" if cards else None,
        reservations=tuple((cards[gpu].memory, reserved) for gpu, reserved in reservations.items()),
        trust_remote_code=bool(model.trust_remote_code),
        args=args,
        env=run.env,
        loras={lora: _adapter(repo, others) for lora, repo in (model.loras or {}).items()},
        length=pins.length,
        lora_limit=pins.lora_limit,
        entrypoint=None if model.entrypoint is None else tuple(model.entrypoint),
        command=tuple(model.command or ()),
        hub=place,
        listen=("127.0.0.1", "{port}") if on_host else ("0.0.0.0", str(run.port)),  # noqa: S104 - in its container
        on_host=on_host,
        eager_reads=is_windows_drive(config),
    )
    has_hub = run.needs_hub
    publish = parse_address(model.publish) if model.publish else None
    size = sum(reservations.values()) if pins.size is None else pins.size
    rate = _WINDOWS_DRIVE if launched.eager_reads else _DISK
    start = model.start_timeout or SHORTEST_START + math.ceil(size / rate)
    return ir.Service(
        model=name,
        name=run.service,
        container=f"{project.name}-{run.service}",
        engine=engine.name,
        image=run.reference or "",
        launch=engine.launch(launched),
        offline=is_offline,
        directory=host_root,
        environment=host_environment(config, run, engine, place, variables)
        if on_host
        else engine_environment(config, run, engine, variables, devices),
        port=run.port,
        routes=engine.routes,
        served_names=launched.served_names,
        upstream_name=None if engine.several_names else launched.upstream_name,
        variants=variants_of(name, model),
        asks_usage=bool(config.orchestrator and config.orchestrator.count_tokens) and run.reports_apart,
        title=model.title,
        description=model.description,
        context_length=context_length(run, pins),
        capabilities=capabilities(run, pins),
        repo=model.repo,
        loras=tuple((model.loras or {}).items()),
        hub=ir.Mount(host_path(project.hub), launched.hub) if has_hub else None,
        files=files,
        caches=_caches(engine, run, project.name),
        scratch=_scratch(engine, run.account, added),
        devices=devices,
        security=security(
            read_only=bool(added.get("read_only")),
            unlabelled=(has_hub or bool(files)) and config.host is not None and bool(config.host.selinux),
        ),
        limits=ENGINE_LIMITS,
        reservations=tuple(ir.Reservation(gpu, memory) for gpu, memory in reservations.items()),
        expected=expected_of(fitted, name),
        chosen=tuple(chosen_of(fitted, name)),
        profiles=profiles,
        depends_on=tuple(depends_on),
        publish=publish,
        networks=(
            ir.INTERNAL_NETWORK,
            *([ir.EDGE_NETWORK] if publish else []),
            *([] if is_offline else [ir.OUTSIDE_NETWORK]),
        ),
        readiness=ir.Readiness(model.health or engine.health, engine.probe, engine.lists, start),
        cpus=model.cpus,
        host_memory=model.host_memory,
        build=_build(run),
        shm=(16 if len(reservations) > 1 else 8) * _GIB,
        stop_grace=_stop_grace(args, added.get("stop_grace_period")),
        idle_timeout=None if model.keep_loaded else model.idle_timeout,
        keep_loaded=bool(model.keep_loaded),
        concurrency=model.concurrency,
        warmup=warmup_route(engine, run.args, pins.config) if model.warmup else None,
        additions=additions,
        sources=sources_of(resolved.document, run),
    )


def _build(run: ModelRun) -> ir.Build | None:
    if run.build is None:
        return None
    context = run.build.context
    context = context if is_remote(context) else host_path(context)
    return ir.Build(context, run.build.dockerfile, run.build.target, tuple((run.build.args or {}).items()))


def _served_names(name: str, model: Model, *, repo_is_name: bool) -> tuple[str, ...]:
    """Return the names, the id first: answers have the first, and gateways with lists of names break if it changes."""
    repo = [model.repo] if model.repo and repo_is_name else []
    return tuple(dict.fromkeys([name, *repo, *(model.aliases or ())]))


def _adapter(repo: str, pins: Pins) -> str:
    """Return an adapter. It has no revision on the command line; only the path of a snapshot pins its commit."""
    pin = pins.get(("lora", repo))
    return pin.snapshot if pin else repo


def _caches(engine: Engine, run: ModelRun, project: str) -> tuple[ir.Volume, ...]:
    """Return the volumes for caches. They get owner and mode from the image's folder, which must exist."""
    name, account = f"{project}-cache-{run.service}", run.account
    if "cache" in engine.keys:
        return tuple(ir.Volume(f"{name}-{cache_label(path)}", path) for path in run.model.cache or ())
    if engine.caches is None or not account.keeps_home:
        return ()
    return (ir.Volume(name, cache(engine, account) if account.uid == 0 else f"{account.home}/.cache"),)


def _scratch(engine: Engine, account: Account, added: Mapping[str, Any]) -> tuple[ir.Scratch, ...]:
    """Return the writable places that the image lacks; for an unknown program, only /tmp.

    A mount of the user at the same target takes precedence: Compose refuses two mounts at one target.
    """
    read_only, places = bool(added.get("read_only")), []
    if engine.caches is not None and (read_only or not account.keeps_home):
        places.append(ir.Scratch(account.home, account.uid, account.gid, "0700"))
    if read_only:
        places.append(ir.Scratch("/tmp", 0, 0, "1777"))  # noqa: S108 - in the container
    return tuple(place for place in places if place.target not in own_targets(added))


def _devices(resolved: Resolved, model: Model) -> ir.Devices | None:
    cards = {name: (resolved.document.config.gpus or {})[name] for name in model.gpus or ()}
    if not cards:
        return None
    groups = tuple(dict.fromkeys(group for card in cards.values() for group in card.groups or ()))
    access = next(resolved.cards[name].access for name in cards)
    return ir.Devices(access, tuple(card.device for card in cards.values()), groups)


def _stop_grace(args: Mapping[str, Any], written: str | float | None) -> int:
    """Return the seconds from SIGTERM to SIGKILL.

    They exceed vLLM's own drain (`--shutdown-timeout`, since 0.18), or SIGKILL would cut requests. The user's own
    `stop_grace_period` takes precedence: the orchestrator stops an engine, not Compose.
    """
    if written is not None:
        return math.ceil(go_seconds(str(written)))
    drain = args.get("shutdown-timeout", 0)
    is_number = isinstance(drain, int | float) and not isinstance(drain, bool)
    return min(30 + math.ceil(drain), _LONGEST_GRACE) if is_number and drain > 0 else 30
