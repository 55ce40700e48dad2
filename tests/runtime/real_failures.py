"""The mistakes that real vLLM is started with, each as a hub directory and a models.toml."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import broken_models as broken

if TYPE_CHECKING:
    from collections.abc import Callable

TINY_MODEL = Path(__file__).parents[1] / "e2e" / "tiny_model.py"  # imports what only an environment of vLLM has
REPO = "my-org/tiny"
ADAPTER = "my-org/adapter"
_TOML = """\
[project]
name = "real"
{hub}

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
version = "{version}"

[orchestrator]
listen = "127.0.0.1:{port}"

[models.a]
{model}
gpus = ["gpu0"]
gpu_memory = "16GiB"
start_timeout = "3m"

[models.a.env]
VLLM_CPU_KVCACHE_SPACE = "1"
TORCHDYNAMO_DISABLE = "1"
"""
_ARGS = """
[models.a.args]
enforce-eager = true
dtype = "float32"
{args}
"""


@dataclass(frozen=True)
class Case:
    """One mistake.

    Args:
        name: Name of the case.
        meanings: Names of the known failures that explain it; versions differ in what they say.
        key: The key of models.toml that the explanation points to, among others.
        spoil: What is done to the snapshot of the model.
        args: Lines of `[models.a.args]`; None if the model is a `command`, which has no `args`.
        model: Lines of `[models.a]`.
        hub: The line of `[project]` that names the hub directory.
        version: Replaces the version of the installed engine.
        kills: The beginning of the name of the process that is killed while the model loads, if any.
        since: The first version of vLLM that can fail in this way.
    """

    name: str
    meanings: tuple[str, ...]
    key: str
    spoil: Callable[[Path], None] = broken.leave
    args: str | None = "max-model-len = 512"
    model: str = f'repo = "{REPO}"'
    hub: str = 'hub = "./models/hub"'
    version: str | None = None
    kills: str | None = None
    since: tuple[int, ...] = ()


CASES = (
    Case(
        "context-over-cache",
        ("context-too-long-for-cache",),
        "models.a.args.max-model-len",
        partial(broken.change_config, max_position_embeddings=8_000_000),
        "max-model-len = 4_000_000",
    ),
    Case(
        "context-over-model",
        ("context-longer-than-model",),
        "models.a.args.max-model-len",
        args="max-model-len = 65536",
    ),
    Case("deleted-shard", ("weights-missing", "weights-incomplete"), "models.a.repo", broken.delete_shard),
    Case("truncated-shard", ("damaged-weights",), "models.a.repo", broken.truncate_shard),
    Case("unreadable-weights", ("no-permission", "weights-missing"), "models.a.repo", broken.forbid_weights),
    Case("unreadable-config", ("no-permission",), "models.a.repo", broken.forbid_config),
    Case(
        "core-killed",
        ("engine-core-silent", "engine-core-died"),
        "models.a.args.max-model-len",
        kills="VLLM::EngineCor",
    ),
    Case(
        "worker-killed",
        ("engine-core-silent", "engine-core-died"),
        "models.a.args.max-model-len",
        kills="VLLM::Worker",
        since=(0, 12),
    ),
    Case(
        "missing-adapter-file",
        ("adapter-missing",),
        "models.a.loras",
        args="max-model-len = 512\nmax-lora-rank = 16",
        model=f'repo = "{REPO}"\nloras = {{ ad = "{ADAPTER}" }}',
    ),
    Case("corrupt-config", ("config-damaged",), "models.a.repo", broken.corrupt_config),
    Case(
        "bad-template-path",
        ("chat-template-file-missing",),
        "models.a.args.chat-template",
        args='max-model-len = 512\nchat-template = "/templates/nope.jinja"',
    ),
    Case("missing-tokenizer", ("tokenizer-missing",), "models.a.repo", broken.delete_tokenizer),
    Case(
        "unknown-tool-parser",
        ("unknown-tool-parser",),
        "models.a.args.tool-call-parser",
        args='max-model-len = 512\nenable-auto-tool-choice = true\ntool-call-parser = "nope"',
    ),
    # modelgen refuses a flag that the version does not have, and only warns where it does not know the version.
    Case(
        "unknown-flag",
        ("unknown-flag",),
        "models.a.args.no-such-flag",
        args="max-model-len = 512\nno-such-flag = 7",
        version="0.99.0",
    ),
    Case(
        "unsupported-architecture",
        ("architecture-not-supported",),
        "models.a.repo",
        partial(broken.change_config, architectures=["NopeForCausalLM"]),
    ),
    Case(
        "unknown-model-type",
        ("architecture-not-supported",),
        "models.a.repo",
        partial(broken.change_config, model_type="nope"),
    ),
    # modelgen refuses a path as `repo`, and passes on whatever a `command` says.
    Case(
        "path-as-model",
        ("path-not-in-container",),
        "models.a.command",
        args=None,
        model='engine = "command"\ncommand = ["vllm", "serve", "/models/Qwen--Qwen3-4B", "--port", "{port}"]',
    ),
    Case("hub-one-level-off", ("not-in-hub-cache",), "project.hub", hub='hub = "./models"'),
)


def write_case(case: Case, program: Path, folder: Path, port: int) -> None:
    """Write the hub directory and the models.toml of a case."""
    hub = folder / "models" / "hub"
    subprocess.run([program.parent / "python", TINY_MODEL, hub, REPO], check=True)
    [snapshot] = (hub / f"models--{REPO.replace('/', '--')}" / "snapshots").iterdir()
    case.spoil(snapshot)
    broken.write_adapter(hub, ADAPTER)
    toml = _TOML.format(hub=case.hub, version=case.version or version_of(program), port=port, model=case.model)
    if case.args is not None:
        toml += _ARGS.format(args=case.args)
    (folder / "models.toml").write_text(toml)


def version_of(program: Path) -> str:
    """Return the version of an installed vLLM, such as 0.32.0."""
    question = "from importlib.metadata import version; print(version('vllm'))"
    told = subprocess.check_output([str(program.parent / "python"), "-c", question], text=True)
    return told.strip().partition("+")[0]
