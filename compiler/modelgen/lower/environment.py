"""Compute the environment of a model's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.environment import OFFLINE, QUIET_AND_OFFLINE, environment
from modelgen.engines.host import is_wsl2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen import ir
    from modelgen.config import Config
    from modelgen.engines.engine import Engine
    from modelgen.resolve import ModelRun


def engine_environment(
    config: Config, run: ModelRun, engine: Engine, assets: Mapping[str, str], devices: ir.Devices | None
) -> tuple[tuple[str, str], ...]:
    """Return the variables, sorted by name.

    The model's variables replace its engine's. No `env` table has modelgen's own variables (rule owned-env), except
    defaults and the places of assets, for which a user's image may need others.
    """
    variables = {**engine.defaults, **assets, **run.env, **environment(engine, run.account)}
    if run.model.offline is False:
        del variables[OFFLINE]
    cards = [(config.gpus or {})[gpu] for gpu in run.model.gpus or ()]
    kind = (cards[0].kind or "nvidia") if cards else None
    if kind == "nvidia" and is_wsl2(config) and len(config.gpus or {}) > 1:
        # WSL2 shows every GPU to every container, even if it is not reserved (nvidia-container-toolkit#21, #983).
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(card.device for card in cards)
    if kind != "amd" and (len(cards) > 1 or "CUDA_VISIBLE_DEVICES" in variables):
        # CUDA numbers the fastest GPU first, reservations number by bus: vllm#28132 got the wrong GPU.
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    if devices is not None and devices.kind == "runtime":
        # NVIDIA's runtime adds the GPU to containers with this variable only, and not every image has it.
        variables["NVIDIA_VISIBLE_DEVICES"] = "all"
    if is_wsl2(config) and engine.on_wsl2 and run.version is not None:
        variables = {**engine.on_wsl2(run.version), **variables}
    return tuple(sorted(variables.items()))


def host_environment(
    config: Config, run: ModelRun, engine: Engine, hub: str, assets: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return the variables of an engine that runs on the host, sorted by name. Its caches are those of its user."""
    variables = {**assets, **run.env, **QUIET_AND_OFFLINE, **engine.environment, "HF_HUB_CACHE": hub}
    if run.model.offline is False:
        del variables[OFFLINE]
    cards = [(config.gpus or {})[gpu] for gpu in run.model.gpus or ()]
    if cards and (cards[0].kind or "nvidia") == "amd":
        variables["HIP_VISIBLE_DEVICES"] = ",".join(card.device for card in cards)
    elif cards:
        # By default, CUDA numbers the fastest GPU first.
        variables |= {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": ",".join(card.device for card in cards),
        }
    return tuple(sorted(variables.items()))
