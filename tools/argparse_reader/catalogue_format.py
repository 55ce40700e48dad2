"""The format of the catalogues: what changed at which release, one entry a line.

A flag is a list of entries `[first version, kind, extras]`; an entry with a version alone is the release from which on
the flag is gone. Versions are text, so that a new release is a small diff.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

EXTRAS = ("choices", "known", "nargs", "repeated", "aliases", "nullable", "deprecated", "default", "env")
KINDS = ("bool", "flag", "int", "length", "iec-length", "number", "text", "json", "json-or-text", "truthy")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of one release.

    Args:
        name: Without dashes; as it is for a positional argument.
        kind: Of `KINDS`.
        extras: What there is to say, of `EXTRAS`.
    """

    name: str
    kind: str
    extras: Mapping[str, Any]

    def entry(self) -> list[Any]:
        """Return the flag as a catalogue has it, without a version."""
        return [self.kind, *([dict(self.extras)] if self.extras else [])]


def unify(releases: Sequence[tuple[str, Iterable[Flag]]]) -> list[tuple[str, list[Flag]]]:
    """Give each flag one name in all releases, the newest one's: SGLang turned names and aliases round in 0.5.14."""
    current: dict[str, str] = {}
    found: list[tuple[str, list[Flag]]] = []
    for version, flags in reversed(releases):
        held = list(flags)
        own = {flag.name for flag in held}
        named = []
        for flag in held:
            name = current.get(flag.name, flag.name)
            spellings = [flag.name, *flag.extras.get("aliases", ())]
            if name == flag.name or name in own:
                named.append(flag)
            else:
                aliases = [one for one in spellings if one != name]
                named.append(replace(flag, name=name, extras=_with_aliases(flag.extras, aliases)))
            current.update(dict.fromkeys((one for one in spellings if one not in current), named[-1].name))
        found.append((version, named))
    names = {flag.name for _, flags in found for flag in flags}
    return [(version, [one for flag in flags for one in _split(flag, names)]) for version, flags in reversed(found)]


def _split(flag: Flag, names: set[str]) -> Iterator[Flag]:
    """Yield a flag, and each alias of it that is a flag of its own in another release: no spelling is both."""
    aliases = flag.extras.get("aliases", ())
    own = [alias for alias in aliases if alias in names]
    yield replace(flag, extras=_with_aliases(flag.extras, [one for one in aliases if one not in own])) if own else flag
    for alias in own:
        yield replace(flag, name=alias, extras=_with_aliases(flag.extras, []))


def _with_aliases(extras: Mapping[str, Any], aliases: list[str]) -> dict[str, Any]:
    changed = {**extras, "aliases": aliases}
    return {key: changed[key] for key in EXTRAS if changed.get(key) not in (None, [])}


def encode(releases: Sequence[tuple[str, Iterable[Flag]]]) -> dict[str, list[list[Any]]]:
    """Return the entries of all flags of all releases, which come oldest first."""
    found: dict[str, list[list[Any]]] = {}
    for version, flags in releases:
        entries = {flag.name: flag.entry() for flag in flags}
        for name, entry in entries.items():
            held = found.setdefault(name, [])
            if not held or held[-1][1:] != entry:
                held.append([version, *entry])
        for name in found.keys() - entries.keys():
            if len(found[name][-1]) > 1:
                found[name].append([version])
    return {name: found[name] for name in sorted(found, key=lambda name: ("_" in name, name))}


def decode(versions: Sequence[str], flags: Mapping[str, list[list[Any]]], version: str) -> dict[str, list[Any]]:
    """Return the flags of one release as `Flag.entry` gives them, by name."""
    at = versions.index(version)
    found: dict[str, list[Any]] = {}
    for name, entries in flags.items():
        held = [entry for entry in entries if versions.index(entry[0]) <= at]
        if held and len(held[-1]) > 1:
            found[name] = held[-1][1:]
    return found


def variables_at(versions: Sequence[str], variables: Mapping[str, list[str]], version: str) -> set[str]:
    """Return the environment variables of one release."""
    at = versions.index(version)
    return {
        name
        for name, (first, *last) in variables.items()
        if versions.index(first) <= at <= (versions.index(last[0]) if last else at)
    }


def render_flags(engine: str, versions: Sequence[str], flags: Mapping[str, list[list[Any]]]) -> str:
    """Return the text of a catalogue of flags."""
    return _render(engine, versions, "flags", {name: _entries(entries) for name, entries in flags.items()})


def render_variables(engine: str, versions: Sequence[str], names: Sequence[tuple[str, set[str]]]) -> str:
    """Return the text of a catalogue of environment variables: the first release with one, and the last if it is gone.

    One that was gone for a while counts as there all the time: VLLM_ROCM_USE_AITER_FP4_ASM_GEMM in vLLM 0.29 and 0.30.
    """
    lives: dict[str, list[str]] = {}
    for version, present in names:
        for name in present:
            lives.setdefault(name, [version, version])[1] = version
    newest = versions[-1]
    written = {name: json.dumps(lives[name][: 1 if lives[name][1] == newest else 2]) for name in sorted(lives)}
    return _render(engine, versions, "variables", written)


def _entries(entries: list[list[Any]]) -> str:
    lines = [json.dumps(entry, ensure_ascii=False) for entry in entries]
    return f"[{lines[0]}]" if len(lines) == 1 else "[\n      " + ",\n      ".join(lines) + "\n    ]"


def _render(engine: str, versions: Sequence[str], what: str, values: Mapping[str, str]) -> str:
    lines = ",\n".join(f"    {json.dumps(name)}: {value}" for name, value in values.items())
    head = f'{{\n  "engine": {json.dumps(engine)},\n  "versions": {json.dumps(list(versions))},\n'
    return f'{head}  "{what}": {{\n{lines}\n  }}\n}}\n'
