"""`command`: any program that serves the OpenAI API on a port of its container."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines import routes
from modelgen.engines.engine import Engine, Run
from modelgen.ir import Launch

if TYPE_CHECKING:
    from modelgen.config import Model

NAME = "command"
PORT = 8000
HUB_PLACEHOLDER = "{hub}"
_PLACEHOLDER = re.compile(r"\{(?:port|model|hub)\}")


def launch(run: Run) -> Launch:
    """Return the program with `{port}`, `{model}` and `{hub}` filled in; other braces stay (JSON has many)."""
    values = {"{port}": run.listen[1], "{model}": run.upstream_name, HUB_PLACEHOLDER: run.hub}
    filled = [_PLACEHOLDER.sub(lambda found: values[found[0]], item) for item in run.command]
    return Launch(tuple(filled[:1]), tuple(filled[1:]))


ENGINE = Engine(name=NAME, title="command", launch=launch, port=PORT, health="/health", routes=routes.ANY)


def needs_hub(model: Model) -> bool:
    """Return whether a model reads the hub directory: it has a repository, or its command names the place."""
    return model.repo is not None or any(HUB_PLACEHOLDER in item for item in model.command or ())
