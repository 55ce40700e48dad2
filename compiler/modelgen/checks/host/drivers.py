"""Check images against the host's driver and CPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.engines.releases import release_image
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines.host import TOOLKIT_DRIVERS, dotted, oldest_driver
from modelgen.engines.images import properties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.resolve import ModelRun


_GEFORCE = re.compile(r"[GR]TX [1-5]\d[5-9]0\b")
"""RTX 3090 and the like; professional GPUs are RTX 4000, RTX A6000, RTX PRO."""
_ANY_GEFORCE = "a GeForce GPU"


@rule("MG311", "driver-too-old")
def driver_too_old(context: Context) -> Iterator[Found]:
    """An NVIDIA driver that cannot run the image's CUDA.

    ## Why
    CUDA 13 needs driver 580 or newer, and CUDA 12 needs 525 or newer (docs.nvidia.com, minor version compatibility).
    vLLM's images have CUDA 13 from 0.20 on, SGLang's from 0.5.11 on.

    ## Bad
    ```toml
    [host]
    driver = "575.57.08"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0"
    ```

    ## Good
    ```toml
    [host]
    driver = "575.57.08"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.20.0-cu129"
    ```
    """
    for run, cuda, driver in _on_driver(context):
        oldest = oldest_driver(cuda)
        if dotted(driver) < oldest:
            older = properties.older_cuda_tag(run.image, run.version) if run.image else None
            yield Found(
                context.document.at_value(*run.place),
                f"this image has CUDA {cuda[0]}.{cuda[1]}, which needs driver {oldest[0]} or newer, "
                f"but the host has {driver}",
                _older_image(
                    older,
                    _release(context, run),
                    dotted(driver),
                    oldest[0],
                    may_be_data_center=_refused_card(context, run) in ("", _ANY_GEFORCE),
                ),
            )


def _release(context: Context, run: ModelRun) -> str | None:
    """Return the newest release of the image that the host's driver runs on every GPU."""
    return release_image(context.document.config.host, run.engine, run.image.name) if run.engine and run.image else None


def _refused_card(context: Context, run: ModelRun) -> str:
    """Return which GPU of the model takes no CUDA that is newer than its driver; empty if all are known to take one."""
    known = [card.known for card in context.cards(run.model).values()]
    geforce = next((card.name for card in known if card is not None and _GEFORCE.match(card.name)), "")
    return geforce or ("" if all(known) else _ANY_GEFORCE)


def _older_image(
    older: str | None, release: str | None, driver: tuple[int, ...], needed: int, *, may_be_data_center: bool
) -> str:
    """Return what to do about a driver that is too old. CUDA 12.9 runs on older drivers only on data-center GPUs."""
    update = f"update the driver to {needed} or newer"
    if older is not None and driver >= (TOOLKIT_DRIVERS[12, 9],):
        return f"write `{older}`, or {update}"
    runs_on_some = older is not None and may_be_data_center and driver >= oldest_driver((12, 9))
    also = f"; on a data-center GPU, `{older}` runs, too" if runs_on_some else ""
    if release is not None:
        return f"write `{release}`, or {update}{also}"
    return f"{update}{also}" if also else f"{update}, or use an older image"


@rule("MG312", "driver-below-image", Severity.WARNING)
def driver_below_image(context: Context) -> Iterator[Found]:
    """An NVIDIA driver that is older than the image's CUDA, which only some GPUs accept.

    ## Why
    CUDA is compatible within one major version, but the image's own condition accepts only data-centre and professional
    GPUs with some driver branches. A GeForce fails with "unsatisfied condition: cuda>=12.8" (vllm#18813).

    ## Bad
    ```toml
    [host]
    driver = "550.54.15"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"
    ```

    ## Good
    ```toml
    [host]
    driver = "570.195.03"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.11.0"
    ```
    """
    for run, cuda, driver in _on_driver(context):
        own = TOOLKIT_DRIVERS.get(cuda)
        refused = _refused_card(context, run)
        if own is not None and refused and oldest_driver(cuda) <= dotted(driver) < (own,):
            yield Found(
                context.document.at_value(*run.place),
                f"CUDA {cuda[0]}.{cuda[1]} came with driver {own}, but the host has {driver}, "
                f"which {refused} does not accept",
                f"update the driver to {own} or newer",
            )


@rule("MG313", "wrong-arch")
def wrong_arch(context: Context) -> Iterator[Found]:
    """An image, or a `[host] arch`, for another processor architecture than that of the host or of its GPU.

    ## Why
    The container ends with "exec format error", or Docker finds no matching manifest. vLLM's images before 0.10.2 and
    those for ROCm are only for amd64. A GB10, a GH200 and a Jetson are parts of machines for arm64.

    ## Bad
    ```toml
    [host]
    arch = "arm64"

    [engines.vllm]
    image = "vllm/vllm-openai:v0.10.0"
    ```

    ## Good
    ```toml
    [host]
    arch = "arm64"
    ```
    """
    host = context.document.config.host
    written: str | None = host.arch if host else None
    for run in context.runs.values():
        arches = properties.arches_of(run.image, run.version) if run.image else frozenset()
        by_card = {card.known.arch: card.known.name for card in context.cards(run.model).values() if card.known}
        arch = written or next((one for one in by_card if one is not None), None)
        if arch and arches and arch not in arches:
            yield Found(
                context.document.at_value(*run.place),
                f"this image is for {' and '.join(sorted(arches))}, but the host is {arch}"
                f"{'' if written else f', as every machine with a {by_card[arch]}'}",
                _for_this_arch(context, run),
            )
        if written and (other := next((one for one in by_card if one not in (None, written)), None)):
            place = context.document.at_value("host", "arch")
            yield Found(place, f"a {by_card[other]} is part of a machine for {other}", f'write `arch = "{other}"`')
            return


def _for_this_arch(context: Context, run: ModelRun) -> str:
    found = (
        release_image(context.document.config.host, run.engine, run.image.name) if run.engine and run.image else None
    )
    return f"write `{found}`" if found else "use a tag or a release for this architecture"


def _on_driver(context: Context) -> Iterator[tuple[ModelRun, tuple[int, int], str]]:
    """Yield each model on NVIDIA GPUs with the CUDA of its image and the host's driver, if both are known."""
    host = context.document.config.host
    if host is None or host.driver is None:
        return
    for name, model in context.models.items():
        run = context.runs[name]
        kinds = context.kinds(model)
        cuda = properties.cuda_of(run.image, run.version) if run.image else None
        # The driver of a Jetson is a part of its system, with numbers of its own.
        is_jetson = any(card.known is not None and card.known.is_jetson for card in context.cards(model).values())
        if cuda is not None and kinds and kinds <= {"nvidia", "cdi"} and not is_jetson:
            yield run, cuda, host.driver
