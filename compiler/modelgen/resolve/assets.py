"""List what a model needs from the hub, and from elsewhere, at run time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.weights.loaders import FORMAT, args_of_draft
from modelgen.engines.weights.model_config import counts
from modelgen.lockfile.quants import all_shards
from modelgen.lockfile.repos import is_repo_id
from modelgen.lockfile.wants import Want, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modelgen.engines.engine import Engine
    from modelgen.loader import Loader
    from modelgen.lockfile.entries import Lock, Snapshot
    from modelgen.lockfile.wants import Form
    from modelgen.resolve.runs import ModelRun

# A tokenizer or code repository may be a complete model; its weights are not needed.
_WEIGHTS = ("*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors")

_FORMS: Mapping[str, Form] = {"draft": "checkpoint", "lora": "adapter"}
# Roles of repositories whose configs engines follow to code elsewhere.
_FOLLOWED = ("model", "draft", "tokenizer")
# Formats in which a model may do without a config.json, or without weights.
_WITHOUT_CONFIG = ("dummy", "gguf")


class Outside(NamedTuple):
    """A file that is on no hub: its name, address and hash, and the variable that names its folder."""

    name: str
    url: str
    sha256: str
    variable: str


# Without it gpt-oss's answers lose their tool calls silently: vllm#22525, harmony#101, dynamo#15155. Address and hash
# are tiktoken's own (tiktoken_ext/openai_public.py).
_HARMONY = Outside(
    "o200k_base.tiktoken",
    "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "TIKTOKEN_ENCODINGS_BASE",
)


def wants(runs: Mapping[str, ModelRun], lock: Lock | None, models: Iterable[str] | None = None) -> list[Want]:
    """Return every repository that the models need, each once.

    Repositories that configs name (code of another repository, the model of a speculator) are known only if `lock` has
    the configs, so `modelgen lock` repeats this with a growing lock until it returns nothing new.

    Args:
        runs: All models, by id.
        lock: The lock, as far as there is one.
        models: Ids of the models to look at; None for all.
    """
    return merge(want for name in (runs if models is None else models) for want in wants_of(runs[name], lock))


def opening_by_name(runs: Mapping[str, ModelRun]) -> frozenset[str]:
    """Return the models that may open their repository by name; most engines get its commit or a path."""
    return frozenset(
        name
        for name, run in runs.items()
        if run.engine is not None and not run.engine.needs_repo and run.model.repo is not None
    )


def wants_of(run: ModelRun, lock: Lock | None) -> list[Want]:
    """Return the repositories that one model needs, its own first."""
    model, engine, args = run.model, run.engine, run.args
    found = []
    if (own := own_want(run)) is not None:
        loader = _loader(run, args)
        form = "checkpoint" if _is_checkpoint(engine, args, loader) else own.form
        own = replace(own, form=form, loaders=(loader,) if loader else ())
        found += [own, *_verified(engine, own, lock)]
    if engine is not None and engine.repos is not None:
        found += [
            _drafting(run, want) if want.role == "draft" else want
            for want in (_other(run.name, *named) for named in engine.repos(args) if is_repo_id(named[1]))
            if want.repo != model.repo
        ]
    if (draft := draft_want(run)) is not None:
        found.append(draft)
    found += [_other(run.name, "lora", repo) for repo in (model.loras or {}).values() if is_repo_id(repo)]
    if model.trust_remote_code:
        found = [replace(want, trusted=want.role in _FOLLOWED) for want in found]
        found += [code for want in found if want.trusted for code in _code(run, want, lock)]
    return found


def _loader(run: ModelRun, args: Mapping[str, Any]) -> Loader | None:
    engine = run.engine
    return engine.loader(run.version, args, run.reference) if engine and engine.loader else None


def _drafting(run: ModelRun, want: Want) -> Want:
    loader = _loader(run, args_of_draft(run.args))
    return replace(want, loaders=(loader,) if loader else ())


def _is_checkpoint(engine: Engine | None, args: Mapping[str, Any], loader: Loader | None) -> bool:
    is_plain = FORMAT not in args or (loader is not None and args[FORMAT] not in _WITHOUT_CONFIG)
    return engine is not None and engine.from_config and is_plain and counts(engine, args)


def _verified(engine: Engine | None, own: Want, lock: Lock | None) -> Iterator[Want]:
    """Yield the `verifier` of a speculator, which vLLM serves in its place (maybe_override_with_speculators)."""
    if engine is None or not engine.follows_speculators:
        return
    speculators = config_of(own, lock).get("speculators_config")
    verifier = speculators.get("verifier") if isinstance(speculators, dict) else None
    repo = verifier.get("name_or_path") if isinstance(verifier, dict) else None
    if isinstance(repo, str) and is_repo_id(repo) and repo != own.repo:
        yield Want(repo, models=own.models, role="draft", form="checkpoint", loaders=own.loaders)


def _other(name: str, role: str, repo: str, revision: str | None = None) -> Want:
    exclude = _WEIGHTS if role == "tokenizer" else ()
    return Want(repo, revision, exclude=exclude, models=(name,), role=role, form=_FORMS.get(role, "files"))


def own_want(run: ModelRun) -> Want | None:
    """Return the want for a model's own repository; None without one that the hub could have."""
    model = run.model
    if model.repo is None or not is_repo_id(model.repo):
        return None
    # `[defaults]` may have a vision part, which models of other engines do not take.
    takes_files = run.engine is not None and "file" in run.engine.keys
    projector = model.mmproj if takes_files else None
    files = (model.file, projector if isinstance(projector, str) else None) if takes_files else ()
    include = [all_shards(file) for file in files if file]
    include += [pattern for pattern in model.include or () if pattern not in include]
    return Want(
        model.repo,
        model.revision,
        tuple(include),
        tuple(model.exclude or ()),
        quant=model.quant if takes_files else None,
        mmproj=projector is True,
        models=(run.name,),
    )


