"""Every golden file of tests/lint becomes a models.toml that validates, and nothing of it is dropped in silence."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imports import COMPOSE, LINT, errors, imported, models_in, services
from modelgen.engines.flags.plain import long_name
from modelgen.foreign import read_files
from modelgen.lift.document import lift_lines
from modelgen.lift.recognition import Server, recognize
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from modelgen.importing import Imported

FOLDERS = [LINT / "incident", *sorted(path.parent for path in LINT.glob(f"right/*/{COMPOSE}"))]
OTHERS = sorted(path for path in (LINT / "others").iterdir() if path.is_file())
FILES = [*(folder / COMPOSE for folder in FOLDERS), *OTHERS, Path(__file__).parent / "swap.yaml"]
# A model on several hosts, which modelgen does not run: its flags ask for more GPUs than the file reserves.
REFUSED = {"several-nodes": ["MG214"]}
WITHOUT_ENGINE = "no-engine"


def name_of(path: Path) -> str:
    return path.parent.name if path.name == COMPOSE else path.name


def result(path: Path) -> Imported:
    return imported(path.read_text(), path.name)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_result_validates(path: Path) -> None:
    found = result(path)
    if name_of(path) == WITHOUT_ENGINE:
        assert not found.text
        return
    assert [error[:5] for error in errors(found)] == REFUSED.get(name_of(path), [])


def said(text: str, found: Imported) -> bool:
    """Return whether a word is in the file, in a comment, or in a note."""
    return re.search(rf"(?:(?<![\w-])|--){re.escape(text)}(?![\w-])", "\n".join((found.text, *found.notes))) is not None


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_dropped_in_silence(path: Path) -> None:
    """Every key of a file and of a service, every variable, flag, mount and time is in the result or is said."""
    found = result(path)
    foreign = read_files([(path.name, path.read_bytes())])
    recognized = [recognize(service, {}) for service in foreign.services.values()]
    servers = [one for one in recognized if isinstance(one, Server)]
    missing = [key for key in foreign.keys - FILE if servers and not said(key, found)]
    for lifted in lift_lines(servers):
        service = lifted.server.service
        words = [*(service.keys - READ), *service.variables, *(service.settings.keys() - {*SWAP})]
        words += [*service.health.times] if service.health else []
        words += [port.published.text for port in service.ports if port.published is not None]
        short = lifted.server.engine.short_flags
        words += [
            entry.name if short is None else long_name(entry.key, short)
            for entry in lifted.line.entries.values()
            if entry.name not in CARRIED
        ]
        words += [
            mount.target.text for mount in service.mounts if not said(str(mount.source and mount.source.text), found)
        ]
        missing += [
            f"{lifted.name}: {word}"
            for word in words
            if not said(word, found) and not said(word.partition(".")[0], found)
        ]
    others = [
        service.name.text for service, one in zip(foreign.services.values(), recognized, strict=True) if one is None
    ]
    missing += [name for name in others if servers and not said(name, found)]
    assert missing == []


# What has other names in models.toml.
FILE = frozenset(
    ("services", "name", "version", "models", "globalTTL", "healthCheckTimeout", "sendLoadingState", "groups", "hooks")
)
# What has another name in models.toml, by what has it there.
READ = frozenset(
    ("image", "build", "command", "environment", "env_file", "gpus", "deploy", "profiles", "ports", "network", "name")
)
SWAP = {"cmd": "args", "env": "env", "ttl": "idle_timeout", "concurrencyLimit": "concurrency", "macros": "args"}
CARRIED = frozenset(
    ("model", "served-model-name", "alias", "gpu-memory-utilization", "model-path", "model-id", "hf-repo", "hf-file")
)


def test_the_incident() -> None:
    found = imported((LINT / "incident" / COMPOSE).read_text(), card="RTX 3090")
    table = tomllib.loads(found.text)
    assert table["project"] == {"name": "here", "hub": "./models/hub"}
    assert 'hub  = "./models/hub" # was: ./models:/root/.cache/huggingface/hub, one level off' in found.text
    assert [(name, one["repo"], one["gpu_memory"]) for name, one in table["models"].items()] == [
        ("vllm-text", "Qwen/Qwen3-4B-Instruct-2507", 0.3),
        ("vllm-qwen3vl-4b", "Qwen/Qwen3-VL-4B-Instruct", 0.3),
        ("vllm-qwen3vl", "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ", 0.9),
    ]
    assert found.text.count("# was: /root/.cache/huggingface/") == 3
    assert table["profiles"] == {
        "start": {"models": ["vllm-text", "vllm-qwen3vl-4b"], "default": True},
        "large": {"models": ["vllm-qwen3vl"]},
    }
    assert any("add `include: [build/docker-compose.yml]`" in note for note in found.notes)
    assert found.others == ("orchestrator",)


# The flags of the repository's own models.toml that the incident's file does not have, and the names, which it lacks.
EXPLAINED = {"served-model-name", "gpu-memory-utilization", "max-model-len", "max-num-seqs", "limit-mm-per-prompt"}


def test_the_incident_differs_from_the_own_build_in_explained_lines_only() -> None:
    text = (LINT / "incident" / COMPOSE).read_text()
    ours = models_in((LINT.parent.parent / "build" / COMPOSE).read_text())
    theirs = services(imported(f"name: model-orchestrator\n{text}", card="RTX 3090"))
    assert {*ours} == {*theirs}
    for name, service in ours.items():
        other = theirs[name]
        keys = {key for key in {*service, *other} if service.get(key) != other.get(key)}
        # profiles and labels have the model's id; the start period follows from the lock.
        assert keys <= {"command", "profiles", "labels", "healthcheck"}, name
        assert {key: value for key, value in flags(service).items() if key not in EXPLAINED} == {
            key: value for key, value in flags(other).items() if key not in EXPLAINED
        }


def flags(service: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in service["command"]:
        if word.startswith("--"):
            found[word[2:]] = []
        else:
            found[[*found][-1]].append(word)
    return found


@pytest.mark.slow
def test_compose_accepts_the_build_of_the_incident(tmp_path: Path) -> None:
    compose = pytest.importorskip("compose").__path__[0] + "/docker-compose"
    found = imported((LINT / "incident" / COMPOSE).read_text(), card="RTX 3090")
    artifacts = compile_source(found.text.encode()).artifacts
    assert artifacts is not None
    for name, data in artifacts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [compose, "-f", tmp_path / COMPOSE, "--profile", "*", "config", "--format", "json"],
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"vllm-text", "vllm-qwen3vl"} <= {*yaml.safe_load(done.stdout)["services"]}
