"""One model → one service."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from modelgen import fit, ir
from modelgen.engines import command, environment, vllm
from modelgen.engines.addresses import parse_address
from modelgen.engines.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelgen.config import Gpu, Model
    from modelgen.engines.resolve import Resolved
    from modelgen.load import Document

# Compile, profiling and CUDA graphs: 48 to 330 s were seen (vllm#44881, talos-argocd-proxmox#1848).
_START = 300
# Bytes a second that a slow disk still reads.
_DISK = 200_000_000
_GIB = 2**30


def lower_service(  # noqa: PLR0913 - what the fleet knows and the model does not
    document: Document,
    name: str,
    *,
    service: str,
    profiles: tuple[str, ...],
    repo_is_name: bool,
    depends_on: Sequence[str],
    hub: str,
    additions: Mapping[str, Mapping[str, Any]],
) -> ir.Service:
    """Lower one model.

    Args:
        document: As loaded and checked.
        name: The model's id.
        service: Its service's name.
        profiles: That switch it on.
        repo_is_name: Whether no other model has its repository.
        depends_on: Services that start before it.
        hub: The hub directory, from the output directory.
        additions: See `ir.Service`.
    """
    model, resolved = document.models[name], resolve(document, name)
    cards = {gpu: (document.config.gpus or {})[gpu] for gpu in model.gpus or ()}
    claims = tuple(ir.Claim(gpu, memory) for gpu, memory in fit.claims(cards, model.gpu_memory).items())
    served = tuple(
        dict.fromkeys([name, *([model.repo] if model.repo and repo_is_name else []), *(model.aliases or ())])
    )
    publish = parse_address(model.publish) if model.publish else None
    is_vllm = resolved.engine == vllm.NAME
    needs_hub = model.repo is not None or any(command.HUB_PLACEHOLDER in item for item in model.command or ())
    project = document.config.project.name
    return ir.Service(
        model=name,
        name=service,
        container=f"{project}-{service}",
        engine=resolved.engine,
        engine_version=resolved.version.text if is_vllm and resolved.version else None,
        image=resolved.reference or "",
        launch=_launch(model, resolved, served, cards.values()),
        environment=_environment(document, model, resolved.engine),
        port=vllm.PORT if is_vllm else command.PORT,
        served_names=served,
        upstream_name=None if is_vllm else model.upstream_name or name,
        repo=model.repo,
        revision=model.revision,
        include=tuple(model.include or ()),
        exclude=tuple(model.exclude or ()),
        hub=ir.Mount(hub, environment.HUB) if needs_hub else None,
        cache=ir.Volume(f"cache-{service}", f"{project}-cache-{service}", vllm.CACHE) if is_vllm else None,
        devices=tuple(card.device for card in cards.values()),
        claims=claims,
        profiles=profiles,
        depends_on=tuple(depends_on),
        publish=publish,
        networks=(ir.INTERNAL_NETWORK, ir.EDGE_NETWORK) if publish else (ir.INTERNAL_NETWORK,),
        readiness=_readiness(model, is_vllm=is_vllm, claimed=sum(claim.memory for claim in claims)),
        shm=(16 if len(claims) > 1 else 8) * _GIB,
        stop_grace=_stop_grace(model),
        idle_timeout=model.idle_timeout,
        concurrency=model.concurrency,
        canary=bool(model.canary),
        additions=additions,
    )


def _launch(model: Model, resolved: Resolved, served: tuple[str, ...], cards: Collection[Gpu]) -> ir.Launch:
    if resolved.engine == command.NAME:
        upstream = model.upstream_name or served[0]
        return command.launch(model.command or (), port=command.PORT, model=upstream, hub=environment.HUB)
    assert resolved.version is not None, "checked by unknown-version"  # noqa: S101 - an invariant
    assert model.repo is not None, "checked by missing-repo"  # noqa: S101 - an invariant
    return vllm.launch(
        resolved.version,
        repo=model.repo,
        revision=model.revision,
        served_names=served,
        share=f"{fit.share(cards, model.gpu_memory):f}" if cards else None,
        trust_remote_code=bool(model.trust_remote_code),
        args=model.args or {},
    )


def _environment(document: Document, model: Model, engine: str) -> tuple[tuple[str, str], ...]:
    """The model's own variables go before its engine's; modelgen's are in nobody's table (rule owned-env)."""
    table = (document.config.engines or {}).get(engine)
    variables = {**((table and table.env) or {}), **(model.env or {}), **environment.ENVIRONMENT}
    if engine == vllm.NAME:
        variables |= vllm.ENVIRONMENT
    if len(model.gpus or ()) > 1:
        # CUDA counts the fastest card first, reservations count by bus: vllm#28132 got another card than asked for.
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return tuple(sorted(variables.items()))


def _readiness(model: Model, *, is_vllm: bool, claimed: int) -> ir.Readiness:
    start = model.start_timeout or _START + math.ceil(claimed / _DISK)
    if is_vllm:
        return ir.Readiness(vllm.HEALTH, vllm.PROBE, vllm.LISTS, start)
    return ir.Readiness(model.health or command.HEALTH, None, None, start)


def _stop_grace(model: Model) -> int:
    """Longer than vLLM's own drain (`--shutdown-timeout`, 0.18 and newer), else requests are cut by SIGKILL."""
    drain = next((value for key, value in (model.args or {}).items() if vllm.flag_name(key) == "shutdown-timeout"), 0)
    is_number = isinstance(drain, int | float) and not isinstance(drain, bool)
    return 30 + math.ceil(drain) if is_number and drain > 0 else 30
