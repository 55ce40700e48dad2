"""Check where a foreign file's engines look for weights, and what is mounted there."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from modelgen.checks.foreign.context import holds, hub_of, is_offline, knows_mounts, repo_of
from modelgen.diagnostics import Found, rule
from modelgen.lockfile.repos import is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.checks.foreign.context import ForeignContext
    from modelgen.foreign import Mount
    from modelgen.lift.document import Lifted

# With one of these, `--model` of llama.cpp is where a download goes.
_DOWNLOADS = ("hf-repo", "model-url", "docker-repo")


@rule("MG601", "unheld-path")
def unheld_path(context: ForeignContext) -> Iterator[Found]:
    """A model that is named by a path which no mount holds.

    ## Why
    The image of an engine contains no weights. vLLM takes a path that does not exist for a repository id and stops with
    "Repo id must be in the form 'repo_name' or 'namespace/repo_name'" (vllm#10974), which hides the reason.

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, /models/Qwen3-4B]
        volumes: [./weights:/weights]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, /weights/Qwen3-4B]
        volumes: [./weights:/weights]
        gpus: all
    ```
    """
    for lifted in context.whole():
        path = _path_of(lifted)
        if path is None or not _is_unheld(lifted, path):
            continue
        assert lifted.model is not None  # noqa: S101 - it has the path
        targets = ", ".join(f"`{mount.target.text}`" for mount in lifted.server.service.mounts)
        said = f"mounted are {targets}" if targets else "nothing is mounted"
        repo = repo_of(path)
        help_text = f"write the repository id, `{repo}`" if repo else "mount the folder that contains it"
        yield Found(
            lifted.model.span,
            f"no mount of `{lifted.name}` holds `{path}`: {said}",
            f"{help_text}{', or mount the folder that contains the path' if repo else ', or write the repository id'}",
        )


@rule("MG602", "cache-folder-as-model")
def cache_folder_as_model(context: ForeignContext) -> Iterator[Found]:
    """A model that is named by its folder in a hub directory, `models--OWNER--NAME`.

    ## Why
    That folder has `blobs`, `refs` and `snapshots` in it, and no config.json. The engine stops with "Invalid repository
    ID or local directory specified" or "Repo id must be in the form" (vllm#12378).

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, /hub/models--Qwen--Qwen3-4B]
        volumes: [./hub:/hub]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B]
        environment: {HF_HUB_CACHE: /hub}
        volumes: [./hub:/hub]
        gpus: all
    ```
    """
    for lifted in context.lifted:
        path = _path_of(lifted)
        if path is None or lifted.model is None or not lifted.server.engine.from_config:
            continue
        last = posixpath.basename(path)
        if last.startswith("models--") and last.count("--") == 2 and not _is_unheld(lifted, path):
            yield Found(
                lifted.model.span,
                f"`{last}` is a folder of a hub directory, which no engine loads",
                f"write the repository id, `{repo_of(path)}`, and set HF_HUB_CACHE to `{posixpath.dirname(path)}`",
            )


@rule("MG603", "hub-off-by-one")
def hub_off_by_one(context: ForeignContext) -> Iterator[Found]:
    """A mount that is one level above or below the hub directory, while downloads are switched off.

    ## Why
    Engines look for `models--OWNER--NAME` in `HF_HOME/hub`. With the parent of the hub mounted there, or the hub where
    its parent belongs, they find nothing and stop with "Cannot find an appropriate cached snapshot folder".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B]
        environment: {HF_HUB_OFFLINE: "1"}
        volumes: ["~/.cache/huggingface:/root/.cache/huggingface/hub"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B]
        environment: {HF_HUB_OFFLINE: "1"}
        volumes: ["~/.cache/huggingface:/root/.cache/huggingface"]
        gpus: all
    ```
    """
    for lifted in context.whole():
        hub, service = hub_of(lifted), lifted.server.service
        if hub is None or not is_offline(service):
            continue
        for mount in service.mounts:
            if mount.kind == "bind" and mount.source is not None and mount.source.is_known:
                yield from _off_by_one(lifted, mount, hub)


def _off_by_one(lifted: Lifted, mount: Mount, hub: str) -> Iterator[Found]:
    assert mount.source is not None  # noqa: S101 - checked by the caller
    source, target = posixpath.normpath(mount.source.text.replace("\\", "/")), posixpath.normpath(mount.target.text)
    parent = posixpath.dirname(hub)
    path = _path_of(lifted)
    repo = (repo_of(path) if path else lifted.model.text if lifted.model else None) or "OWNER/NAME"
    folder = f"models--{repo.replace('/', '--')}"
    written = mount.source.text.rstrip("/\\")
    if target == hub and source.endswith(".cache/huggingface"):
        message = f"`{written}` is mounted at `{hub}`, one level too low: the hub directory is `{written}/hub`"
        yield Found(mount.place, message, f"write `{written}:{parent}`; `{folder}` is then in `{hub}`")
    elif target == parent and source.endswith("huggingface/hub"):
        message = f"`{written}` is mounted at `{parent}`, one level too high: `{hub}` is looked into"
        yield Found(mount.place, message, f"write `{written}:{hub}`; `{folder}` is then in it")
    elif target == hub and path is not None and posixpath.dirname(path) == parent and _is_unheld(lifted, path):
        message = f"`{written}` is mounted at `{hub}`, but the model is looked for in `{parent}`"
        yield Found(
            mount.place,
            f"{message}, one level above",
            f"with the id `{repo}`, mount the folder that contains `{folder}`, such as `{written}/hub:{hub}`",
        )


@rule("MG604", "unheld-hub")
def unheld_hub(context: ForeignContext) -> Iterator[Found]:
    """A model by repository id, while downloads are switched off and no mount holds the hub directory.

    ## Why
    A container without a mount starts with an empty hub directory: "Cannot find an appropriate cached snapshot folder
    for the specified revision on the local disk and outgoing traffic has been disabled".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B]
        environment: {HF_HUB_OFFLINE: "1"}
        volumes: ["./hub:/models"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B]
        environment: {HF_HUB_OFFLINE: "1"}
        volumes: ["./hub:/root/.cache/huggingface/hub"]
        gpus: all
    ```
    """
    for lifted in context.whole():
        service, hub, model = lifted.server.service, hub_of(lifted), lifted.model
        if hub is None or model is None or not is_repo_id(model.text) or not is_offline(service):
            continue
        has_hub = any(holds(mount, hub) or mount.target.text.startswith(hub) for mount in service.mounts)
        if knows_mounts(service) and not has_hub:
            said = ", ".join(f"`{mount.target.text}`" for mount in service.mounts) or "nothing"
            yield Found(
                model.span,
                f"`{lifted.name}` may not download `{model.text}`, and no mount holds `{hub}`: mounted is {said}",
                f"mount the folder that contains `models--{model.text.replace('/', '--')}` at `{hub}`",
            )


@rule("MG605", "model-not-read")
def model_not_read(context: ForeignContext) -> Iterator[Found]:
    """A model in a form that the program does not read.

    ## Why
    `api_server` ignores a model without `--model` and serves the default model of its release. `vllm serve` until
    0.11.0 stops at `--model`: "you should provide the model as a positional argument".

    ## Bad
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [Qwen/Qwen3-4B, --port, "8000"]
        gpus: all
    ```

    ## Good
    ```yaml
    services:
      text:
        image: vllm/vllm-openai:v0.11.0
        command: [--model, Qwen/Qwen3-4B, --port, "8000"]
        gpus: all
    ```
    """
    for lifted in context.lifted:
        server, line = lifted.server, lifted.line
        program, spec = server.program, server.engine.line
        if program is None or spec is None or not line.is_whole or "config" in line.entries:
            continue
        has_flag = any(name in line.entries for name in spec.model)
        started = " ".join(program.words)
        first = server.words[0] if server.words and server.words[0] in line.positionals else None
        if program.reads_positional is False and first is not None and not has_flag:
            yield Found(
                first.span,
                f"`{started}` does not read the model `{first.text}` without `--{spec.model[0]}`",
                f"write `--{spec.model[0]} {first.text}`",
            )
        elif server.version and has_flag and first is None and spec.refuses_model_flag(server.version, program):
            entry = line.entries[spec.model[0]]
            yield Found(
                entry.at_key.span,
                f"`{started}` of {server.title} stops at `--{entry.key}`",
                f"write the model directly after `{started}`, without a flag",
            )


def _path_of(lifted: Lifted) -> str | None:
    """Return the model if it is an absolute path in the container."""
    text = lifted.model.text if lifted.model is not None and lifted.model.is_known else ""
    is_download = any(name in lifted.line.entries for name in _DOWNLOADS)
    return posixpath.normpath(text) if text.startswith("/") and not is_download else None


def _is_unheld(lifted: Lifted, path: str) -> bool:
    service = lifted.server.service
    return (
        lifted.server.is_release
        and knows_mounts(service)
        and not service.is_built
        and not any(holds(mount, path) or mount.target.text.startswith(f"{path}/") for mount in service.mounts)
    )
