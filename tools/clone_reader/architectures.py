"""The architectures that builds of llama.cpp load, from src/llama-arch.cpp.

The sources in packages of llama-cpp-python name no build. Their flags tell which builds they can be: those from one
change of the flags in the catalogue to the next.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from argparse_reader.catalogue_format import Flag, decode
from clone_reader import llamacpp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NAMES = re.compile(r"LLM_ARCH_NAMES = \{\n(.*?)\n\};", re.DOTALL)
_ENTRY = re.compile(r'\{\s*LLM_ARCH_\w+,\s*"([^"]+)"')
_NOT_AN_ARCHITECTURE = "(unknown)"


class Sources(NamedTuple):
    """The sources of a build whose number is not known exactly.

    Args:
        first: The first build that they can be; None if no build of the catalogue has their flags.
        last: The last build that they can be, likewise.
        architectures: What the build loads.
    """

    first: int | None
    last: int | None
    architectures: frozenset[str]


def read(folder: Path, catalogue: Mapping[str, Any]) -> Sources:
    """Return what a folder with the sources of llama.cpp is.

    Args:
        folder: Has common/arg.cpp and src/llama-arch.cpp.
        catalogue: The data of the flags of all builds.
    """
    places = [folder / "src" / name for name in ("llama-arch.cpp", "llama.cpp")]  # the latter before 2025
    text = next(path for path in places if path.exists()).read_text(encoding="utf-8", errors="replace")
    listed = _NAMES.search(text)
    assert listed is not None, f"{folder}: no LLM_ARCH_NAMES"  # noqa: S101 - shown to who adds builds
    names = frozenset(_ENTRY.findall(re.sub(r"//.*", "", listed[1]))) - {_NOT_AN_ARCHITECTURE}
    arg_cpp = (folder / "common" / "arg.cpp").read_text(encoding="utf-8", errors="replace")
    flags = llamacpp.read(arg_cpp)
    versions = [str(version) for version in catalogue["versions"]]
    known = [_spellings(_flags(decode(versions, catalogue["flags"], version))) for version in versions]
    found = _spellings(flags)
    fits = [at for at, one in enumerate(known) if found.items() <= one.items()]
    if not fits:
        return Sources(None, None, names)
    # Newer builds gave some flags other names, under which the catalogue has them for all builds, besides their own.
    least = min(len(known[at]) for at in fits)
    same = [at for at in fits if len(known[at]) == least]
    is_newest = same[-1] + 1 == len(versions)
    last = _number(versions[same[-1]]) if is_newest else _number(versions[same[-1] + 1]) - 1
    return Sources(_number(versions[same[0]]), last, names)


def first_builds(sources: Iterable[Sources]) -> dict[str, list[int | None]]:
    """Return, for each architecture, the last build that certainly lacks it and the first that certainly has it.

    None where no sources tell. llama.cpp drops no architectures.
    """
    every = list(sources)
    names = sorted(frozenset[str]().union(*(one.architectures for one in every)))
    found: dict[str, list[int | None]] = {}
    for name in names:
        without = [one.first for one in every if name not in one.architectures and one.first is not None]
        having = [one.last for one in every if name in one.architectures and one.last is not None]
        found[name] = [max(without, default=None), min(having, default=None)]
    return found


def _flags(decoded: Mapping[str, list[Any]]) -> list[Flag]:
    return [Flag(name, entry[0], entry[1] if len(entry) > 1 else {}) for name, entry in decoded.items()]


def _spellings(flags: Iterable[Flag]) -> dict[str, tuple[Any, ...]]:
    """Return what each spelling stands for."""
    found: dict[str, tuple[Any, ...]] = {}
    for flag in flags:
        meaning = (flag.kind, *(tuple(sorted(map(str, flag.extras.get(key, ())))) for key in ("choices", "env")))
        found |= dict.fromkeys((flag.name, *flag.extras.get("aliases", ())), meaning)
    return found


def _number(version: str) -> int:
    return int(version.removeprefix("b"))
