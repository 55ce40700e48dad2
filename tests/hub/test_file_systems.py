"""Hubs on file systems that have no locks, no modes, or no flush: NFS, CIFS, exFAT, FUSE."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adding import add
from compiling import REPOSITORY, complete, modelgen
from hub_on_disk import fetched
from hub_project import project
from modelgen.hub.cache.long_paths import too_long
from modelgen.hub.fetching.ranges.spans import bytes_there
from modelgen.sizes import of_files
from verifying import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_double import Hub

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is refused is what Linux says")
FILES = {"config.json": b'{"model_type": "qwen3"}', "a/b.json": b"[]", "model.safetensors": bytes(range(256)) * 100}
MARKER = ".locks/modelgen/holder.json"


def refusing(**calls: str) -> dict[str, str]:
    """Return the environment of a process whose file system refuses calls."""
    folders = [str(Path(__file__).parent / "file_systems"), str(REPOSITORY / "compiler")]
    text = " ".join(f"{call}={error}" for call, error in calls.items())
    return {"PYTHONPATH": os.pathsep.join(folders), "MODELGEN_TEST_REFUSED": text}


@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EBADF", "EOPNOTSUPP", "EINVAL", "EPERM"])
def test_a_hub_that_cannot_lock_files(hub: Hub, tmp_path: Path, error: str) -> None:
    models = project(tmp_path, hub, {"org/model": FILES, "org/more": {"config.json": b"{}"}})
    done = models.run("fetch", **refusing(flock=error))
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert done.stderr.count("cannot lock files") == 1
    assert not (models.hub / MARKER).exists()
    assert not [*models.hub.rglob("*.incomplete")]
    hub.clear()
    done = models.run("fetch", **refusing(flock=error))
    assert (done.returncode, done.stderr) == (0, f"{models.hub}: nothing is missing\n")
    assert hub.requests == []


def test_a_large_file_in_a_hub_that_cannot_lock_files(hub: Hub, tmp_path: Path, ranged: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    hub.faults.slow(300_000, path="model.safetensors", count=None)  # until the second run has begun, on any machine
    first = models.start("fetch", **refusing(flock="ENOLCK"))
    part = models.hub / ".locks/modelgen/partial/models--org--model" / models.snapshots[0].files[1].etag
    wait_for(lambda: part.exists() and part.stat().st_size > 1_000_000)
    second = models.start("fetch", **refusing(flock="ENOLCK"))
    assert second.stderr is not None
    line = second.stderr.readline()
    assert f"waiting for `modelgen fetch` (process {first.pid} on " in line
    assert f"if that process no longer runs, remove {models.hub / MARKER}" in line
    first.kill()  # and leaves its marker
    first.communicate()
    kept = bytes_there(part)
    hub.faults.clear()
    _, talk = second.communicate(timeout=60)
    assert second.returncode == 0, talk
    assert f"{of_files(kept)} of them from an earlier run" in talk
    assert models.damage() == []
    assert not (models.hub / MARKER).exists()


@pytest.mark.parametrize("begun", ["", "an earlier boot 1"])
def test_a_marker_of_a_process_that_is_gone_is_taken_over(hub: Hub, tmp_path: Path, begun: str) -> None:
    """The number may be another process's by now, so its beginning counts as well."""
    models = project(tmp_path, hub, {"org/model": FILES})
    pid = os.getpid() if begun else 2**22 + 1
    mark(models.hub, pid, host(), begun)
    done = models.run("fetch", **refusing(flock="ENOLCK"))
    assert done.returncode == 0, done.stderr
    assert "waiting" not in done.stderr
    assert models.damage() == []


