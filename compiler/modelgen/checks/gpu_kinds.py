"""Compare the `kind` of a GPU with its device and its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.images import properties
from modelgen.engines.images.versions import vendor_of

if TYPE_CHECKING:
    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun

# The pattern of a device and the advice, by kind.
DEVICES = {
    "nvidia": (
        re.compile(r"0|[1-9]\d{0,2}|(?:GPU|MIG)-[0-9A-Za-z/-]{1,80}", re.ASCII),
        'write `device = "0"`, its index, or its UUID, as `nvidia-smi -L` prints them',
    ),
    "cdi": (
        re.compile(r"[a-z][a-z0-9.-]*\.[a-z]+/[A-Za-z][A-Za-z0-9_.-]*=(?!all$)[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII),
        'write `device = "nvidia.com/gpu=0"`, or another CDI name, as printed by `nvidia-ctk cdi list`',
    ),
    "amd": (
        re.compile(r"/dev/dri/renderD\d{3}", re.ASCII),
        'write `device = "/dev/dri/renderD128"`, or another render node, as printed by `ls -l /dev/dri/by-path`',
    ),
}


UNSUPPORTED = ("gaudi", "tpu", "ascend")
"""The kinds of images that modelgen does not support."""


def is_for_unsupported(run: ModelRun) -> bool:
    """Return whether a model has an image, with plugins of its own, for accelerators that modelgen does not support."""
    is_image = run.image is not None and properties.kind_of(run.image) in UNSUPPORTED
    return is_image and run.engine is not None and run.engine.catalogue is not None


def kind_of_card(context: Context, name: str) -> str | None:
    """Return the kind that a GPU's `card` or `capability` needs; None if the written `kind` is right or may be."""
    card, gpu = context.resolved.cards.get(name), context.gpus[name]
    if card is None or card.capability is None:
        return None
    is_amd = vendor_of(card.capability) == "amd"
    if is_amd == (gpu.kind == "amd") or (is_amd and gpu.kind == "cdi"):
        return None
    return "amd" if is_amd else "nvidia"


def is_of_other_kind(context: Context, name: str) -> bool:
    """Return whether a GPU's name or device contradicts its `kind`. All else follows from that."""
    gpu = context.gpus[name]
    if kind_of_card(context, name) is not None:
        return True
    own = gpu.kind or "nvidia"
    return any(kind != own and pattern.fullmatch(gpu.device) for kind, (pattern, _) in DEVICES.items())
