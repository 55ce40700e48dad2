"""Write docs/rules.md: the manual of every rule, and how modelgen treats each known pitfall.

The manuals are the docstrings of the rules; the pitfalls are docs/pitfalls.toml, whose first lines say what a row is.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelgen.cli.configuration.manual import load_rules
from modelgen.diagnostics import examples
from written_pages.markdown import code, mark, rule_anchor, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelgen.diagnostics import Rule

PITFALLS = Path(__file__).parents[2] / "docs" / "pitfalls.toml"

# By the first digit of a code.
_SUBJECTS = {
    "0": "The file",
    "1": "Models and their repositories",
    "2": "Engines, images, flags and variables",
    "3": "GPUs and the host",
    "4": "Names, profiles, Compose keys and ports",
    "5": "The hub and its lock",
    "6": "Compose files of other tools",
}
_THREADS = {"vllm": "vllm-project/vllm", "hub": "huggingface/huggingface_hub", "gpustack": "gpustack/gpustack"}
_INTRO = f"""\
{mark("the docstrings of compiler/modelgen/checks and from pitfalls.toml")}# Rules

The rules that `modelgen validate` and `modelgen build` check, and how modelgen treats the
[known pitfalls](#known-pitfalls) and [what public files do](#what-public-files-do). `modelgen explain MG102` or
`modelgen explain path-as-repo` prints the manual of one rule.

An error stops the build, and the command exits with 1. A warning or an info changes neither output nor exit code.
Rules marked with `*` are advisory: `[rules]` can turn them off, or make them errors.

```toml
[rules]
unpinned-repo = "off"    # not checked
floating-image = "error" # stops the build
```

Errors cannot be turned off, because the deployment would not run.

The [last rules](#compose-files-of-other-tools) are those of `modelgen lint`, which checks a Compose file that modelgen
did not write; `modelgen lint --rule restart-loop=off` switches one off.

## The examples

{examples.NOTE}
```toml
{examples.HEAD}```
"""
_KNOWN = """\
## Known pitfalls

Known problems of engines in containers, with the public threads that report them.
"""
_PUBLIC = """\
## What public files do

Habits in 229 Compose files of 148 public repositories, with 323 engines, most frequent first. Counts are
files/repositories; a row without a count was seen occasionally.
"""
# What modelgen does, by the key of a row in pitfalls.toml.
_VERBS = {"emitted": "writes", "never": "never writes"}


def write() -> str:
    """Return the page."""
    return render(load_rules(), tomllib.loads(PITFALLS.read_text(encoding="utf-8")))


def render(rules: Sequence[Rule[...]], pitfalls: dict[str, list[dict[str, Any]]]) -> str:
    """Return the page.

    Args:
        rules: In the order of their codes.
        pitfalls: The tables `known` and `public`, as read.

    Raises:
        KeyError: A row names a rule that does not exist.
    """
    links = {rule.name: f"[{rule.code} {rule.name}]({rule_anchor(rule)})" for rule in rules}
    index = ((links[rule.name], _severity(rule), rule.summary) for rule in rules)
    known = ((row["seen"], _threads(row), _answer(row, links)) for row in pitfalls["known"])
    public = (
        (", ".join(filter(None, (row["seen"], _threads(row)))), row.get("count", ""), _answer(row, links))
        for row in pitfalls["public"]
    )
    parts = [
        _INTRO,
        *table(("rule", "severity", "finds"), index),
        *_manuals(rules),
        _KNOWN,
        *table(("pitfall", "threads", "modelgen"), known),
        _PUBLIC,
        *table(("seen", "files/repositories", "modelgen"), public),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _manuals(rules: Iterable[Rule[...]]) -> Iterator[str]:
    subject = None
    for rule in rules:
        if rule.code[2] != subject:
            subject = rule.code[2]
            yield f"## {_SUBJECTS[subject]}\n"
        yield f"### {rule.code} {rule.name}\n"
        yield f"{_severity(rule).capitalize()}. {_nested(rule.manual)}\n"


def _severity(rule: Rule[...]) -> str:
    return rule.severity.value + (r"\*" if rule.advisory else "")


def _nested(manual: str) -> str:
    """Put the sections of a manual below the heading of its rule; in an example, `##` begins a comment of TOML."""
    return re.sub(r"^## (Why|Bad|Good)$", r"#### \1\n", manual, flags=re.MULTILINE)


def _answer(row: dict[str, Any], links: dict[str, str]) -> str:
    parts = [", ".join(links[name] for name in row.get("rules", ()))]
    parts += [f"{verb} {', '.join(map(code, row[key]))}" for key, verb in _VERBS.items() if key in row]
    parts.append(row.get("reason", ""))
    return "; ".join(filter(None, parts))


def _threads(row: dict[str, Any]) -> str:
    return ", ".join(map(thread_link, row.get("evidence", ())))


def thread_link(thread: str) -> str:
    """Return a link to a thread such as `vllm#10974`, `owner/name#1` or an address; GitHub finds pull requests too."""
    if "://" in thread:
        return f"[{thread.rstrip('/').rpartition('/')[2]}]({thread})"
    name, number = thread.split("#")
    return f"[{thread}](https://github.com/{_THREADS.get(name, name)}/issues/{number})"
