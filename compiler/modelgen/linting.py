"""Check files of other tools in one function: Foreign → servers → findings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelgen.checks.foreign import check_foreign, check_programs, check_reading
from modelgen.diagnostics import Diagnostic, sort_by_place
from modelgen.fit import fit_models
from modelgen.foreign.allowed import allowed_rules
from modelgen.lift.document import lift_document, lift_lines
from modelgen.lift.recognition import Server, Unrecognized, recognize
from modelgen.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from modelgen.engines.images.versions import Version
    from modelgen.foreign import Foreign
    from modelgen.lift.document import Lifted
    from modelgen.lift.machine import Machine

_AS_TOML = re.compile(r"`(?P<key>[a-z][a-z0-9-]*) = \"?(?P<value>[^`\"]*)\"?`(?: in `args`)?")


@dataclass(frozen=True)
class Linted:
    """The result of checking files of another tool.

    Args:
        foreign: What they say.
        lifted: The engines that were recognized.
        unrecognized: The services with an engine's image that were not, each with the reason.
        diagnostics: All findings, sorted by place.
    """

    foreign: Foreign
    lifted: Sequence[Lifted]
    unrecognized: Sequence[Unrecognized]
    diagnostics: list[Diagnostic]


def lint(
    foreign: Foreign,
    *,
    machine: Machine | None = None,
    assumed: Mapping[str, Version] | None = None,
    off: Collection[str] = (),
) -> Linted:
    """Check what files of another tool say. Pure: reads only its arguments and the package's own data.

    Args:
        foreign: What `modelgen.foreign.read_files` has read.
        machine: The host that the services run on.
        assumed: The versions of engines whose images do not tell theirs.
        off: The names of rules that are switched off.
    """
    found = [recognize(service, assumed or {}) for service in foreign.services.values()]
    lifted = lift_lines(one for one in found if isinstance(one, Server))
    unrecognized = [one for one in found if isinstance(one, Unrecognized)]
    diagnostics = [*check_reading(foreign), *check_programs(foreign)]
    if lifted:
        fitted = fit_models(resolve(lift_document(foreign, lifted, machine), None))
        diagnostics += [_for_command_lines(one) for one in check_foreign(foreign, lifted, fitted, machine)]
    kept = _without_allowed(foreign, (one for one in diagnostics if one.rule not in off))
    return Linted(foreign, lifted, unrecognized, sort_by_place(kept))


def _for_command_lines(found: Diagnostic) -> Diagnostic:
    """Write the help of a rule about models.toml as flags: `key = "value"` is `--key value`."""
    return replace(found, help=_AS_TOML.sub(_as_flag, found.help)) if found.code < "MG6" else found


def _as_flag(found: re.Match[str]) -> str:
    is_switch = found["value"] in ("true", "false")
    negation = "no-" if found["value"] == "false" else ""
    return f"`--{negation}{found['key']}`" if is_switch else f"`--{found['key']} {found['value']}`"


def _without_allowed(foreign: Foreign, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Leave out findings that a comment `# modelgen: allow RULE` allows."""
    allowed = {
        (source.path, number): names for source in foreign.sources for number, names in allowed_rules(source).items()
    }
    return [one for one in diagnostics if one.rule not in allowed.get((one.span.path, one.span.line), ())]
