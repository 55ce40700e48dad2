"""The tables of models.toml as written: strict pydantic models without defaults filled in."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelgen.config.model import Defaults, Model
    from modelgen.config.model_tables import Variant, variant_name
    from modelgen.config.orchestrator import Orchestrator
    from modelgen.config.tables import Config, EngineTable, Gpu, Host, Profile, Project

__all__ = [
    "Config",
    "Defaults",
    "EngineTable",
    "Gpu",
    "Host",
    "Model",
    "Orchestrator",
    "Profile",
    "Project",
    "Variant",
    "variant_name",
]
_MODULES = {
    "Defaults": "model",
    "Model": "model",
    "Orchestrator": "orchestrator",
    "Variant": "model_tables",
    "variant_name": "model_tables",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a table
    """Import a table when it is asked for: `modelgen lint` needs only lists of names, and pydantic is slow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'tables')}"), name)
