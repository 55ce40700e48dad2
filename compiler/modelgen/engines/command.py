"""Describe the engine `command`: any program that serves the OpenAI API on a port of its container."""

from __future__ import annotations

import re

from modelgen.engines.engine import Engine, Run
from modelgen.engines.images import Account, Published
from modelgen.engines.images.places import HUB_PLACEHOLDER
from modelgen.engines.vllm import ROUTES as VLLM_ROUTES
from modelgen.engines.vllm.images import for_cards
from modelgen.ir import Launch

NAME = "command"
PORT = 8000
# The Dockerfile of speaches ends with USER ubuntu.
_IMAGES = (
    Published(
        re.compile(r"ghcr\.io/speaches-ai/speaches"),
        runs_as=Account(1000, 1000, "ubuntu", "/home/ubuntu", keeps_home=True),
    ),
)
ROUTES = (*VLLM_ROUTES, "/v1/audio/speech", "/v1/images/generations", "/v1/images/edits")
_PLACEHOLDER = re.compile(r"\{(?:port|model|hub)\}")


def launch(run: Run) -> Launch:
    """Return the program with `{port}`, `{model}` and `{hub}` replaced; other braces stay, as in JSON."""
    values = {"{port}": run.listen[1], "{model}": run.upstream_name, HUB_PLACEHOLDER: run.hub}

    def fill(items: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.sub(lambda found: values[found[0]], item) for item in items)

    if run.entrypoint is not None:
        return Launch(fill(run.entrypoint), fill(run.command))
    return Launch(fill(run.command[:1]), fill(run.command[1:]))


ENGINE = Engine(
    name=NAME,
    title="command",
    launch=launch,
    port=PORT,
    health="/health",
    keys=("command", "entrypoint", "port", "cache", "offline", "health", "upstream_name"),
    needs_repo=False,
    on_host=True,
    images=_IMAGES,
    for_processors="another one that has its program",
    # Most images for GPUs are those of vLLM.
    for_cards=for_cards,
    routes=ROUTES,
)
