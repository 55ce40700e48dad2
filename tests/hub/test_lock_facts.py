"""What a lock records beside files: templates, tokenizers, and what code imports; and how an older lock gets it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from compiling import modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

WEIGHTS: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("F32", 8))}
TOKENIZER = b'{"tokenizer_class": "Qwen2Tokenizer", "chat_template": "{{ messages }}"}'
CODE = b"""
import einops.layers, torch
from . import other
from fla.ops import x
try:
    import flash_attn
except ImportError:
    pass
if is_flash_attn_2_available():
    import flash_attn
def later():
    import decord
raise SystemExit("this is never run")
"""


def older(project: Project) -> None:
    """Make the lock one of an older modelgen: without facts, and with the digests that it would have."""
    text = re.sub(r"^(facts|digest) = .*\n", "", project.path.read_text(), flags=re.MULTILINE)
    project.path.write_text(text)


def test_where_the_chat_template_is(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/config", WEIGHTS | {"tokenizer_config.json": TOKENIZER})
    hub.add("org/file", WEIGHTS | {"tokenizer_config.json": TOKENIZER, "chat_template.jinja": b"{{ x }}"})
    hub.add("org/processor", WEIGHTS | {"processor_config.json": b'{"chat_template": "{{ y }}"}'})
    hub.add("org/none", WEIGHTS | {"tokenizer_config.json": b"[]"})
    names = ("config", "file", "processor", "none")
    project = Project(tmp_path, hub, "".join(model(name, f"org/{name}") for name in names))
    project.lock()
    facts = {name: project.entry(f"org/{name}").facts for name in names}
    assert {name: found and found.chat_template for name, found in facts.items()} == {
        "config": "tokenizer_config.json",
        "file": "chat_template.jinja",
        "processor": "processor_config.json",
        "none": None,
    }
    assert facts["config"] is not None
    assert facts["config"].tokenizer_class == "Qwen2Tokenizer"
    assert facts["config"].chat_template_sha256 == hashlib.sha256(b"{{ messages }}").hexdigest()


def test_what_code_imports_without_running_it(tmp_path: Path, hub: Hub) -> None:
    remote = b'{"auto_map": {"AutoConfig": "conf.C", "AutoModel": "modeling.M"}}'
    code: dict[str, bytes | Path] = {"modeling.py": CODE, "conf.py": b"from .other import x\nimport tiktoken\n"}
    code |= {"other.py": b"from addict.x import y\n", "broken.py": b"import ("}
    hub.add("org/model", WEIGHTS | {"config.json": remote} | code)
    project = Project(tmp_path, hub, model("m", "org/model"))
    project.lock()
    facts = project.entry("org/model").facts
    assert facts is not None
    assert (facts.imports, facts.model_imports, facts.auto_map) == (None, [], ["config.json"])
    project.write(model("m", "org/model", "trust_remote_code = true"))
    project.lock()
    facts = project.entry("org/model").facts
    assert facts is not None
    assert facts.imports == ["addict", "tiktoken"]
    assert facts.model_imports == ["decord", "einops", "fla", "torch"]


def test_code_that_another_repository_names(tmp_path: Path, hub: Hub) -> None:
    remote = b'{"auto_map": {"AutoModel": "org/code--modeling.M"}}'
    hub.add("org/model", WEIGHTS | {"config.json": remote})
    hub.add("org/code", {"modeling.py": CODE})
    project = Project(tmp_path, hub, model("m", "org/model", "trust_remote_code = true"))
    project.lock()
    facts = project.entry("org/code").facts
    assert facts is not None
    assert facts.model_imports == ["decord", "einops", "fla", "torch"]


def test_lock_adds_the_facts_to_an_older_lock_at_its_commit(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/model", WEIGHTS | {"tokenizer_config.json": TOKENIZER})
    project = Project(tmp_path, hub, model("m", "org/model"))
    project.lock()
    new = project.path.read_bytes()
    older(project)
    assert project.run("--check").returncode == 0
    hub.add("org/model", {"README.md": b"newer"})
    project.lock()
    assert project.path.read_bytes() == new


def test_an_older_lock_stays_without_the_hub(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/model", WEIGHTS | {"tokenizer_config.json": TOKENIZER})
    project = Project(tmp_path, hub, model("m", "org/model"))
    project.lock()
    older(project)
    hub.delete("org/model")
    assert project.lock().snapshots[0].facts is None
    hub.clear()
    assert project.run("--offline").returncode == 0
    assert hub.requests == []


def test_a_locked_model_is_compared_with_its_flags(tmp_path: Path, hub: Hub) -> None:
    config = b'{"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4"}'
    files = WEIGHTS | {"config.json": config, "tokenizer_config.json": b"{}"}
    hub.add("google/gemma-4-31B", files)
    hub.add("google/gemma-4-31B-it", files | {"chat_template.jinja": b"{{ messages }}"})
    flags = 'enable-auto-tool-choice = true, tool-call-parser = "gemma4"'
    table = '[models.gemma]\nrepo = "google/gemma-4-31B"\nargs = { max-model-len = 8, %s }\n' % flags  # noqa: UP031
    project = Project(tmp_path, hub, f'[engines.vllm]\nimage = "vllm/vllm-openai:v0.19.0"\n{table}')
    project.lock()
    wrong = modelgen("validate", cwd=project.folder, env=project.environment)
    assert (wrong.returncode, "MG520 tools-without-template" in wrong.stdout + wrong.stderr) == (1, True)
    project.write((project.folder / "models.toml").read_text().replace("gemma-4-31B", "gemma-4-31B-it"))
    project.lock()
    right = modelgen("validate", cwd=project.folder, env=project.environment)
    assert (right.returncode, "MG5" in right.stdout + right.stderr) == (0, False)
