"""What is known of a model's failure, line by line, as `why` and `up` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def describe_failure(model: dict[str, Any], config: Path) -> list[str]:  # noqa: ARG001 - to find places in it
    """Return the lines about a model that has failed.

    Args:
        model: As GET /models shows it; its `failure` is not None.
        config: The models.toml.
    """
    failure = model["failure"]
    lines = [f"{model['id']} is {model['state']}: it {failure['message']}"]
    if failure["meaning"]:
        lines += [f"  it said: {failure['said']}"] if failure["said"] in failure["log"] else []
        lines += [f"  that means: {failure['meaning']}", f"  what to do: {failure['remedy']}"]
    if failure["in_a_row"] > 1:
        lines.append(f"  it has failed {failure['in_a_row']} times in a row")
    if failure["retry_after"]:
        lines.append(f"  the next request that starts it may come in {failure['retry_after']:.0f} s")
    return [*lines, *(f"  | {line}" for line in failure["log"])]
