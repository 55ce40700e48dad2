"""The tables of models.toml as written: strict pydantic models without defaults filled in."""

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
