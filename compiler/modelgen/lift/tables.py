"""Represent the tables of a foreign file as rules read those of models.toml, without pydantic.

Importing pydantic and building its models takes a third of the processor time of `modelgen lint`.
"""

from __future__ import annotations

from typing import Any


class Table:
    """A table of models.toml with values that need no validation; a key without a value is None."""

    def __init__(self, **keys: Any) -> None:  # noqa: ANN401 - as in the table
        self.__dict__.update(keys)
        self.model_fields_set = frozenset(keys)

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
