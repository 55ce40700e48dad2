"""List the environment variables that modelgen sets, and those that every `env` table refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines import ENGINES
from modelgen.engines.flags import owned
from modelgen.engines.images import ROOT

if TYPE_CHECKING:
    from modelgen.engines.engine import Engine
    from modelgen.engines.images import Account

# Without HF_HUB_OFFLINE, an engine on a host without internet retries for minutes, even if all files are on disk.
OFFLINE = "HF_HUB_OFFLINE"
QUIET_AND_OFFLINE = {"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", OFFLINE: "1"}


def hub(engine: Engine, account: Account) -> str:
    """Return where the hub directory is mounted."""
    return engine.hub or f"{account.hub_home}/hub"


def cache(engine: Engine, account: Account) -> str:
    """Return the folder of an engine's compile caches."""
    return f"{account.home}/.cache/{engine.name}"


def environment(engine: Engine, account: Account) -> dict[str, str]:
    """Return the variables that modelgen sets for an engine, the same for every model.

    Both variables of the hub are set: in the incident, one of them pointed one folder level too high.
    """
    variables = {**QUIET_AND_OFFLINE, "HF_HUB_CACHE": hub(engine, account), **engine.environment}
    if engine.hub is None:
        variables["HF_HOME"] = account.hub_home
    variables |= {name: cache(engine, account) + below for name, below in (engine.caches or {}).items()}
    if account.uid != 0 and engine.caches is not None:
        # Without an entry in passwd, HOME is / and the user has no name: vllm#10185, and getpwuid in vLLM 0.11.0.
        variables |= {"HOME": account.home, "USER": account.name}
    return variables


_DEVICES = "write `gpus`: inside the container, the reserved GPUs are numbered from 0"

_OFFLINE_VARIABLES = {
    OFFLINE: owned.OFFLINE,
    "HF_DATASETS_OFFLINE": owned.OFFLINE,
    "HF_ENDPOINT": owned.OFFLINE,
    "TRANSFORMERS_OFFLINE": owned.OFFLINE,
}
_OF_EVERY_ENGINE = {
    "CUDA_DEVICE_ORDER": "modelgen sets it to PCI_BUS_ID for models with several GPUs",
    "CUDA_VISIBLE_DEVICES": _DEVICES,
    "DO_NOT_TRACK": owned.QUIET,
    "HF_HOME": owned.HUB,
    "HF_HUB_CACHE": owned.HUB,
    "HF_HUB_DISABLE_TELEMETRY": owned.QUIET,
    "HF_TOKEN": owned.TOKEN,
    "HF_TOKEN_PATH": owned.TOKEN,
    "HIP_VISIBLE_DEVICES": _DEVICES,
    "HUGGINGFACE_HUB_CACHE": owned.HUB,
    "HUGGING_FACE_HUB_TOKEN": owned.TOKEN,
    "NVIDIA_VISIBLE_DEVICES": _DEVICES,
    "PYTORCH_PRETRAINED_BERT_CACHE": owned.HUB,
    "PYTORCH_TRANSFORMERS_CACHE": owned.HUB,
    "ROCR_VISIBLE_DEVICES": _DEVICES,
    "TRANSFORMERS_CACHE": owned.HUB,
}
# modelgen places the caches of engines that compile kernels. Other programs place their own.
_OF_CACHES = {
    "FLASHINFER_WORKSPACE_BASE": owned.VOLUME,
    "HF_MODULES_CACHE": owned.VOLUME,
    "HOME": "the caches are below it; write `user` in the model's `compose` table to run as another user",
    "TORCHINDUCTOR_CACHE_DIR": owned.VOLUME,
    "TRITON_CACHE_DIR": owned.VOLUME,
    "USER": "it follows from `user` in the model's `compose` table",
    "XDG_CACHE_HOME": owned.HUB,
}

OWNED = (
    _OFFLINE_VARIABLES
    | _OF_EVERY_ENGINE
    | _OF_CACHES
    | {name: why for engine in ENGINES.values() for name, why in engine.owned_variables.items()}
)
"""Variables that modelgen sets for an engine, or that some engine must not have, each with the reason."""


def owned_variables(engine: Engine, *, is_offline: bool) -> dict[str, str]:
    """Return the variables that modelgen sets for an engine, or that it must not have, each with the reason."""
    variables = _OF_EVERY_ENGINE | dict(engine.owned_variables)
    if is_offline:
        variables |= _OFFLINE_VARIABLES
    return variables if engine.caches is None else variables | _OF_CACHES


CACHE_PLACES = (
    *(f"{ROOT.home}/.cache/{engine.name}" for engine in ENGINES.values() if engine.caches is not None),
    *(
        f"{published.own_account.account.home}/.cache"
        for engine in ENGINES.values()
        for published in engine.images
        if published.own_account is not None
    ),
)
"""The mount targets of the compile caches."""
