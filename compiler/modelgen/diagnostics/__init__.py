"""Findings as data, the registry of rules, and one module per output format."""

from modelgen.diagnostics.diagnostic import Diagnostic, Severity, has_errors, sort_by_place
from modelgen.diagnostics.rules import Found, Rule, all_rules, rule
from modelgen.diagnostics.suggest import did_you_mean

__all__ = [
    "Diagnostic",
    "Found",
    "Rule",
    "Severity",
    "all_rules",
    "did_you_mean",
    "has_errors",
    "rule",
    "sort_by_place",
]
