"""Track one running fetch: the repositories it still works on, and those it gave up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.fetching.planning import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.fetching.collecting import Outcome
    from modelgen.hub.fetching.events import Report
    from modelgen.hub.fetching.planning import Plan, Wanted
    from modelgen.hub.fetching.remembered import Seen


@dataclass(frozen=True)
class Run:
    """One fetch, with its result so far.

    Args:
        wanted: The files that should be in the hub directory.
        report: Called with each event.
        seen: Records checked hashes.
        outcome: Collects failures.
        max_rate: Limit in bytes per second; None for no limit.
    """

    wanted: Wanted
    report: Report
    seen: Seen
    outcome: Outcome
    max_rate: int | None
    _refused: set[int] = field(default_factory=set)
    """The ids of the checkouts that are left unchanged."""

    @property
    def kept(self) -> list[Checkout]:
        """The checkouts that are not refused."""
        return [checkout for checkout in self.wanted.checkouts if id(checkout) not in self._refused]

    def refuse(self, checkout: Checkout, failure: ModelgenError) -> None:
        """Continue without one checkout; only its first failure is reported."""
        if id(checkout) not in self._refused:
            self._refused.add(id(checkout))
            self.outcome.failures.append(failure)

    def refuse_closed(self, closed: dict[tuple[str, str], ModelgenError]) -> None:
        """Continue without the checkouts of these repositories and commits, with one failure for all models of each."""
        self.outcome.failures += closed.values()
        self._refused.update(id(one) for one in self.wanted.checkouts if (one.repo, one.commit) in closed)

    def attempt(self, checkout: Checkout, step: Callable[[], None]) -> bool:
        """Run a step for one checkout; if it fails, continue without the checkout. Return whether it is kept."""
        if id(checkout) in self._refused:
            return False
        try:
            step()
        except ModelgenError as error:
            self.refuse(checkout, error)
            return False
        return True

    def plan(self) -> Plan:
        """Return what is missing now, without refused checkouts."""
        return plan(self.wanted.hub, self.kept, self.wanted.assets, self.seen)
