"""Render a Lock as bytes: sorted and stable, for reviews."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.lockfile.entries import FORMAT, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.lockfile.entries import Asset, File, GgufFacts, Image, Lock, Snapshot, SnapshotFacts

_HEADER = """\
# Written by `modelgen lock` from models.toml; used by `modelgen fetch` and `modelgen verify`. Commit this file.
# `modelgen lock --upgrade` updates the commits.
"""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r'[\x00-\x09\x0b-\x1f\x7f\\]|"(?="")|"$')


def render_lock(lock: Lock) -> bytes:
    """Return the text of a models.lock; the same lock gives the same bytes, whatever its order."""
    snapshots = sorted(
        lock.snapshots, key=lambda entry: (entry.repo, entry.revision or "", entry.include, entry.exclude)
    )
    tables = [
        *map(_snapshot, snapshots),
        *map(_asset, sorted(lock.assets, key=lambda entry: (entry.name, entry.sha256))),
        *map(_image, sorted(lock.images, key=lambda entry: entry.reference)),
    ]
    return "\n".join([f"{_HEADER}format = {FORMAT}\n", *tables]).encode()


def _snapshot(entry: Snapshot) -> str:
    files = sorted(entry.files, key=lambda file: file.path)
    lines = ["[[snapshots]]", f"repo = {text_of(entry.repo)}"]
    if entry.revision is not None:
        lines.append(f"revision = {text_of(entry.revision)}")
    lines.append(f"commit = {text_of(entry.commit)}")
    lines += [f"{key} = {_list(patterns)}" for key in ("include", "exclude") if (patterns := getattr(entry, key))]
    if entry.quant is not None:
        lines.append(f"quant = {text_of(entry.quant)}")
    if entry.mmproj:
        lines.append("mmproj = true")
    lines.append(f"models = {_list(sorted(entry.models))}")
    if entry.license is not None:
        lines.append(f"license = {text_of(entry.license)}")
    if entry.gated:
        lines.append("gated = true")
    if entry.left_out:
        lines.append(f"left_out = {_list(sorted(entry.left_out))}")
    if entry.weights:
        lines.append(f"weights = {_table(dict(sorted(entry.weights.items())))}")
    if entry.code is not None:
        lines.append(f"code = {_list(sorted(entry.code))}")
    if entry.facts is not None:
        lines.append(f"facts = {_facts(entry.facts)}")
    if entry.gguf is not None:
        headers = sorted(entry.gguf, key=lambda facts: facts.path)
        lines += ["gguf = [", *(f"  {_facts(facts)}," for facts in headers), "]"] if headers else ["gguf = []"]
    lines.append(f"digest = {text_of(digest_of(entry))}")
    lines += [
        f"files = [ # {len(files)} file{'s' if len(files) > 1 else ''}, {entry.size:,} bytes",
        *map(_file, files),
        "]",
    ]
    if entry.config is not None:
        lines.append(f"config = {_longtext_of(entry.config)}")
    return "\n".join(lines) + "\n"


def _facts(facts: SnapshotFacts | GgufFacts) -> str:
    written = facts.model_dump(exclude_defaults=True)
    pairs = [f"{key} = {_value(written[key])}" for key in type(facts).model_fields if written.get(key) is not None]
    return f"{{ {', '.join(pairs)} }}" if pairs else "{}"


def _value(value: Any) -> str:  # noqa: ANN401 - whatever facts have
    if isinstance(value, dict):
        return _table(dict(sorted(value.items())))
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return text_of(value) if isinstance(value, str) else str(value).lower()


def _file(file: File) -> str:
    kind = "sha256" if file.sha256 else "blob"
    return f"  {{ path = {text_of(file.path)}, size = {file.size}, {kind} = {text_of(file.etag)} }},"


def _asset(entry: Asset) -> str:
    size = "" if entry.size is None else f"size = {entry.size}\n"
    return (
        f"[[assets]]\nname = {text_of(entry.name)}\nurl = {text_of(entry.url)}\nsha256 = {text_of(entry.sha256)}\n"
        f"{size}models = {_list(sorted(entry.models))}\n"
    )


def _image(entry: Image) -> str:
    lines = ["[[images]]", f"reference = {text_of(entry.reference)}"]
    keys = ("config_digest", "manifest_digest")
    digests = [f"{key} = {text_of(digest)}" for key in keys if (digest := getattr(entry, key))]
    lines += digests or ["# The digest of this image is not known."]
    return "\n".join(lines) + "\n"


def text_of(value: str) -> str:
    """Return a TOML string: JSON's, except for DEL and for lone surrogates, which UTF-8 cannot encode."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(text_of, values))}]"


def _table(values: Mapping[str, Any]) -> str:
    pairs = (f"{key if _BARE_KEY.fullmatch(key) else text_of(key)} = {_value(value)}" for key, value in values.items())
    return f"{{ {', '.join(pairs)} }}"


def _longtext_of(value: str) -> str:
    """Return a multi-line string, so that a config.json stays readable in a review."""
    return f'"""\n{_ESCAPED.sub(lambda found: text_of(found[0])[1:-1], value)}"""'
