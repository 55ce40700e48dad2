"""Define the base class of all tables of models.toml."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A TOML table: unknown keys are refused, nothing is coerced, an absent key is None."""

    # `defer_build`: the validators of all tables are built once, with the whole file's, which halves the start time.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=(), defer_build=True)
