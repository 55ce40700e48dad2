"""Define a table of models.toml while it is filled: its keys, and what is said beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelgen.lift.document import Lifted

PLACEHOLDER = "a placeholder, change it: "
"""The beginning of a comment beside a value that the foreign file does not tell."""


class Device(NamedTuple):
    """A GPU of the host: how it is selected there, and its kind as in `[gpus.NAME]`."""

    device: str
    kind: str = "nvidia"


@dataclass
class Table:
    """The table of a model.

    Args:
        lifted: The server that it is made of.
        id: The model's id.
        keys: The keys of the model; `args`, `env`, `compose` and `variants` are in fields of their own.
        args: Its flags.
        env: Its variables.
        compose: Further keys of its Compose service.
        variants: Its variants, by the names of their tables.
        comments: What is said beside a value, by its path in the table.
        left_out: What of the foreign file is not in the table → the reason.
        to_do: What the user has to do, as sentences.
        devices: The GPUs that it runs on.
        share: The share of them that it takes; None if it is not known.
    """

    lifted: Lifted
    id: str
    keys: dict[str, Any] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    compose: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[tuple[str, ...], str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    to_do: list[str] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    share: float | None = None

    def put(self, key: str, value: Any, comment: str = "") -> None:  # noqa: ANN401 - any TOML value
        """Set a key of the model, with what is said beside it."""
        self.keys[key] = value
        if comment:
            self.comments[key,] = comment