def draft_want(run: ModelRun) -> Want | None:
    """Return the want for the draft model in `draft`; None without one that the hub could have."""
    draft = run.model.draft
    if draft is None or not is_repo_id(draft.repo) or run.engine is None or "draft" not in run.engine.keys:
        return None
    include = (all_shards(draft.file),) if draft.file else ()
    return Want(draft.repo, draft.revision, include, quant=draft.quant, models=(run.name,), role="draft")


def config_of(want: Want, lock: Lock | None) -> dict[str, Any]:
    """Return a repository's config.json as far as the lock has it, else an empty table."""
    return config_in(lock.find(want) if lock else None)


def config_in(entry: Snapshot | None) -> dict[str, Any]:
    """Return the config.json in an entry of the lock, else an empty table."""
    if entry is None or entry.config is None:
        return {}
    try:
        config = json.loads(entry.config)
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _code(run: ModelRun, want: Want, lock: Lock | None) -> Iterator[Want]:
    """Yield the repositories that a repository's configs take code from; of an older lock, its config.json alone."""
    from modelgen.lockfile.code import code_repos

    entry = lock.find(want) if lock else None
    known = entry.code if entry is not None and entry.code is not None else code_repos(config_of(want, lock))
    revision = (run.model.args or {}).get("code-revision")
    for repo in known:
        if repo != want.repo:
            yield Want(
                repo,
                revision if isinstance(revision, str) else None,
                exclude=_WEIGHTS,
                models=(run.name,),
                role="code",
            )


def ranks(run: ModelRun, lock: Lock | None) -> dict[str, int]:
    """Return the rank of each adapter whose adapter_config.json is in the lock, by the adapter's name."""
    found = {}
    for name, config in adapters(run, lock).items():
        pattern = config.get("rank_pattern")
        written = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
        if numbers := [rank for rank in written if isinstance(rank, int) and not isinstance(rank, bool) and rank > 0]:
            found[name] = max(numbers)
    return found


def adapters(run: ModelRun, lock: Lock | None) -> dict[str, dict[str, Any]]:
    """Return the adapter_config.json of each adapter as far as the lock has it.

    By the adapter's name, or by its repository if a flag names it.
    """
    named = dict(run.model.loras or {})
    if run.engine is not None and run.engine.lora_paths and run.engine.repos is not None:
        named |= {repo: repo for role, repo, _ in run.engine.repos(run.args) if role == "lora"}
    wants = {name: Want(repo, role="lora") for name, repo in named.items() if is_repo_id(repo)}
    return {name: config for name, want in wants.items() if (config := config_of(want, lock))}


def outside(
    runs: Mapping[str, ModelRun], lock: Lock | None, models: Iterable[str] | None = None
) -> dict[Outside, tuple[str, ...]]:
    """Return the files that are on no hub, each with the models that need it; `models` as in `wants`."""
    found: dict[Outside, tuple[str, ...]] = {}
    for name in runs if models is None else models:
        for file in outside_of(runs[name], lock):
            found[file] = (*found.get(file, ()), name)
    return found


def outside_of(run: ModelRun, lock: Lock | None) -> tuple[Outside, ...]:
    """Return the files that one model needs and that are on no hub."""
    own = own_want(run)
    if own is None or run.engine is None or run.engine.catalogue is None:
        return ()
    return (_HARMONY,) if config_of(own, lock).get("model_type") == "gpt_oss" else ()
