"""Write what people read in a bundle: README.txt for the other host, CONTENTS.md for a review, SHA256SUMS."""

from __future__ import annotations

import ntpath
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import modelgen_importer
from modelgen.bundle.manifest import IMAGES, MODELS, TOOL, blob_names
from modelgen.bundle.signing import NAMESPACE
from modelgen.host_paths import leads_out
from modelgen.resolve.inventory import items_of
from modelgen.sizes import of_files
from modelgen.targets.templates import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.bundle.manifest import Bundle
    from modelgen.ir import Fleet
    from modelgen.lockfile.inventory import Item
    from modelgen.resolve import Resolved

README, CONTENTS, SUMS = "README.txt", "CONTENTS.md", "SHA256SUMS"
IMPORTER = "importer"
_TITLE = "How to load this bundle"
_PICKLES = ".bin, .ckpt, .pt, .pth, .pkl and others"
_LACKING = {
    IMAGES: "Images: the other host needs them already, or loads them in another way (`docker load`).",
    MODELS: "Weights: the hub directory of the other host needs them already.",
    TOOL: "modelgen: the other host needs it installed.",
}


@dataclass(frozen=True)
class Papers:
    """Everything that the papers are made of.

    Args:
        bundle: The bundle.
        volumes: The number of volumes; 0 without `--split`.
        fleet: The deployment.
        resolved: models.toml and its lock.
        built: The paths of the build.
        notes: Sentences about what is not carried.
        is_signed: Whether SHA256SUMS is signed.
    """

    bundle: Bundle
    volumes: int
    fleet: Fleet
    resolved: Resolved
    built: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    is_signed: bool = False


def write_papers(papers: Papers) -> dict[str, bytes]:
    """Return the files for people and the importer, by path in the folder or in each volume."""
    importer = Path(modelgen_importer.__file__).parent
    return {
        README: _render(README, _plain, _readme_values(papers)),
        CONTENTS: _render(CONTENTS, _cell, _contents_values(papers)),
        **{f"{IMPORTER}/{path.name}": path.read_bytes() for path in sorted(importer.glob("*.py"))},
    }


def sums(bundle: Bundle, papers: Mapping[str, str], volume: int | None) -> bytes:
    """Return SHA256SUMS of a folder or volume.

    Args:
        bundle: The bundle.
        papers: Hashes of all other files, by path.
        volume: The volume; None without `--split`.
    """
    start = "" if volume is None else f"vol{volume}/"
    contents = {path: sha256 for path, sha256, _ in blob_names(bundle.blobs) if path.startswith(start)}
    found = {path.removeprefix(start): sha256 for path, sha256 in contents.items()} | dict(papers)
    return "".join(f"{found[path]}  {path}\n" for path in sorted(found)).encode()


def _render(name: str, finalize: Callable[[object], str], values: Mapping[str, object]) -> bytes:
    made = environment(finalize).overlay(trim_blocks=True, lstrip_blocks=True)
    text = made.get_template(f"bundle/{name}.j2").render(values)
    return (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode()


def _plain(value: object) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in str(value))


def _cell(value: object) -> str:
    """Return a text that stays in its cell of a Markdown table."""
    return re.sub(r"([|<\[*])", r"\\\1", _plain(value).replace("\n", " "))


def _sizes(bundle: Bundle) -> dict[str, str]:
    return {
        "hub": of_files(bundle.requires.bytes_hub),
        "images": of_files(bundle.requires.bytes_images),
        "files": of_files(bundle.requires.bytes_files),
        "expected": of_files(sum(bundle.expected.values())),
    }


def _readme_values(papers: Papers) -> dict[str, object]:
    bundle = papers.bundle
    hub = bundle.hub.path.replace("\\", "/")
    has_tool = TOOL not in bundle.without
    target = f"/srv/{bundle.project}"
    return {
        "title": _TITLE,
        "is_signed": papers.is_signed,
        "namespace": NAMESPACE,
        "bundle": bundle,
        "what": _join([*(["models"] if bundle.hub.snapshots else []), *(["images"] if bundle.images else []), "files"]),
        "volumes": papers.volumes,
        "here": "this folder" if papers.volumes < 2 else "the folder of a volume",
        "images": bool(bundle.images),
        "target": target,
        "windows_target": ntpath.join("C:\\", bundle.project),
        "hub_option": f" --hub {shlex.quote(hub)}" if leads_out(hub) else "",
        "up": "./modelgen up --offline" if has_tool else "modelgen up --offline",
        "windows_up": ".\\modelgen.ps1 up --offline" if has_tool else "modelgen up --offline",
        "others": "".join(f" ../vol{number}" for number in range(2, papers.volumes + 1)),
        "sizes": _sizes(bundle),
        "to_make": [*_to_make(papers.fleet)],
        "lacking": [*_lacking(papers)],
    }


def _to_make(fleet: Fleet) -> Iterable[str]:
    if fleet.orchestrator.keys_file is not None:
        yield (
            f"{fleet.orchestrator.keys_file}, the hashes of the API keys: a bundle never holds keys. `modelgen key` "
            "makes a key and prints its line for this file."
        )


def _lacking(papers: Papers) -> Iterable[str]:
    yield from (_LACKING[name] for name in papers.bundle.without)
    if papers.bundle.expected:
        size = of_files(sum(papers.bundle.expected.values()))
        yield f"Contents that the other host has already (`--have`): {size}. `load` checks them."
    yield from papers.notes


def _contents_values(papers: Papers) -> dict[str, object]:
    bundle = papers.bundle
    items = _items(papers)
    return {
        "bundle": bundle,
        "items": items,
        "is_signed": papers.is_signed,
        "namespace": NAMESPACE,
        "count": len(papers.resolved.runs),
        "gated": sum(item.entry.gated for item in items),
        "with_python": sum(bool(item.python) for item in items),
        "with_pickles": sum(bool(item.pickles) for item in items),
        "trusting": _join(sorted({model for item in items for model in item.trusting})) or "none",
        "pickles": _PICKLES,
        "proven": bundle.proven,
        "sizes": _sizes(bundle),
        "of_files": of_files,
        "own": [file for file in bundle.files if file.path not in papers.built],
        "built": [file for file in bundle.files if file.path in papers.built],
    }


def _items(papers: Papers) -> list[Item]:
    runs, lock = papers.resolved.runs, papers.resolved.lock
    return [] if lock is None or MODELS in papers.bundle.without else items_of(runs, lock, [*runs])


def _join(words: Iterable[str]) -> str:
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last