def test_a_marker_of_another_host_is_waited_for_and_can_be_removed(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": FILES})
    marker = mark(models.hub, 1, "other-host", "")
    fetch = models.start("fetch", **refusing(flock="ENOLCK"))
    assert fetch.stderr is not None
    assert fetch.stderr.readline() == (
        f"waiting for `modelgen fetch` (process 1 on other-host), which holds {models.hub}; "
        f"if that process no longer runs, remove {marker}\n"
    )
    marker.unlink()
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 0, talk
    assert "waiting" not in talk


def test_leaving_a_wait_for_a_marker(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": FILES})
    marker = mark(models.hub, 1, "other-host", "")
    fetch = models.start("fetch", **refusing(flock="ENOLCK"))
    assert fetch.stderr is not None
    fetch.stderr.readline()
    fetch.send_signal(signal.SIGINT)
    _, talk = fetch.communicate(timeout=60)
    assert fetch.returncode == 130
    assert "Traceback" not in talk
    assert marker.exists()


def mark(hub: Path, pid: int, host: str, begun: str) -> Path:
    marker = hub / MARKER
    marker.parent.mkdir(parents=True)
    marker.write_text(json.dumps({"command": "modelgen fetch", "pid": pid, "host": host, "begun": begun}))
    return marker


def test_a_build_where_folders_cannot_be_locked(tmp_path: Path) -> None:
    """NFS locks only what is open for writing, which no folder can be."""
    (tmp_path / "models.toml").write_text(
        complete('[models.m]\nrepo = "org/model"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n')
    )
    done = modelgen("build", cwd=tmp_path, env=refusing(flock="EBADF"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot lock files") == 1
    assert not [*tmp_path.rglob(".modelgen-lock*")]
    (tmp_path / "build/.modelgen-lock").write_text(
        json.dumps({"command": "modelgen", "pid": 2**22 + 1, "host": host(), "begun": ""})
    )
    (tmp_path / "build/docker-compose.yml").unlink()
    assert modelgen("build", cwd=tmp_path, env=refusing(flock="EBADF")).returncode == 0
    assert not [*tmp_path.rglob(".modelgen-lock*")]
    assert (tmp_path / "build/docker-compose.yml").exists()


def host() -> str:
    """Return this host as a marker names it."""
    return f"{os.uname().nodename} {Path('/proc/self/ns/pid').readlink()}"


@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "EROFS"])
def test_a_refused_chmod_of_what_is_readable_is_not_worth_a_word(hub: Hub, tmp_path: Path, error: str) -> None:
    models = project(tmp_path, hub, {"org/model": FILES})
    done = models.run("fetch", **refusing(chmod=error))
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert "note" not in done.stderr
    assert "permission" not in done.stderr


def test_a_chmod_without_effect_is_noted_once(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": FILES, "org/more": FILES})
    done = models.run("fetch", **refusing(chmod="ignored"))
    assert done.returncode == 0, done.stderr
    note, *more = [line for line in done.stderr.splitlines() if " mode " in line]
    assert not more
    assert re.search(r"modelgen: note: .* keeps mode 0[67]00, so the container's user cannot read it: ", note)
    assert "has no modes; mount it readable for all, or move the hub directory to another one" in note
    hub.clear()
    assert models.run("fetch", **refusing(chmod="ignored")).returncode == 0
    assert hub.requests == []


def test_verify_does_not_call_fixed_what_stays_closed(tmp_path: Path) -> None:
    _, blobs = fetched(tmp_path)
    blobs[WEIGHTS].chmod(0o600)
    done = modelgen("verify", "--fix", cwd=tmp_path, env=refusing(chmod="ignored"))
    assert done.returncode == 1
    assert "mended" not in done.stdout
    assert "  cannot change it: " in done.stdout
    assert "1 found, 0 repaired or moved aside; make closed files readable" in done.stderr
    done = modelgen("verify", "--fix", "--format", "json", cwd=tmp_path, env=refusing(chmod="EPERM"))
    (found,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, found["fixed"]) == (1, False)
    assert modelgen("verify", "--fix", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("error", ["EINVAL", "ENOSYS", "EOPNOTSUPP"])
def test_a_refused_fsync_is_noted_once(hub: Hub, tmp_path: Path, error: str) -> None:
    models = project(tmp_path, hub, {"org/model": FILES})
    done = models.run("fetch", **refusing(fsync=error))
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert done.stderr.count("(fsync)") == 1


def test_a_checkpoint_is_added_to_a_hub_that_refuses_everything(tmp_path: Path) -> None:
    source = tmp_path / "ft"
    source.mkdir()
    (source / "tokenizer.json").write_text("{}")
    (source / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}')
    (source / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (tmp_path / "models.toml").write_text(complete('[project]\nname = "demo"\nhub = "hub"\n'))
    environment = refusing(flock="ENOLCK", chmod="EPERM", fsync="EINVAL")
    done = modelgen("add", "ft", "--as", "local/ft", cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in add(tmp_path, source)[1]


def test_a_checkpoint_that_was_added_where_modes_do_not_change_is_not_copied_again(tmp_path: Path) -> None:
    source = tmp_path / "ft"
    source.mkdir()
    (source / "tokenizer.json").write_text("{}")
    (source / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}')
    (source / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (tmp_path / "models.toml").write_text(complete('[project]\nname = "demo"\nhub = "hub"\n'))
    arguments = ("add", "ft", "--as", "local/ft")
    done = modelgen(*arguments, cwd=tmp_path, env=refusing(chmod="ignored"))
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if "the container's user cannot read it" in line]) == 1
    assert "nothing to do" in modelgen(*arguments, cwd=tmp_path, env=refusing(chmod="ignored")).stderr


def test_a_path_that_windows_does_not_open() -> None:
    short, long = Path("C:/hub/a"), Path("C:/hub") / ("a" * 250)
    assert too_long([short, long]) == long
    assert too_long([short]) is None
    assert too_long([]) is None


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for another process."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
