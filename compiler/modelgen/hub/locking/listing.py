"""Build a lock entry from the listing of a repository, on the hub or in a hub directory."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modelgen.files import InputError
from modelgen.hub.locking.naming import can_exclude, names_error
from modelgen.hub.locking.picking import picked
from modelgen.hub.snapshot.gguf_facts import gguf_facts
from modelgen.hub.snapshot.left_out import Choice, choose, nearest
from modelgen.hub.snapshot.loadable import Fault, config_name, is_weights, why_not
from modelgen.hub.snapshot.modules import MODULES, missing_modules
from modelgen.lockfile.code import code_repos, may_name_code, reduced
from modelgen.lockfile.entries import MAX_CONFIG_BYTES, File, Snapshot, is_path
from modelgen.lockfile.facts import tells_facts
from modelgen.lockfile.loading import read_by
from modelgen.lockfile.small_files import facts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from modelgen.hub.locking.ask import Ask
    from modelgen.hub.snapshot.gguf import Header
    from modelgen.lockfile.wants import Want

_LONGEST_LICENSE = 100
# Maximum size of a config: a tokenizer_config.json with many added tokens has 2 MB.
_MOST_OF_CONFIG = 32 * 2**20


@dataclass(frozen=True)
class Pinned:
    """A new entry of the lock.

    Args:
        entry: The entry.
        unneeded: Bytes of the files that serving does not need; the entry has the patterns.
        not_included: Number and bytes of the files that `include` does not name.
        chosen: The format of the weights that an engine reads, if there are several; else empty.
        unchecked: What could not be checked, as in "3 files have no hash to compare with"; only offline.
    """

    entry: Snapshot
    unneeded: int
    not_included: tuple[int, int]
    chosen: str = ""
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Facts about a repository beside its files; by path, `texts` are the small files and `headers` those of GGUF.

    A header that could not be read is None.
    """

    commit: str
    license: str | None = None
    gated: bool = False
    weights: Mapping[str, int] | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, Header | None] = field(default_factory=dict)


def choose_files(ask: Ask, paths: Collection[str]) -> Choice:
    """Return which of a repository's files to lock.

    Raises:
        InputError: A pattern matches nothing, no file remains, or a name is not valid in an entry.
    """
    want = ask.want
    for pattern in want.include:
        if not choose(paths, [pattern], ()).kept:
            shown = re.sub(r"\[([*?[])\]", r"\1", pattern)
            close = ", ".join(f"`{path}`" for path in nearest(shown, paths))
            hint = f"; the nearest are {close}" if close else ""
            raise InputError(f"{ask.about} has no file `{shown}`{hint}; correct `file` or `include` in models.toml")
    include = (*want.include, *picked(ask, paths))
    choice = choose(paths, include, want.exclude, want.loaders)._replace(include=include)
    if not choice.kept:
        raise InputError(
            f"{ask.about} has no file that `include` and `exclude` select; correct `exclude` or `repo` in models.toml"
        )
    if unfit := {path: repr(path[:200]) for path in choice.kept if not is_path(path)}:
        raise names_error(ask, paths, unfit)
    return choice


