"""Read bundle.json strictly: each value has the type of its field, and none contradicts another."""

from __future__ import annotations

import json
import posixpath
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from modelgen_importer.manifest import Bundle, RefusedError, is_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen_importer.manifest import File, Member

MOST_BYTES = 64 * 2**20
"""Maximum size of bundle.json and SHA256SUMS."""
_MOST_VOLUMES = 10_000
# Also with an extension; ¹, ² and ³ count as digits (learn.microsoft.com, "Naming Files").
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?|.*[. ]|.*:.*", re.IGNORECASE)


def read_bundle(data: bytes) -> Bundle:
    """Return the checked contents of a bundle.json.

    Raises:
        RefusedError: It is damaged, hostile, or of a newer format.
    """
    try:
        found = json.loads(
            data.decode(), object_pairs_hook=_table, parse_int=_whole, parse_float=_whole, parse_constant=_whole
        )
        number = found.get("format") if isinstance(found, dict) else None
        if type(number) is int and number > 1:
            raise RefusedError(f"bundle.json has the format {number}, newer than 1; use the importer of its bundle")
        bundle: Bundle = _build(Bundle, found, "")
        fault = next(_faults(bundle), None)
    except RecursionError:
        raise RefusedError("bundle.json is damaged: it is nested too deeply; copy the bundle again") from None
    except ValueError as error:
        raise RefusedError(f"bundle.json is damaged: {str(error)[:300]}; copy the bundle again") from None
    if fault is not None:
        raise RefusedError(f"bundle.json contradicts itself: {fault[:300]}; make the bundle again")
    return bundle


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is there twice")
    return table


def _whole(text: str) -> int:
    if len(text) > 20 or not text.isdigit():
        raise ValueError(f"{text[:20]} is no number of bytes")
    return int(text)


def _build(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - types, and JSON
    """Return a value as the type of its field, or raise a ValueError."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is list and isinstance(value, list):
        return [_build(args[0], item, f"{where}[{number}]") for number, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {_build(args[0], key, where): _build(args[1], item, f"{where}.{key}") for key, item in value.items()}
    # Python 3.9 takes list[str] for a type.
    if origin is None and isinstance(kind, type) and issubclass(kind, tuple) and isinstance(value, dict):
        hints, needed = _fields(kind)
        for key in (*value, *needed):
            if key not in hints or key not in value:
                raise ValueError(f"{where or 'it'} has {'no' if key in needed else 'an unknown'} key {key[:80]!r}")
        return kind(**{key: _build(hints[key], item, f"{where}.{key}".lstrip(".")) for key, item in value.items()})
    if not _fits(kind, origin, args, value):
        raise ValueError(f"{where} has the value {repr(value)[:80]}")
    return value


def _fits(kind: Any, origin: Any, args: tuple[Any, ...], value: Any) -> bool:  # noqa: ANN401 - the same
    if origin is Annotated:
        inner, rule = args
        if not isinstance(value, str):
            return value is None and inner is not str
        return bool(rule(value) if callable(rule) else re.fullmatch(rule, value))
    if kind is int:
        return type(value) is int and 0 <= value < 2**60
    if kind is bool:
        return type(value) is bool
    return kind is Any and (value is True or isinstance(value, str))  # `proven`


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:  # noqa: ANN401 - a NamedTuple
    """Return the types of the fields, and the names of those that are needed."""
    return get_type_hints(kind, include_extras=True), frozenset(kind._fields) - {*kind._field_defaults}


def _faults(bundle: Bundle) -> Iterator[str]:
    """Yield what is contradictory."""
    snapshots = [f"{one.repo}@{one.commit}" for one in bundle.hub.snapshots]
    groups = {"files": bundle.files, "assets": bundle.hub.assets}
    groups.update((f"{one.repo}@{one.commit}", one.files) for one in bundle.hub.snapshots)
    lists = {where: [file.path for file in files] for where, files in groups.items()}
    for image in bundle.images:
        lists[image.reference] = [member.name for member in image.members if member.type != "directory"]
    for one in bundle.hub.snapshots:
        lists.setdefault(f"refs of {one.repo}", []).extend(one.refs)
    for where, paths in lists.items():
        if (path := twin(paths)) is not None:
            yield f"{where} has {path} twice"
    names = [*snapshots, *(image.reference for image in bundle.images)]
    if len(set(names)) != len(names):
        yield "a snapshot or an image is there twice"
    contents: list[File | Member] = [file for files in groups.values() for file in files]
    members = [member for image in bundle.images for member in image.members]
    for item in (*contents, *(member for member in members if member.type == "file")):
        if bundle.size(item.sha256) != item.size:
            yield f"there is no content {item.sha256!r} of {item.size} bytes"
    named: dict[tuple[str, str], str] = {}
    for one in bundle.hub.snapshots:
        if bundle.size(one.tree) < 0:
            yield f"there is no content {one.tree!r}, the listing of {one.repo}"
        for file in one.files:
            other = named.setdefault((one.repo, file.name), file.sha256 if len(file.name) == 40 else file.name)
            if other != file.sha256:
                yield f"{file.path} of {one.repo} has the name {file.name!r} of another content"
    hub = bundle.hub.path.removeprefix("./").casefold() + "/"
    for path in (*(file.path.casefold() for file in bundle.files), hub):
        if path.split("/")[0] == ".modelgen":
            yield f"{path} is in .modelgen, the importer's own folder"
        if (path.startswith(hub) and path != hub) or hub.startswith(f"{path}/"):
            yield f"{path} is a file of the project, and in the place of the hub directory"
    if any(posixpath.dirname(file.path) != f".locks/modelgen/assets/{file.sha256}" for file in bundle.hub.assets):
        yield "an asset is in the wrong place"
    volumes = {piece.volume for sha256 in bundle.blobs for piece in bundle.pieces(sha256).values()} or {0}
    if len(volumes) > _MOST_VOLUMES or (volumes != {0} and volumes != {*range(1, len(volumes) + 1)}):
        yield f"its volumes are not numbered from 1 on, up to {_MOST_VOLUMES:,}"
    for sha256, blob in bundle.blobs.items():
        if sum(piece.size for piece in bundle.pieces(sha256).values()) != blob.size:
            yield f"the parts of {sha256} do not add up to its size"
    for member in members:
        start = posixpath.dirname(member.name) if member.type == "symlink" else ""
        if "link" in member.type and not is_path(posixpath.normpath(posixpath.join(start, member.target))):
            yield f"{member.name} is a link that leads out of its archive"


def is_device(path: str) -> bool:
    """Return whether Windows cannot hold a path."""
    return any(_DEVICE.fullmatch(part) for part in path.split("/"))


def twin(paths: Sequence[str], *, folds: bool = False) -> str | None:
    """Return a path that is there twice, or both as a file and as a folder; with `folds`, whatever its case."""
    names = [unicodedata.normalize("NFC", path).casefold() if folds else path for path in paths]
    known = {name: number for number, name in enumerate(names)}
    for number, name in enumerate(names):
        if known[name] != number or any(name[: at.start()] in known for at in re.finditer("/", name)):
            return paths[number]
    return None
