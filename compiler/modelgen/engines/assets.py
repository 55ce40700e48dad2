"""What a model needs from the hub, and from elsewhere, at run time."""

from __future__ import annotations

import glob
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES, command, llamacpp, vllm
from modelgen.engines.loaders import FORMAT, args_of_draft
from modelgen.engines.model_config import counts
from modelgen.engines.resolve import Resolved, named_args, resolve
from modelgen.lockfile.code import code_repos
from modelgen.lockfile.repos import is_repo_id
from modelgen.lockfile.wants import Want, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modelgen.config import Model
    from modelgen.engines.engine import Engine
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.wants import Form, Loader

# A tokenizer or code repository may be a whole model; its weights are not what is wanted.
_WEIGHTS = ("*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors")

_FORMS: Mapping[str, Form] = {"draft": "checkpoint", "lora": "adapter"}
# Roles of repositories whose configs engines follow to code elsewhere.
_FOLLOWED = ("model", "draft", "tokenizer")
# Formats in which a model may do without a config.json, or without weights.
_WITHOUT_CONFIG = ("dummy", "gguf")


class Outside(NamedTuple):
    """A file that is on no hub: its name, address and hash, the variable that says where its folder is."""

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


def wants(document: Document, lock: Lock | None, models: Iterable[str] | None = None) -> list[Want]:
    """Return every repository that the models need, each once.

    Args:
        document: What models.toml says.
        lock: Its lock, as far as there is one.
        models: Ids of the models that are meant; None for all.

    What configs name in turn (code of another repository, the model that a speculator belongs to) is known only as far
    as `lock` has it: whoever makes a lock asks again until nothing new comes.
    """
    found: list[Want] = []
    for name in document.models if models is None else models:
        found += wants_of(document, name, lock)
    return merge(found)


def opening_by_name(document: Document) -> frozenset[str]:
    """Return the models whose program may open its repository by name: all engines are given its commit or a path."""
    names = (name for name in document.models if resolve(document, name).engine == command.NAME)
    return frozenset(name for name in names if document.models[name].repo is not None)


def wants_of(document: Document, name: str, lock: Lock | None) -> list[Want]:
    """Return the repositories that one model needs, its own first."""
    model, resolved = document.models[name], resolve(document, name)
    engine = ENGINES.get(resolved.engine)
    args = named_args(document, name, resolved)
    found = []
    if (own := own_want(name, model)) is not None:
        loader = _loader(engine, resolved, args)
        form = "checkpoint" if _is_checkpoint(engine, args, loader) else own.form
        own = replace(own, form=form, loaders=(loader,) if loader else ())
        found += [own, *_verified(engine, own, lock)]
    if engine is not None and engine.repos is not None:
        found += [
            _drafting(engine, resolved, args, want) if want.role == "draft" else want
            for want in (_other(name, *named) for named in engine.repos(args) if is_repo_id(named[1]))
            if want.repo != model.repo
        ]
    found += [_other(name, "lora", repo) for repo in (model.loras or {}).values() if is_repo_id(repo)]
    if model.trust_remote_code:
        found = [replace(want, trusted=want.role in _FOLLOWED) for want in found]
        found += [code for want in found if want.trusted for code in _code(name, model, want, lock)]
    return found


def _loader(engine: Engine | None, resolved: Resolved, args: Mapping[str, Any]) -> Loader | None:
    return engine.loader(resolved.version, args, resolved.reference) if engine and engine.loader else None


def _drafting(engine: Engine, resolved: Resolved, args: Mapping[str, Any], want: Want) -> Want:
    loader = _loader(engine, resolved, args_of_draft(args))
    return replace(want, loaders=(loader,) if loader else ())


def _is_checkpoint(engine: Engine | None, args: Mapping[str, Any], loader: Loader | None) -> bool:
    is_plain = FORMAT not in args or (loader is not None and args[FORMAT] not in _WITHOUT_CONFIG)
    return engine is not None and engine.from_config and is_plain and counts(engine, args)


def _verified(engine: Engine | None, own: Want, lock: Lock | None) -> Iterator[Want]:
    """Yield the `verifier` of a speculator, which vLLM serves in its place (maybe_override_with_speculators)."""
    if engine is None or engine.name != vllm.NAME:
        return
    speculators = config_of(own, lock).get("speculators_config")
    verifier = speculators.get("verifier") if isinstance(speculators, dict) else None
    repo = verifier.get("name_or_path") if isinstance(verifier, dict) else None
    if isinstance(repo, str) and is_repo_id(repo) and repo != own.repo:
        yield Want(repo, models=own.models, role="draft", form="checkpoint", loaders=own.loaders)


def _other(name: str, role: str, repo: str, revision: str | None = None) -> Want:
    exclude = _WEIGHTS if role == "tokenizer" else ()
    return Want(repo, revision, exclude=exclude, models=(name,), role=role, form=_FORMS.get(role, "files"))


def own_want(name: str, model: Model) -> Want | None:
    """Return what a model needs of its own repository; None without one that the hub could have."""
    if model.repo is None or not is_repo_id(model.repo):
        return None
    # `[defaults]` may have a vision part, which models of other engines do not take.
    files = (model.file, model.mmproj) if model.engine == llamacpp.NAME else ()
    include = [_all_shards(file) for file in files if file]
    include += [pattern for pattern in model.include or () if pattern not in include]
    return Want(model.repo, model.revision, tuple(include), tuple(model.exclude or ()), (name,))


def _all_shards(file: str) -> str:
    """A split GGUF is named by its first shard, and is all of them."""
    shard = llamacpp.SHARD.search(file)
    return f"{glob.escape(file[: shard.start()])}-*-of-{shard[2]}.gguf" if shard else glob.escape(file)


def config_of(want: Want, lock: Lock | None) -> dict[str, Any]:
    """Return a repository's config.json as far as the lock has it, else an empty table."""
    entry = lock.find(want) if lock else None
    if entry is None or entry.config is None:
        return {}
    try:
        config = json.loads(entry.config)
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _code(name: str, model: Model, want: Want, lock: Lock | None) -> Iterator[Want]:
    """Yield the repositories that a repository's configs take code from; of an older lock, its config.json alone."""
    entry = lock.find(want) if lock else None
    known = entry.code if entry is not None and entry.code is not None else code_repos(config_of(want, lock))
    revision = (model.args or {}).get("code-revision")
    for repo in known:
        if repo != want.repo:
            yield Want(
                repo,
                revision if isinstance(revision, str) else None,
                exclude=_WEIGHTS,
                models=(name,),
                role="code",
            )


def outside(
    document: Document, lock: Lock | None, models: Iterable[str] | None = None
) -> dict[Outside, tuple[str, ...]]:
    """Return the files that are on no hub, each with the models that need it; `models` as in `wants`."""
    found: dict[Outside, tuple[str, ...]] = {}
    for name in document.models if models is None else models:
        for file in outside_of(document, name, lock):
            found[file] = (*found.get(file, ()), name)
    return found


def outside_of(document: Document, name: str, lock: Lock | None) -> tuple[Outside, ...]:
    """Return the files that one model needs and that are on no hub."""
    own = own_want(name, document.models[name])
    engine = ENGINES.get(resolve(document, name).engine)
    if own is None or engine is None or engine.catalogue is None:
        return ()
    return (_HARMONY,) if config_of(own, lock).get("model_type") == "gpt_oss" else ()
