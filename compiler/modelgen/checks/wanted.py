"""Find where models.toml says that a model needs a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.checks.context import Context
    from modelgen.lockfile.wants import Want
    from modelgen.source import Span


def place_of(context: Context, name: str, want: Want) -> Span:
    """Return the place of the value for which the model `name` needs the repository."""
    document = context.document
    if want.role == "code":
        return document.at_value(*document.origin(name, "trust_remote_code"))
    if want.role == "lora":
        for lora, repo in (context.models[name].loras or {}).items():
            if repo == want.repo:
                return document.at_value(*document.origin(name, "loras", lora))
    for arg in context.args_of(name):
        asked = arg.engine.repos({arg.name + arg.inner: arg.value}) if arg.engine.repos else ()
        if any(repo == want.repo for _, repo, _ in asked):
            return document.at_value(*arg.path)
    return document.at_value(*document.origin(name, "repo"))
