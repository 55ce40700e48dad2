"""A hub directory with several repositories, right byte for byte, and `modelgen verify --load` run on it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiling import complete, modelgen
from hub_on_disk import locked_file, write
from lock_project import safetensors
from modelgen.hub.cache.layout import checkouts, tree_listing
from modelgen.lockfile.entries import Lock, Snapshot
from modelgen.lockfile.writing import render_lock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIG = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960}
TOKENIZER = {"tokenizer_class": "Qwen2Tokenizer", "chat_template": "{{ messages }}"}
WEIGHTS = safetensors(w=("BF16", 64))
_WEIGHTS = ("*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx", "*.pt", "*.pth", "*.safetensors")


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def checkpoint(*without: str, **files: object) -> dict[str, bytes]:
    """Return the files of a checkpoint that vLLM loads, less some, and with others: `__` in a name stands for a dot."""
    made = {
        "config.json": as_json(CONFIG),
        "generation_config.json": as_json({"temperature": 0.7}),
        "tokenizer.json": as_json({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}),
        "tokenizer_config.json": as_json(TOKENIZER),
        "model.safetensors": WEIGHTS,
    }
    made |= {
        name.replace("__", "."): value if isinstance(value, bytes) else as_json(value) for name, value in files.items()
    }
    return {name: data for name, data in made.items() if name not in without}


@dataclass(frozen=True)
class Asked:
    """What `verify --load` said.

    Args:
        code: Its exit code.
        verdicts: By model.
        findings: Of all models.
    """

    code: int
    verdicts: dict[str, dict[str, Any]]
    findings: list[dict[str, Any]]

    @property
    def wrong(self) -> list[str]:
        """Return look-up, file and message of each error."""
        found = [item for item in self.findings if item["severity"] == "error"]
        return [f"{item['look_up']}: {item['file']} {item['message']}" for item in found]

    @property
    def warnings(self) -> list[str]:
        """Return look-up and file of each warning."""
        return [f"{item['look_up']}: {item['file']}" for item in self.findings if item["severity"] == "warning"]


def commit_of(repo: str) -> str:
    return hashlib.sha1(repo.encode()).hexdigest()


def place(
    root: Path,
    toml: str,
    repos: Mapping[str, Mapping[str, bytes]],
    *,
    unlocked: tuple[str, ...] = (),
    include: tuple[str, ...] = (),
    code: tuple[str, ...] = (),
) -> None:
    """Write models.toml, a models.lock of all repositories but the unlocked, and `hub/` with their files.

    Args:
        root: The project's folder.
        toml: What models.toml has beside `[project]`.
        repos: The files of each repository.
        unlocked: Repositories without an entry.
        include: Patterns of all entries.
        code: Repositories that hold only code.
    """
    (root / "models.toml").write_text(complete(f'[project]\nname = "demo"\nhub = "hub"\n{toml}'))
    shutil.rmtree(root / "hub", ignore_errors=True)
    locked = []
    for repo, files in repos.items():
        entry = Snapshot(
            repo=repo,
            commit=commit_of(repo),
            models=["m"],
            include=[*include],
            exclude=[*_WEIGHTS] if repo in code else [],
            files=[locked_file(path, data) for path, data in files.items()],
            config=files["config.json"].decode() if len(files.get("config.json", b"x" * 70_000)) < 65_536 else None,
        )
        if repo not in unlocked:
            locked.append(entry)
        (checkout,) = checkouts(root / "hub", [entry])
        for path, data in files.items():
            file = checkout.files[path]
            write(checkout.blob(file), data)
            pointer = checkout.pointer(file)
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.unlink(missing_ok=True)
            pointer.symlink_to(os.path.relpath(checkout.blob(file), pointer.parent))
        write(checkout.ref("main"), entry.commit.encode())
        write(checkout.tree, tree_listing(checkout))
    (root / "models.lock").write_bytes(render_lock(Lock(snapshots=locked)))
    for folder in (root / "hub", *(path for path in (root / "hub").rglob("*") if path.is_dir())):
        folder.chmod(0o755)


def model(repo: str = "org/model", args: str = "max-model-len = 8", keys: str = "", name: str = "m") -> str:
    """Return a model's table."""
    return f'[models.{name}]\nrepo = "{repo}"\nargs = {{ {args} }}\n{keys}\n'


def load(root: Path, *args: str, env: Mapping[str, str] | None = None) -> Asked:
    """Run `modelgen verify --quick --load`."""
    done = modelgen("verify", "--quick", "--load", "--format", "json", *args, cwd=root, env=env)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    verdicts = {verdict["model"]: verdict for verdict in document["load"]}
    findings = [found for verdict in verdicts.values() for found in verdict["findings"]]
    assert document["ok"] is (done.returncode == 0)
    assert all(found["help"] for found in findings)
    return Asked(done.returncode, verdicts, findings)
