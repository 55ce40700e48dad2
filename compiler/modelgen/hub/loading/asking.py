"""Build the request to the program `inside`, which runs the look-ups of an engine or of transformers."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from modelgen.hub.loading.configs import CONFIG, PROCESSORS
from modelgen.hub.loading.snapshot import Files
from modelgen.lockfile.repos import snapshot_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.loading.plan import Plan
    from modelgen.lockfile.entries import Snapshot

HOST = "transformers"
_HOST_MODES = ("auto", "hf", "slow")
_NO_WEIGHTS = ("dummy",)


def program() -> str:
    """Return the text of the look-up program."""
    return resources.files("modelgen.hub.loading").joinpath("inside.py").read_text(encoding="utf-8")


def is_for_host(plan: Plan) -> bool:
    """Return whether the host's transformers may do the look-ups: never if they need code of a repository."""
    return plan.opens.look_ups and not plan.trust_remote_code


def request(engine: str, plans: Iterable[Plan], hub: Path, mount: str, seconds: int) -> bytes:
    """Return the stdin of the program.

    Args:
        engine: The engine of the look-ups, or `HOST`.
        plans: The plans of the models.
        hub: The hub directory.
        mount: The path at which the program sees it.
        seconds: The time limit of the program.
    """
    asked = {plan.model: _asked(plan, hub, mount) for plan in plans}
    if engine == HOST:
        asked = {name: _for_host(model) for name, model in asked.items()}
    return json.dumps({"engine": engine, "seconds": seconds, "models": asked}).encode()


def _asked(plan: Plan, hub: Path, mount: str) -> dict[str, Any]:
    def path(entry: Snapshot) -> str:
        return f"{mount}/{snapshot_folder(entry.repo, entry.commit)}"

    own = path(plan.own) if plan.by_path else plan.own.repo
    revision = None if plan.by_path else plan.own.commit
    is_own = plan.tokenizer is plan.own
    by_path = plan.by_path or (not is_own and plan.opens.others_by_path)
    tokenizer = plan.tokenizer if plan.reads_tokenizer else None
    described = plan.config or plan.own
    ignored = plan.args.get("ignore-patterns")
    return {
        "model": own,
        "revision": revision,
        "config": own if described is plan.own else path(described),
        "config_revision": revision,
        "config_format": plan.text("config-format"),
        "has_config": CONFIG in Files(hub, described.repo, described.commit),
        "tokenizer": None if tokenizer is None else path(tokenizer) if by_path else tokenizer.repo,
        "tokenizer_revision": None if tokenizer is None or by_path else tokenizer.commit,
        "tokenizer_mode": plan.text("tokenizer-mode"),
        "trust_remote_code": plan.trust_remote_code,
        "code_revision": plan.code_revision,
        "is_pooling": plan.is_pooling,
        "processor": Files(hub, plan.own.repo, plan.own.commit).first(*PROCESSORS) is not None,
        "load_format": plan.text("load-format"),
        "ignore_patterns": ignored if isinstance(ignored, list) else None,
        "reads_weights": plan.text("load-format") not in _NO_WEIGHTS,
    }


def _for_host(asked: dict[str, Any]) -> dict[str, Any]:
    """Leave out what transformers does not read: Mistral's own formats, and a tokenizer without a config.json."""
    if asked["config_format"] == "mistral" or not asked["has_config"]:
        asked["config"] = None
    if not asked["has_config"] or asked["tokenizer_mode"] not in _HOST_MODES:
        asked["tokenizer"] = None
    return asked
