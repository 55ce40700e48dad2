"""Run the look-ups of an engine from modelgen's own table: the files each opens, checked on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.weights.loaders import parts
from modelgen.hub.loading.chat import missing_template
from modelgen.hub.loading.code import missing_code
from modelgen.hub.loading.configs import CONFIG, missing_configs
from modelgen.hub.loading.findings import Defect, Finding, finding
from modelgen.hub.loading.gguf import bad_gguf
from modelgen.hub.loading.modules import missing_modules
from modelgen.hub.loading.snapshot import Files
from modelgen.hub.loading.tokenizer import missing_tokenizer
from modelgen.hub.loading.weights import ANY, missing_adapter, missing_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.loading.plan import Plan
    from modelgen.lockfile.entries import Snapshot


def look_up(hub: Path, plan: Plan) -> list[Finding]:
    """Return the findings on what a model's engine would not find in the hub directory, without duplicates."""
    lacks = _gguf(hub, plan) if plan.opens.gguf else _checkpoint(hub, plan)
    return [*dict.fromkeys(finding(hub, defect, entry, plan.model) for entry, defect in lacks)]


def _checkpoint(hub: Path, plan: Plan) -> Iterator[tuple[Snapshot, Defect]]:
    own = _files(hub, plan.own)
    if not own.exists:
        yield plan.own, _no_snapshot()
        return
    described = plan.config or plan.own
    described_by = _files(hub, described)
    config = described_by.table(CONFIG)
    yield from ((described, defect) for defect in missing_configs(plan, described_by, own, config))
    if plan.reads_tokenizer and plan.tokenizer is not None:
        tokenizer = _files(hub, plan.tokenizer)
        if tokenizer.exists:
            yield from ((plan.tokenizer, defect) for defect in missing_tokenizer(plan, tokenizer, config))
            yield from ((plan.tokenizer, defect) for defect in missing_template(plan, tokenizer, own, config))
        else:
            yield plan.tokenizer, _no_snapshot()
    for entry in _with_code(plan):
        yield from ((entry, defect) for defect in missing_code(hub, plan, entry, _files(hub, entry)))
    yield from ((plan.own, defect) for defect in missing_modules(plan, own, config))
    yield from ((plan.own, defect) for defect in missing_weights(plan.loader or ANY, plan, own))
    yield from _beside(hub, plan)


def _with_code(plan: Plan) -> list[Snapshot]:
    """Return the snapshots whose configs may name code to run."""
    if not plan.trust_remote_code:
        return []
    drafts = [entry for entry, _ in plan.drafts]
    found = [plan.own, *drafts, *(entry for entry in (plan.tokenizer, plan.config) if entry is not None)]
    return [entry for number, entry in enumerate(found) if entry not in found[:number]]


def _beside(hub: Path, plan: Plan) -> Iterator[tuple[Snapshot, Defect]]:
    """Yield the defects of adapters and draft models."""
    for name, entry in plan.loras.items():
        yield from ((entry, defect) for defect in missing_adapter(name, _files(hub, entry)))
    for entry, loader in plan.drafts:
        files = _files(hub, entry)
        if not files.exists:
            yield entry, _no_snapshot()
        elif CONFIG not in files:
            yield entry, Defect("draft", CONFIG)
        else:
            yield from ((entry, defect) for defect in missing_weights(loader or ANY, plan, files, look_up="draft"))


def _gguf(hub: Path, plan: Plan) -> Iterator[tuple[Snapshot, Defect]]:
    own = _files(hub, plan.own)
    if own.exists:
        yield from ((plan.own, defect) for defect in bad_gguf(plan, own))
    else:
        yield plan.own, _no_snapshot()
    for entry, _ in plan.drafts:
        files = _files(hub, entry)
        if not files.exists:
            yield entry, _no_snapshot()
        elif missing := next((path for path in parts(plan.draft_file or "") if path not in files), None):
            yield entry, Defect("draft", missing)


def _files(hub: Path, entry: Snapshot) -> Files:
    return Files(hub, entry.repo, entry.commit)


def _no_snapshot() -> Defect:
    return Defect("snapshot", "", "is not in the hub directory")
