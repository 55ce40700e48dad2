"""How much the fuzz tests try; importing this sets it.

`HYPOTHESIS_PROFILE=ci-long` tries thirty times as much. With `CI` set the examples are the same in every run, so that
a red pipeline is the fault of the change in it.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

import known_environment

settings.register_profile(
    "short",
    max_examples=75,
    deadline=None,
    derandomize="CI" in known_environment.caller(),
    # Whole documents are large to draw, and the first of a run pays for the imports.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("ci-long", parent=settings.get_profile("short"), max_examples=2500)
settings.load_profile(known_environment.caller().get("HYPOTHESIS_PROFILE", "short"))
