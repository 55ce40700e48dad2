"""The variables of vllm models, each with the version that is to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines import variables, vllm
from modelgen.engines.environment import OWNED
from modelgen.engines.images import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.engines.versions import Version
    from modelgen.load.locator import Path


class Variable(NamedTuple):
    """A variable of one vllm model, and where it was written."""

    model: str
    path: Path
    name: str
    value: str
    version: Version | None
    is_release: bool

    @property
    def is_owned(self) -> bool:
        """Return whether another rule refuses it altogether."""
        return self.name in OWNED

    @property
    def is_unknown(self) -> bool:
        """Return whether it is spelt as vLLM's, and no release reads it."""
        is_ours = self.name.startswith(variables.PREFIX) and not self.is_owned
        is_known = self.name in variables.readers() or self.name in variables.MEANT
        return is_ours and not is_known and not variables.flag_meant(self.name)


def vllm_variables(context: Context) -> Iterator[Variable]:
    """Yield the variables of every vllm model, those of `[engines.vllm]` and `[defaults]` too."""
    document = context.document
    table = (document.config.engines or {}).get(vllm.NAME)
    for name, model in context.of_engine(vllm.NAME):
        if not (model.env or (table and table.env)):
            continue
        run = context.runs[name]
        is_newer = run.version is not None and variables.is_newer(run.version)
        is_published = run.image is not None and is_release(run.image) and not is_newer
        of_engine = {key: ("engines", vllm.NAME, "env", key) for key in (table and table.env) or {}}
        of_model = {key: document.origin(name, "env", key) for key in model.env or {}}
        for key, path in (of_engine | of_model).items():
            yield Variable(name, path, key, run.env[key], run.version, is_published)
