"""What a model needs from the hub, and from elsewhere, at run time."""

from __future__ import annotations

import glob
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines import ENGINES, command, llamacpp
from modelgen.engines.model_config import counts
from modelgen.engines.resolve import named_args, resolve
from modelgen.lockfile.repos import is_repo_id
from modelgen.lockfile.wants import Want, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from modelgen.config import Model
    from modelgen.engines.engine import Engine
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.wants import Form

# A tokenizer or code repository may be a whole model; its weights are not what is wanted.
_WEIGHTS = ("*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors")

_FORMS: Mapping[str, Form] = {"draft": "checkpoint", "lora": "adapter"}
# With it vLLM and SGLang read weights of other forms, or none.
_FORMAT = "load-format"


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

    What a config.json names in turn (code of another repository) is known only as far as `lock` has it: whoever makes
    a lock asks again until nothing new comes.
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
    found = []
    if (own := own_want(name, model)) is not None:
        args = named_args(document, name, resolved)
        found.append(replace(own, form="checkpoint") if _is_checkpoint(engine, args) else own)
        found += _code(name, model, config_of(own, lock))
    if engine is not None and engine.repos is not None:
        args = named_args(document, name, resolved)
        found += [
            _other(name, role, repo, revision)
            for role, repo, revision in engine.repos(args)
            if is_repo_id(repo) and repo != model.repo
        ]
    found += [_other(name, "lora", repo) for repo in (model.loras or {}).values() if is_repo_id(repo)]
    return found


def _is_checkpoint(engine: Engine | None, args: Mapping[str, Any]) -> bool:
    return engine is not None and engine.from_config and _FORMAT not in args and counts(engine, args)


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


def _code(name: str, model: Model, config: dict[str, Any]) -> Iterator[Want]:
    """`auto_map` may name a class of another repository: `org/repo--module.Class` (transformers#34855)."""
    if not model.trust_remote_code:
        return
    written = config.get("auto_map")
    values = [*written.values()] if isinstance(written, dict) else []
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            repo, separator, _ = item.partition("--") if isinstance(item, str) else ("", "", "")
            if separator and is_repo_id(repo) and repo != model.repo:
                revision = (model.args or {}).get("code-revision")
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
