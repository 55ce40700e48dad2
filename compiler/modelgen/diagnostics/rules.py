"""Register rules. A rule is one function; its docstring is its manual page, with examples that tests run."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, ParamSpec

from modelgen.diagnostics.diagnostic import Diagnostic, Severity
from modelgen.diagnostics.examples import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelgen.source import Span

P = ParamSpec("P")
_LONGEST = 1000
_FOREIGN = "MG6"

_REGISTRY: dict[str, Rule[...]] = {}
_NAMES: set[str] = set()


class Found(NamedTuple):
    """A finding as a rule's function yields it; the rule adds code, name and severity."""

    span: Span
    message: str
    help: str = ""


@dataclass(frozen=True)
class Rule(Generic[P]):
    """A declared rule; calling it runs its function and yields diagnostics.

    Args:
        code: Such as `MG101`; the hundreds digit tells the subject (DESIGN: 0 file and shape, 1 identity and pins,
            2 engine, image and args, 3 hardware and fit, 4 names, ports and profiles, 5 hub, 6 files of other tools).
        name: Names what `[rules]` allows, such as `unpinned-repo`.
        severity: As declared; `[rules]` may change it where `advisory` holds.
        find: The function itself.
    """

    code: str
    name: str
    severity: Severity
    find: Callable[P, Iterable[Found]]

    @property
    def manual(self) -> str:
        """Its docstring: a summary, then `## Why`, `## Bad` and `## Good` with TOML and, if needed, a models.lock."""
        return inspect.cleandoc(self.find.__doc__ or "")

    @property
    def advisory(self) -> bool:
        """Return whether `[rules]` may change the severity: advice can be turned off, errors cannot."""
        return self.severity is not Severity.ERROR and not self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """Return whether it is about files of other tools, and not about models.toml."""
        return self.code.startswith(_FOREIGN)

    @property
    def summary(self) -> str:
        """The manual's first sentence."""
        return self.manual.split("\n", 1)[0]

    def examples(self, kind: str) -> list[tuple[str, str | None]]:
        """Return the completed examples of the section `## Bad` or `## Good`, each with its lock or None.

        A Good example without a lock has the lock of the Bad one, if there is one. A rule about files of other tools
        has `files` instead.
        """
        if self.is_foreign:
            return []
        blocks = re.findall(r"```toml\n(.*?)```(?:\n+```lock\n(.*?)```)?", self._section(kind), re.DOTALL)
        first = re.search(r"```lock\n(.*?)```", self.manual, re.DOTALL)
        shared = first[1] if first and kind == "Good" else None
        return [(complete(toml), lock or shared) for toml, lock in blocks]

    def files(self, kind: str) -> list[tuple[str, str]]:
        """Return the examples of a rule about files of other tools: a file of `--host` or "", and a Compose file."""
        return re.findall(r"(?:```toml\n(.*?)```\n+)?```yaml\n(.*?)```", self._section(kind), re.DOTALL)

    def _section(self, kind: str) -> str:
        found = re.search(rf"^## {kind}$(.*?)(?=^## |\Z)", self.manual, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Diagnostic]:
        """Run the rule."""
        for span, message, help_text in self.find(*args, **kwargs):
            yield Diagnostic(self.code, self.name, self.severity, _shorten(message), _shorten(help_text), span)


def _shorten(text: str) -> str:
    """Shorten a message, since it may quote a value as long as the file."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def rule(
    code: str, name: str, severity: Severity = Severity.ERROR
) -> Callable[[Callable[P, Iterable[Found]]], Rule[P]]:
    """Declare the decorated function as the rule `code`, which `[rules]` calls `name`."""

    def declare(find: Callable[P, Iterable[Found]]) -> Rule[P]:
        declared = Rule(code, name, severity, find)
        if code in _REGISTRY or name in _NAMES:
            raise ValueError(f"rule {code} ({name}) is declared twice")
        _REGISTRY[code] = declared
        _NAMES.add(name)
        return declared

    return declare


def all_rules() -> list[Rule[...]]:
    """Return the rules that have been imported, by code."""
    return [_REGISTRY[code] for code in sorted(_REGISTRY)]