def make_entry(ask: Ask, choice: Choice, files: Iterable[File], sizes: Mapping[str, int], facts: Facts) -> Pinned:
    """Return the lock's entry for a repository.

    Raises:
        InputError: No engine can load it, or an entry for it is not valid.
    """
    want = ask.want
    config = _config(ask, facts.texts)
    if unfit := why_not(want.form, choice.kept, config, want.loaders) or _without_modules(choice.kept, facts.texts):
        raise UnusableError(ask, unfit)
    try:
        entry = Snapshot(
            repo=want.repo,
            revision=want.revision,
            commit=facts.commit,
            include=[*choice.include],
            exclude=[*want.exclude],
            quant=want.quant,
            mmproj=want.mmproj,
            models=[*want.models],
            license=facts.license,
            gated=facts.gated,
            left_out=[*choice.left_out],
            weights=dict(facts.weights or {}),
            code=_code(want, facts.texts),
            facts=facts_of(want, facts.texts),
            gguf=gguf_facts(facts.headers) if facts.headers else None,
            files=sorted(files, key=lambda file: file.path),
            config=config,
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InputError(f"{ask.about} cannot be locked: it {fault}; `exclude` the file in models.toml") from error
    not_included = len(choice.not_included), sum(sizes[path] for path in choice.not_included)
    return Pinned(entry, sum(sizes[path] for path in choice.unneeded), not_included, _chosen(want, choice))


class UnusableError(InputError):
    """No engine can load a repository; `why` is the rest of the sentence that begins with its id."""

    def __init__(self, ask: Ask, fault: Fault) -> None:
        super().__init__(f"{ask.about} {fault.why}; {fault.advice}")
        self.why = fault.why


def damaged_on_hub(ask: Ask, path: str, choice: Choice, error: Exception) -> InputError:
    """Return the error for weights that are damaged on the hub itself."""
    can_do_without = can_exclude(ask, (*choice.kept, *choice.unneeded), [path])
    ways = "`exclude` it in models.toml, or choose" if can_do_without else "choose"
    return InputError(f"{ask.about}: {path} is damaged on the hub: {error}; {ways} another `revision`")


def make_file(ask: Ask, path: str, size: int, *, sha256: str | None = None, blob: str | None = None) -> File:
    """Return the lock's entry for a file.

    Raises:
        InputError: Its name is not valid in a lock.
    """
    try:
        return File(path=path, size=size, sha256=sha256, blob=blob)
    except ValidationError as error:
        raise InputError(
            f"{ask.about} has a file {path[:200]!r} whose name is not valid in a lock; `exclude` it in models.toml"
        ) from error


def config_text(ask: Ask, data: bytes) -> str:
    """Return the text of a config.json or adapter_config.json.

    Raises:
        InputError: It is not text.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{ask.about} has a {config_name(ask.want.form)} that is not UTF-8, so no engine reads it"
        ) from error


def files_to_read(ask: Ask, files: Iterable[File]) -> Iterator[File]:
    """Yield the small files that describe a repository: its config, and those with code, modules or facts."""
    own = config_name(ask.want.form)
    for file in files:
        is_config = file.path == own or (ask.want.trusted and may_name_code(file.path))
        is_asked = is_config or tells_facts(ask.want, file.path) or (file.path == MODULES and _is_model(ask.want))
        if is_asked and file.size <= _MOST_OF_CONFIG:
            yield file


def _is_model(want: Want) -> bool:
    """Return whether an engine loads a model from a repository, and not only some of its files."""
    return want.form == "checkpoint" or bool(want.loaders)


def _config(ask: Ask, texts: Mapping[str, bytes]) -> str | None:
    """Return the config for the lock; None if there is none, or only a large one."""
    data = texts.get(config_name(ask.want.form))
    if data is None:
        return None
    text = config_text(ask, data)
    text = reduced(text) if len(data) > MAX_CONFIG_BYTES else text
    return text if len(text.encode(errors="replace")) <= MAX_CONFIG_BYTES else None


def _code(want: Want, texts: Mapping[str, bytes]) -> list[str] | None:
    """Return the other repositories of code that the configs name; None if code may not run."""
    if not want.trusted:
        return None
    configs = (data for path, data in texts.items() if may_name_code(path))
    named = {repo for data in configs for repo in code_repos(_json(data))}
    return sorted(named - {want.repo})


def _without_modules(paths: Collection[str], texts: Mapping[str, bytes]) -> Fault | None:
    if MODULES not in texts:
        return None
    missing = missing_modules(_json(texts[MODULES]), paths)
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return Fault(f"has no {' or '.join(missing[:3])}{more}, which its {MODULES} names") if missing else None


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _chosen(want: Want, choice: Choice) -> str:
    """Return the format of the weights that the engines read, if others were left out."""
    if not any(is_weights(path) and "/" not in path for path in choice.unneeded):
        return ""
    read = [(loader.name, read_by(loader, choice.kept)) for loader in want.loaders]
    return "; ".join(f"{name} reads {paths[0]}{' and others' if paths[1:] else ''}" for name, paths in read if paths)


def license_of(card: Mapping[str, Any]) -> str | None:
    """Return the license that a model card names; a custom license has a custom name."""
    named = card.get("license")
    if named == "other" and isinstance(card.get("license_name"), str):
        named = card["license_name"]
    if isinstance(named, list):
        named = ", ".join(item for item in named if isinstance(item, str))
    return named[:_LONGEST_LICENSE] if isinstance(named, str) and named.isprintable() and named else None
