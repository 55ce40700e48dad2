"""Define a repository to look up, on the hub or in a hub directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.lockfile.wants import Want


@dataclass(frozen=True)
class Ask:
    """A repository to look up.

    Args:
        want: The want.
        commit: The commit that is pinned already; None for the current one of its revision.
    """

    want: Want
    commit: str | None

    @property
    def about(self) -> str:
        """The beginning of messages: the model, unless the repository was named on the command line."""
        return f"{self.want.models[0]}: {self.want.repo}" if self.want.models else self.want.repo
