"""Draw a models.lock that has all that a file needs."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from toml_plain import dump

from modelgen.load import load
from modelgen.lockfile.entries import Asset, File, Lock, Snapshot
from modelgen.lockfile.repos import is_commit
from modelgen.lockfile.writing import render_lock
from modelgen.resolve import run_models
from modelgen.resolve.assets import outside, wants

if TYPE_CHECKING:
    from toml_writer import Table

    from modelgen.lockfile.wants import Want

_TEXT = {"architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960, "num_attention_heads": 12}
_CONFIGS = (
    *(None, "", "[1]", "{}", "not JSON", "[" * 5000, '{"auto_map": 1, "text_config": 2, "rope_scaling": 3}'),
    *map(json.dumps, [_TEXT, {"text_config": _TEXT, "architectures": [1]}, _TEXT | {"model_type": "gpt_oss"}]),
    *map(json.dumps, [{"auto_map": {"AutoModel": ["org/code--m.M", None, "own.M"], "AutoConfig": "org/code--c.C"}}]),
)


def locks(draw: st.DrawFn, file: Table) -> bytes:
    """Draw what `modelgen lock` could have written for a file: asked again until nothing new is needed."""
    document, _, _ = load(dump(file).encode())
    assert document is not None
    runs, lock = run_models(document), Lock()
    while missing := [want for want in wants(runs, lock) if lock.find(want) is None]:
        lock = Lock(snapshots=[*lock.snapshots, *(_snapshot(draw, want) for want in missing)])
    files = [Asset(name=found.name, url=found.url, sha256=found.sha256, size=1) for found in outside(runs, lock)]
    return render_lock(Lock(snapshots=lock.snapshots, assets=files))


def _snapshot(draw: st.DrawFn, want: Want) -> Snapshot:
    commit = want.revision if is_commit(want.revision or "") else sha256(repr(want).encode()).hexdigest()[:40]
    paths = ["config.json"]
    for pattern in want.include:
        stem, is_split, end = pattern.partition("-*-of-")
        paths += [f"{stem}-0000{part}-of-{end}" for part in (1, 2)] if is_split else [pattern]
    return Snapshot(
        repo=want.repo,
        revision=want.revision,
        commit=str(commit),
        include=[*want.include],
        exclude=[*want.exclude],
        files=[File(path=path, size=draw(st.integers(0, 10**12)), blob="0" * 40) for path in paths],
        config=draw(st.sampled_from(_CONFIGS)),
    )
