"""Plan which look-ups an engine makes when it starts a model. Pure: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.resolve.assets import own_want, wants_of
from modelgen.resolve.gguf import gguf_files_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.facts import Opens
    from modelgen.loader import Loader
    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.resolve import ModelRun

_TEXT = ("generate", "draft", "auto")
_SKIP_TOKENIZER = "skip-tokenizer-init"


@dataclass(frozen=True)
class Plan:
    """The look-ups of one model's engine.

    Args:
        model: The model's id.
        engine: The name of its engine.
        title: The engine for messages, with its release if known.
        opens: What the engine opens.
        own: The lock's entry of its own repository.
        args: Flags by canonical name.
        tokenizer: The entry of its tokenizer; None if it is on no hub.
        config: The entry of its config.
        drafts: Draft models, each with how the engine finds its weights.
        loras: Adapters by name.
        file: The GGUF file, for llama.cpp.
        mmproj: Its vision part.
        draft_file: The GGUF file of its draft model.
        by_path: Whether the engine gets paths of snapshots, and not repository ids.
        trust_remote_code: Whether code of repositories may run.
        code: The locked repositories with code.
        code_revision: The revision of code in another repository that config.json names; None for `main`.
        loader: How the engine finds the weights; None if unknown.
    """

    model: str
    engine: str
    title: str
    opens: Opens
    own: Snapshot
    args: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Snapshot | None = None
    config: Snapshot | None = None
    drafts: tuple[tuple[Snapshot, Loader | None], ...] = ()
    loras: Mapping[str, Snapshot] = field(default_factory=dict)
    file: str | None = None
    mmproj: str | None = None
    draft_file: str | None = None
    by_path: bool = False
    trust_remote_code: bool = False
    code: tuple[Snapshot, ...] = ()
    code_revision: str | None = None
    loader: Loader | None = None

    def text(self, flag: str, otherwise: str = "auto") -> str:
        """Return the value of a string flag, such as `load-format`."""
        value = self.args.get(flag)
        return value if isinstance(value, str) else otherwise

    @property
    def reads_tokenizer(self) -> bool:
        """Return whether the engine opens a tokenizer of a hub."""
        return self.args.get(_SKIP_TOKENIZER) is not True and self.tokenizer is not None

    @property
    def is_pooling(self) -> bool:
        """Return whether the flags make the model return embeddings, scores or classes, and no text."""
        if self.opens.embeds_only or self.args.get("is-embedding") is True:
            return True
        task, runner = self.text("task"), self.text("runner")
        flags = {"embedding", "embeddings", "rerank", "reranking"}
        return runner == "pooling" or task not in _TEXT or any(self.args.get(flag) is True for flag in flags)


@dataclass(frozen=True)
class Unplanned:
    """A model without look-ups.

    Args:
        model: The model's id.
        why: The reason, without a full stop.
        is_wrong: Whether the user has to fix it.
    """

    model: str
    why: str
    is_wrong: bool = False


def plan(run: ModelRun, lock: Lock) -> Plan | Unplanned:
    """Return the look-ups of one model, or why there are none."""
    name, model, engine, args = run.name, run.model, run.engine, run.args
    if engine is None or engine.opens is None:
        return Unplanned(name, f"modelgen does not know which files a program of the engine `{run.engine_name}` opens")
    if own_want(run) is None:
        return Unplanned(name, "it has no repository of the hub")
    found = [(want, lock.find(want)) for want in wants_of(run, lock)]
    own_wanted, own = found[0]
    if own is None:
        why = f"{own_wanted.repo} is not locked; run `modelgen lock`, then `modelgen fetch`"
        return Unplanned(name, why, is_wrong=True)
    by_role = {(want.role, want.repo): entry for want, entry in found if entry is not None}
    tokenizer = args.get(engine.opens.tokenizer_flag)
    config, files = args.get("hf-config-path"), gguf_files_of(run, lock)
    version = f" {run.version.text}" if engine.catalogue and run.version else ""
    return Plan(
        model=name,
        engine=engine.name,
        title=f"{engine.title}{version}",
        opens=engine.opens,
        own=own,
        args=args,
        tokenizer=_named(tokenizer, by_role, own),
        config=_named(config, by_role, own),
        drafts=tuple(
            (entry, next(iter(want.loaders), None))
            for want, entry in found
            if entry is not None and want.role == "draft"
        ),
        loras={lora: entry for lora, repo in (model.loras or {}).items() if (entry := by_role.get(("lora", repo)))},
        file=files.model if engine.opens.gguf else None,
        mmproj=files.mmproj if engine.opens.gguf else None,
        draft_file=files.draft if engine.opens.gguf else None,
        by_path=engine.from_snapshot or model.model_arg == "path",
        trust_remote_code=bool(model.trust_remote_code),
        code=tuple(entry for (role, _), entry in by_role.items() if role == "code"),
        code_revision=_code_revision(args, by_role) if engine.opens.code_revision else None,
        loader=next(iter(own_wanted.loaders), None),
    )


def _named(written: object, by_role: Mapping[tuple[str, str], Snapshot], own: Snapshot) -> Snapshot | None:
    """Return the entry that a flag names: the model's own without the flag, None for a path in the image."""
    if written is None or written == own.repo:
        return own
    return by_role.get(("tokenizer", str(written)))


def _code_revision(args: Mapping[str, Any], by_role: Mapping[tuple[str, str], Snapshot]) -> str | None:
    """Return the value of vLLM's --code-revision: see its `pin`."""
    locked = next((entry.commit for (role, _), entry in by_role.items() if role == "code"), None)
    written = args.get("code-revision")
    return locked or (written if isinstance(written, str) else None)
