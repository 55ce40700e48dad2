"""Check repositories and revisions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.checks.several_models import as_one
from modelgen.config.familiar_answers import about_tag
from modelgen.diagnostics import Found, Severity, rule
from modelgen.engines import TAKERS
from modelgen.lockfile.repos import is_commit, is_local, is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.context import Context
    from modelgen.load.locator import Path

_PATH = re.compile(
    r"^(?:[/~]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[/\\])|\\|://|/.*/.|^(?:www\.)?(?:huggingface|hf)\.co/|models--|(?:^|/)snapshots(?:/|$)"
)
_HUB_PAGES = ("huggingface.co/", "hf.co/", "www.huggingface.co/")
_HOW_TO_NAME = (
    "write the id as shown on the hub: `namespace/name`; `modelgen add` puts weights of your own into the hub directory"
)
_BAD_IN_REVISION = re.compile(r"[\s\x00-\x1f\x7f~^:?*\[\\]|\.\.|@\{|//")


@rule("MG101", "unpinned-repo", Severity.INFO)
@as_one("follow a moving branch", "run `modelgen lock`")
def unpinned_repo(context: Context) -> Iterator[tuple[str, Found]]:
    """A repository that is not pinned to a commit.

    ## Why
    A branch or a tag can move. The next download may contain other weights under the same name, and two hosts built
    from one file may serve different models. Only a commit of 40 hex digits is fixed. `modelgen lock` writes the
    commits of models, adapters, drafts and tokenizers into models.lock; after that, `not-locked` reports what the lock
    lacks. This is information, because every file begins without a lock, and `modelgen up` writes it: `modelgen
    validate` prints it, `modelgen build` does not.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"

    [rules]
    unpinned-repo = "info"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    revision = "cdbee75f17c01a7cc42f958dc650907174af0554"

    [rules]
    unpinned-repo = "info"
    ```
    """
    if context.lock is not None:  # not-locked reports what it lacks
        return
    for name in context.models:
        for found in _moving(context, name):
            yield name, found


def _moving(context: Context, name: str) -> Iterator[Found]:
    """Yield what makes a model follow a branch: its repository, else others that only a lock can pin."""
    model, is_refused = context.models[name], context.document.is_refused("models", name, "revision")
    if model.repo is not None and is_repo_id(model.repo) and not is_refused:
        if is_local(model.repo):
            message = f"`{name}` uses the latest added state of {model.repo}"
            yield Found(context.at_origin(name, "repo"), message, "run `modelgen lock`")
            return
        engine = context.runs[name].engine
        if model.revision is None and engine is not None and (engine.needs_snapshot or engine.from_snapshot):
            return  # no-snapshot or id-offline reports it, with the same help
        if model.revision is None:
            help_ = 'run `modelgen lock`, or write `revision = "…"` with the 40 hex digits of a commit'
            message = f"`{name}` follows the default branch of {model.repo}"
            yield Found(context.at_origin(name, "repo"), message, help_)
            return
        if is_revision(model.revision) and not is_commit(model.revision):
            help_ = "run `modelgen lock`, or write the 40 hex digits of a commit"
            yield Found(context.at_origin(name, "revision"), f"`{model.revision}` is not a commit and can move", help_)
            return
    others = [want for want, _ in context.pins[name].needs if want.role != "model"]
    others = [want for want in others if not is_commit(want.revision or "") and not is_local(want.repo)]
    if others:
        repos = ", ".join(dict.fromkeys(want.repo for want in others))
        message = f"`{name}` also needs {repos}, and follows the default branch of each"
        yield Found(context.place_of(name, others[0]), message, "run `modelgen lock`")


@rule("MG102", "path-as-repo")
def path_as_repo(context: Context) -> Iterator[Found]:
    """A path or a URL instead of a repository id.

    ## Why
    modelgen began with this incident: offline, vLLM 0.11.0 takes a path that does not exist for a repository id and
    fails with "Repo id must be in the form 'repo_name' or 'namespace/repo_name'" (vllm#10974, gpustack#3628). The hub
    directory is mounted where the engine looks, so the repository id is enough.

    ## Bad
    ```toml
    [models.qwen]
    repo = "/root/.cache/huggingface/Qwen--Qwen3-4B-Instruct-2507"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B-Instruct-2507"
    ```
    """
    for path, repo in _repos(context):
        if _PATH.search(repo):
            kind = "URL" if "://" in repo else "path"
            id_ = _id_within(repo)
            yield Found(
                context.document.at_value(*path),
                f"`{path[-1]}` is a {kind}, not a repository id",
                f'write `{path[-1]} = "{id_}"`' if id_ else _about_gguf(context, path, repo) or _HOW_TO_NAME,
            )


def _id_within(path: str) -> str | None:
    """Return the repository id that a path or URL most likely means."""
    if folder := re.search(r"models--([A-Za-z0-9_.-]+?)(?:/|\\|$)", path):
        return folder[1].replace("--", "/", 1)
    page = path.removeprefix("https://").removeprefix("http://")
    if page.startswith(_HUB_PAGES):
        owner, _, rest = page.partition("/")[2].partition("/")
        candidate = f"{owner}/{rest.partition('/')[0]}"
    else:
        candidate = re.split(r"[/\\]", path.rstrip("/\\"))[-1].replace("--", "/", 1)
    return candidate if "/" in candidate and is_repo_id(candidate) else None


@rule("MG103", "bad-repo-id")
def bad_repo_id(context: Context) -> Iterator[Found]:
    """A `repo` that is not a valid repository id.

    ## Why
    huggingface_hub checks ids before it looks for files. An id is `name` or `namespace/name`, of letters, digits, `-`,
    `_` and `.`, without `--` and `..`, without `.git` at the end, and with at most 96 characters.

    ## Bad
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3 4B"
    ```

    ## Good
    ```toml
    [models.qwen]
    repo = "Qwen/Qwen3-4B"
    ```
    """
    for path, repo in _repos(context):
        if _PATH.search(repo) or is_repo_id(repo):
            continue
        bare = repo.strip().strip("/").removesuffix(".git")
        bare = re.sub(r"\s+", "-", bare) if "/" in bare else bare
        yield Found(
            context.document.at_value(*path),
            f"`{repo}` is not a repository id" if repo else f"`{path[-1]}` is empty",
            f'write `{path[-1]} = "{bare}"`'
            if is_repo_id(bare)
            else _about_gguf(context, path, bare) or "write `namespace/name` as shown on the hub",
        )


def _about_gguf(context: Context, path: Path, repo: str) -> str:
    """Return what to write for a name with a quantization or a GGUF file; empty for another name."""
    engine = context.runs[str(path[1])].engine if path[0] == "models" else None
    named, _, file = repo.rpartition("/")
    is_file = file.endswith(".gguf") and is_repo_id(named)
    text = f'write `repo = "{named}"` and `file = "{file}"`' if is_file else about_tag(repo)
    if not text.startswith("write `repo") or engine is None or "quant" in engine.keys:
        return text
    return f'{text}, and `engine = "{TAKERS["quant"][0]}"`, which loads GGUF files'


def _repos(context: Context) -> Iterator[tuple[Path, str]]:
    """Yield every repository id in the file, including those of adapters, with its path."""
    for name, model in context.models.items():
        if model.repo is not None:
            yield ("models", name, "repo"), model.repo
        if model.draft is not None:
            yield ("models", name, "draft", "repo"), model.draft.repo
    for path, _, repo in context.entries("loras"):
        yield path, repo


@rule("MG104", "bad-revision")
def bad_revision(context: Context) -> Iterator[Found]:
    """A `revision` that cannot be a commit, tag or branch.

    ## Why
    The revision becomes a file name in `refs/` of the hub directory, and an argument of the engine.

    ## Bad
    ```toml
    [models.qwen]
    revision = "main "
    ```

    ## Good
    ```toml
    [models.qwen]
    revision = "refs/pr/1"
    ```
    """
    for name, model in context.models.items():
        draft, revision = model.draft, model.revision
        if draft is not None and draft.revision is not None and not is_revision(draft.revision):
            place = context.document.at_value("models", name, "draft", "revision")
            message = f"`{draft.revision}` is not a commit, tag or branch"
            yield Found(place, message, "write the 40 hex digits of a commit")
        if revision is None:
            continue
        if model.repo is None and not context.document.is_refused("models", name, "repo"):
            message, help_text = f"`{name}` has a `revision` but no `repo`", "remove `revision`, or write `repo`"
        elif not is_revision(revision):
            message = f"`{revision}` is not a commit, tag or branch" if revision else "`revision` is empty"
            bare = revision.strip()
            help_text = f'write `revision = "{bare}"`' if is_revision(bare) else "write the 40 hex digits of a commit"
        else:
            continue
        yield Found(context.document.at_value("models", name, "revision"), message, help_text)


def is_revision(text: str) -> bool:
    """Return whether git accepts `text` as the name of a commit, tag or branch (git-check-ref-format)."""
    return bool(text) and not _BAD_IN_REVISION.search(text) and not re.search(r"^[-/.]|[/.]$|\.lock$", text)


@rule("MG105", "missing-repo")
def missing_repo(context: Context) -> Iterator[Found]:
    """A model without a `repo` whose engine needs one.

    ## Why
    Without a repository, vLLM would serve its default model, which is not in the hub directory. Only models with
    `engine = "command"` can do without.

    ## Bad
    ```toml
    [models.chat]
    args = { max-model-len = 16384 }
    ```

    ## Good
    ```toml
    [models.chat]
    repo = "Qwen/Qwen3-4B"
    args = { max-model-len = 16384 }
    ```
    """
    for name, run in context.runs.items():
        if run.engine is not None and run.engine.needs_repo and context.document.lacks(name, "repo"):
            yield Found(
                context.document.at_header("models", name),
                f"`[models.{name}]` has no `repo`",
                _HOW_TO_NAME,
            )
