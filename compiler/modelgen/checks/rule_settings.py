"""Check `[rules]`: severities that the user changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.diagnostics import Found, all_rules, did_you_mean, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context


@rule("MG015", "unknown-rule")
def unknown_rule(context: Context) -> Iterator[Found]:
    """A name in `[rules]` that is not the name of a rule.

    ## Why
    The line has no effect: no rule is turned on or off.

    ## Bad
    ```toml
    [rules]
    unpined-repo = "off"
    ```

    ## Good
    ```toml
    [rules]
    unpinned-repo = "off"
    ```
    """
    rules = {known.name: known for known in all_rules() if not known.is_foreign}
    for name in context.document.config.rules or {}:
        if name not in rules:
            advisory = [known.name for known in rules.values() if known.advisory]
            yield Found(context.document.at_key("rules", name), f"unknown rule `{name}`", did_you_mean(name, advisory))


@rule("MG016", "rule-not-advisory")
def rule_not_advisory(context: Context) -> Iterator[Found]:
    """A rule in `[rules]` that cannot be turned off or made a warning.

    ## Why
    Such a rule finds errors: the deployment would not run. Without the rule, the same error appears later, on the host.

    ## Bad
    ```toml
    [rules]
    path-as-repo = "warning"
    ```

    ## Good
    ```toml
    [rules]
    floating-image = "error"
    ```
    """
    changed = context.document.config.rules or {}
    fixed = {known.name for known in all_rules() if known.name in changed and not known.advisory}
    for name, severity in changed.items():
        if name in fixed and severity != "error":
            yield Found(
                context.document.at_value("rules", name),
                f"`{name}` cannot be changed: what it finds would not run",
                "remove it, and fix what the rule finds",
            )
