"""Look up which builds of llama.cpp load an architecture, as far as sources of builds that are known tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.catalogues import DATA

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Version


class Arrival(NamedTuple):
    """The builds around the one that added an architecture.

    Args:
        last_without: The last build that certainly lacks it; None if none is known.
        having: The first build that certainly has it; None if none is known.
    """

    last_without: int | None
    having: int | None


@dataclass(frozen=True)
class Architectures:
    """The architectures of one engine by build, as data that `tools/` extracts from its sources.

    Args:
        engine: The engine's name.
    """

    engine: str

    def missing(self, architecture: str, version: Version) -> Arrival | None:
        """Return when an architecture came that a build certainly lacks; None if the build may have it."""
        arrival = self._data.get(architecture)
        lacks = arrival is not None and arrival.last_without is not None and version.release[0] <= arrival.last_without
        return arrival if lacks else None

    @cached_property
    def _data(self) -> dict[str, Arrival]:
        found = json.loads((DATA / f"{self.engine}_architectures.json").read_bytes())["architectures"]
        return {name: Arrival(*builds) for name, builds in found.items()}
