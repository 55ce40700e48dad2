"""Collect all rules of this version of modelgen, for `explain` and `rules`."""

from __future__ import annotations

import importlib

from modelgen.diagnostics import Rule, all_rules


def load_rules() -> list[Rule[...]]:
    """Import every module that declares a rule and return the rules by code."""
    for module in ("modelgen.load", "modelgen.lockfile.reading", "modelgen.checks"):
        importlib.import_module(module)
    return all_rules()
