"""Whatever a repository looks like: fetched, it opens offline in the real client of today and in older ones."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hub_double
from compiling import REPOSITORY, script
from hub_project import Project

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = st.text(st.sampled_from("abcXYZ019-_. ()[]{}+=@~!$%&'#,;^éüñ日本語🙂"), min_size=1, max_size=12).filter(
    lambda name: name.strip(" .") == name and not name.startswith("-")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
SIZES = st.sampled_from([0, 1, 9_999, 10_000, 10_001, 30_000])
TREES = st.dictionaries(PATHS, SIZES, min_size=1, max_size=12).filter(
    lambda tree: (
        not any(other.startswith(f"{path}/") for path in tree for other in tree)
        and len({path.lower() for path in tree}) == len(tree)
    )
)
OPEN = """
import sys
from huggingface_hub import __version__, snapshot_download
print(__version__)
for argument in sys.argv[1:]:
    repo, commit = argument.split("@")
    print(snapshot_download(repo))
    print(snapshot_download(repo, revision=commit))
"""


def content(path: str, size: int) -> bytes:
    return (hashlib.sha256(path.encode()).digest() * (size // 32 + 1))[:size]


@pytest.mark.parametrize("version", ["1.33.0", "0.36.0"])
@given(trees=st.lists(TREES, min_size=4, max_size=12))
@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
def test_any_tree_opens_offline(clients: Callable[[str], Path], version: str, trees: list[dict[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, hub_double.serve(home=Path(folder, "home")) as hub:
        models = Project(Path(folder), hub.environment)
        for number, tree in enumerate(trees):
            files: dict[str, bytes | Path] = {path: content(path, size) for path, size in tree.items()}
            repo = f"org/model-{number}"
            models.want(repo, files, hub.add(repo, files))
        done = models.run("fetch")
        assert done.returncode == 0, done.stderr
        assert models.damage() == []
        hub.clear()
        wanted = [str(models.snapshot(entry)) for entry in models.snapshots for _ in range(2)]
        assert opened(models) == wanted
        assert opened(models, PYTHONPATH=str(clients(version))) == wanted
        assert hub.requests == []


def opened(models: Project, **environment: str) -> list[str]:
    """Return where the client finds each repository offline, by name and by commit."""
    names = [f"{entry.repo}@{entry.commit}" for entry in models.snapshots]
    offline = {**models.environment, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(models.hub)}
    done = script(OPEN, *names, cwd=models.folder, env={**offline, **environment})
    assert done.returncode == 0, done.stderr
    version, *found = done.stdout.splitlines()
    assert ("PYTHONPATH" in environment) != version.startswith("2."), version
    return found


def test_the_oldest_client_that_modelgen_takes(clients: Callable[[str], Path], tmp_path: Path, large: Path) -> None:
    """What pyproject.toml allows at least fetches too, and brings nothing that is not locked."""
    with hub_double.serve(home=tmp_path / "home") as hub:
        models = Project(tmp_path, hub.environment)
        files: dict[str, bytes | Path] = {"config.json": b"{}", "a.bin": bytes(20_000), "model.safetensors": large}
        models.want("org/model", files, hub.add("org/model", {**files, "original/model.pth": bytes(50_000)}))
        hub.faults.reset(15_000, path="a.bin")
        done = models.run("fetch", PYTHONPATH=f"{REPOSITORY / 'compiler'}:{clients('1.33.0')}")
        assert done.returncode == 0, done.stderr
        assert models.damage() == []
        assert hub.bytes_sent("*.pth") == 0
        assert all("hf_hub/1.33" in request.user_agent for request in hub.requests_for("config.json"))
