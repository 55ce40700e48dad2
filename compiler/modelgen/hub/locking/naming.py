"""Report unusable file names of a repository, all at once, with an `exclude` to paste."""

from __future__ import annotations

import glob
import json
from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.hub.snapshot.left_out import choose
from modelgen.hub.snapshot.loadable import is_weights, why_not

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from modelgen.hub.locking.ask import Ask

_MOST_SHOWN = 3


def names_error(ask: Ask, paths: Collection[str], faults: Mapping[str, str], where: str = "") -> InputError:
    """Return the error for a repository with files that a file system cannot store.

    Args:
        ask: The repository.
        paths: The files to lock.
        faults: The invalid files, each with the reason, which begins with its name.
        where: The file system; empty for that of any host.
    """
    shown = ", ".join([*faults.values()][:_MOST_SHOWN])
    more = f", and {len(faults) - _MOST_SHOWN} more" if len(faults) > _MOST_SHOWN else ""
    count = f"{len(faults)} files" if len(faults) > 1 else "a file"
    ways = []
    if can_exclude(ask, paths, faults):
        written = json.dumps([*ask.want.exclude, *map(glob.escape, faults)], ensure_ascii=False)
        ways.append(f"write `exclude = {written}` in the model's table in models.toml")
    if where:
        ways.append("put the hub directory on another file system with `[project] hub`")
    ways = ways or ["set another `repo` or `revision` in models.toml"]
    return InputError(
        f"{ask.about} has {count} that {where or 'not every host'} "
        f"{'cannot' if where else 'can'} store: {shown}{more}; {', or '.join(ways)}"
    )


def can_exclude(ask: Ask, paths: Collection[str], unwanted: Collection[str]) -> bool:
    """Return whether an engine can load a repository without some files."""
    want = ask.want
    if want.role != "model":  # `exclude` applies to the model's own repository
        return False
    rest = choose(paths, want.include, (*want.exclude, *map(glob.escape, unwanted)), want.loaders).kept
    had_weights, has_weights = (any(map(is_weights, names)) for names in (paths, rest))
    is_complete = has_weights or not had_weights
    is_done = bool(rest) and not {*rest} & {*unwanted}
    return is_done and is_complete and why_not(want.form, rest, None, want.loaders) is None
