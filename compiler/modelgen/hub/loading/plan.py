"""Plan which look-ups an engine makes when it starts a model. Pure: no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.resolve.assets import own_want, wants_of

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
    """What the engine of one model looks up.

    Args:
        model: Its id.
        engine: Name of its engine.
        title: What to call the engine, with its release where that is known.
        opens: What the engine opens.
        own: The lock's entry of its own repository.
        args: Flags by canonical name.
        tokenizer: Where its tokenizer comes from; None where no hub has it.
        config: Where its config comes from.
        drafts: Draft models, each with how the engine finds its weights.
        loras: Adapters by name.
        file: The GGUF file, of llama.cpp.
        mmproj: Its vision part.
        by_path: Whether the engine is given paths of snapshots, and not repository ids.
        trust_remote_code: Whether code of repositories may run.
        code: The locked repositories that code comes from.
        code_revision: Of code in another repository that config.json names; None for what `main` is there.
        loader: How the engine finds the weights; None where that is not known.
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
    by_path: bool = False
    trust_remote_code: bool = False
    code: tuple[Snapshot, ...] = ()
    code_revision: str | None = None
    loader: Loader | None = None

    def text(self, flag: str, otherwise: str = "auto") -> str:
        """Return the value of a flag that is a word, such as `load-format`."""
        value = self.args.get(flag)
        return value if isinstance(value, str) else otherwise

    @property
    def reads_tokenizer(self) -> bool:
        """Whether the engine opens a tokenizer of a hub at all."""
        return self.args.get(_SKIP_TOKENIZER) is not True and self.tokenizer is not None

    @property
    def is_pooling(self) -> bool:
        """Whether flags say that the model makes embeddings, scores or classes, and no text."""
        if self.opens.embeds_only or self.args.get("is-embedding") is True:
            return True
        task, runner = self.text("task"), self.text("runner")
        flags = {"embedding", "embeddings", "rerank", "reranking"}
        return runner == "pooling" or task not in _TEXT or any(self.args.get(flag) is True for flag in flags)


@dataclass(frozen=True)
class Unplanned:
    """A model of which nothing can be looked up.

    Args:
        model: Its id.
        why: In a sentence without its full stop.
        is_wrong: Whether something has to be done about it.
    """

    model: str
    why: str
    is_wrong: bool = False


def plan(run: ModelRun, lock: Lock) -> Plan | Unplanned:
    """Return the look-ups of one model, or why there are none."""
    name, model, engine, args = run.name, run.model, run.engine, run.args
    if engine is None or engine.opens is None:
        return Unplanned(name, f"modelgen does not know what a program of the engine `{run.engine_name}` opens")
    if own_want(run) is None:
        return Unplanned(name, "it has no repository of the hub")
    found = [(want, lock.find(want)) for want in wants_of(run, lock)]
    own_wanted, own = found[0]
    if own is None:
        why = f"{own_wanted.repo} is not locked; run `modelgen lock`, then `modelgen fetch`"
        return Unplanned(name, why, is_wrong=True)
    by_role = {(want.role, want.repo): entry for want, entry in found if entry is not None}
    tokenizer = args.get(engine.opens.tokenizer_flag)
    config = args.get("hf-config-path")
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
        file=model.file if engine.opens.gguf else None,
        mmproj=model.mmproj if engine.opens.gguf else None,
        by_path=engine.from_snapshot or model.model_arg == "path",
        trust_remote_code=bool(model.trust_remote_code),
        code=tuple(entry for (role, _), entry in by_role.items() if role == "code"),
        code_revision=_code_revision(args, by_role) if engine.opens.code_revision else None,
        loader=next(iter(own_wanted.loaders), None),
    )


def _named(written: object, by_role: Mapping[tuple[str, str], Snapshot], own: Snapshot) -> Snapshot | None:
    """Return what a flag names: the model's own repository without one, and nothing for a path in the image."""
    if written is None or written == own.repo:
        return own
    return by_role.get(("tokenizer", str(written)))


def _code_revision(args: Mapping[str, Any], by_role: Mapping[tuple[str, str], Snapshot]) -> str | None:
    """Return what vLLM is told by --code-revision: see its `pin`."""
    locked = next((entry.commit for (role, _), entry in by_role.items() if role == "code"), None)
    written = args.get("code-revision")
    return locked or (written if isinstance(written, str) else None)
