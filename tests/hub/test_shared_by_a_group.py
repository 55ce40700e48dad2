"""A hub directory that two users of one group share, as 2775: both fetch, add, resume and verify."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, python
from hub_project import Project, project
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub_double import Hub

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can be somebody else",
)
GROUP, FIRST, SECOND, STRANGER = 54321, 54322, 54323, 54324
FILES = {"config.json": b'{"architectures": ["Qwen3ForCausalLM"]}', "model.safetensors": bytes(range(256)) * 100}


@pytest.fixture
def models(hub: Hub) -> Iterator[Project]:
    """A project with a hub directory for the group, in folders that everybody may read; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="modelgen-test-") as folder:
        Path(folder).chmod(0o755)
        made = project(Path(folder), hub, {"org/model": FILES})
        made.hub.mkdir(parents=True)
        made.hub.parent.chmod(0o755)
        os.chown(made.hub, 0, GROUP)
        made.hub.chmod(0o2775)
        yield made


def somebody(user: int) -> list[str]:
    """Return what makes a command one of a user whose own group is another one.

    It may read everything, for Python itself may lie in a closed folder, and write only what it may.
    """
    groups = ["--clear-groups"] if user == STRANGER else ["--groups", str(GROUP)]
    read = ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
    return [
        "setpriv",
        "--reuid",
        str(user),
        "--regid",
        str(user),
        *groups,
        *read,
        "--bounding-set",
        "-all,+dac_read_search",
    ]


def start(models: Project, user: int, *args: str, umask: int = 0o022) -> subprocess.Popen[str]:
    """Start the command line as a user."""
    home = models.folder / f"home-{user}"
    home.mkdir(exist_ok=True)
    os.chown(home, user, user)
    return subprocess.Popen(
        [*somebody(user), sys.executable, "-m", "modelgen", *args],
        cwd=models.folder,
        env={**os.environ, **models.environment, "PYTHONPATH": str(REPOSITORY / "compiler"), "HOME": str(home)},
        umask=umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(models: Project, user: int, *args: str, code: int = 0, umask: int = 0o022) -> str:
    child = start(models, user, *args, umask=umask)
    out, talk = child.communicate(timeout=120)
    assert child.returncode == code, talk + out
    return talk + out


def wrong_modes(hub: Path) -> list[str]:
    """Return what the group cannot go on with, or others cannot read."""
    found = []
    for path in hub.rglob("*"):
        if path.is_symlink():
            continue
        status = path.lstat()
        mode, is_folder = stat.S_IMODE(status.st_mode), path.is_dir()
        wanted = 0o2775 if is_folder else 0o664
        if mode != wanted or status.st_gid != GROUP:
            found.append(f"{path.relative_to(hub)}: {mode:o} of group {status.st_gid}")
    return found


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_what_one_user_fetches_the_group_goes_on_with(hub: Hub, models: Project, umask: int) -> None:
    run(models, FIRST, "fetch", umask=umask)
    assert wrong_modes(models.hub) == []
    new = {**FILES, "config.json": b'{"architectures": ["LlamaForCausalLM"]}'}
    models.snapshots.clear()
    models.want("org/model", new, hub.add("org/model", new))
    models.want("org/other", FILES, hub.add("org/other", FILES))
    run(models, SECOND, "fetch", umask=umask)
    assert wrong_modes(models.hub) == []
    assert "no problems" in run(models, FIRST, "verify")
    assert {path.stat().st_uid for path in models.hub.rglob("*")} == {FIRST, SECOND}


def test_the_second_user_resumes_what_the_first_began(hub: Hub, models: Project, large: Path) -> None:
    models.snapshots.clear()
    models.want("org/large", {"model.safetensors": large}, hub.add("org/large", {"model.safetensors": large}))
    hub.faults.slow(3_000_000)
    first = start(models, FIRST, "fetch", umask=0o077)
    part = models.hub / ".locks/modelgen/partial/models--org--large" / models.snapshots[0].files[0].etag
    wait_for(first, lambda: part.exists() and part.stat().st_size > 1_000_000)
    first.kill()  # and leaves its lock, its note and its part
    first.communicate()
    kept = part.stat().st_size
    hub.faults.clear()
    assert f"{of_files(kept)} of them from an earlier run" in run(models, SECOND, "fetch")
    assert wrong_modes(models.hub) == []


def wait_for(child: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    while not condition():
        assert child.poll() is None


# Another user without the right to read everything, which Python needs only to begin.
LEFTOVERS = f"""
import os, sys
from pathlib import Path
from types import SimpleNamespace
from modelgen.hub.fetching.leftovers import remove_leftovers
folder = Path(sys.argv[1])
os.setgroups([{GROUP}]), os.setgid({SECOND}), os.setuid({SECOND})
remove_leftovers(folder.parent, [SimpleNamespace(folder=folder, files={{}})])
"""


def test_what_a_killed_client_of_the_first_left_is_in_nobodys_way(models: Project) -> None:
    run(models, FIRST, "fetch")
    folder = models.hub / "models--org--model"
    probe, orphan = folder / "tmp0123abcd", folder / "blobs" / f"{'0' * 64}.0123abcd.incomplete"
    probe.mkdir(mode=0o700)
    orphan.touch()
    for path in (probe, orphan):
        os.chown(path, FIRST, GROUP)
    done = python("-c", LEFTOVERS, str(folder), cwd=models.folder)
    assert done.returncode == 0, done.stderr
    assert (probe.exists(), orphan.exists()) == (True, False)


def test_both_add(models: Project) -> None:
    for user, name in ((FIRST, "one"), (SECOND, "two"), (SECOND, "one")):
        source = models.folder / f"{user}-{name}"
        source.mkdir()
        (source / "config.json").write_text(f'{{"architectures": ["Qwen3ForCausalLM"], "{user}": 1}}')
        (source / "tokenizer.json").write_text("{}")
        (source / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        run(models, user, "add", str(source), "--as", f"local/{name}", "--no-table", umask=0o077)
        assert wrong_modes(models.hub) == []


def test_the_second_user_fixes_what_the_first_fetched(models: Project) -> None:
    run(models, FIRST, "fetch")
    entry = models.snapshots[0]
    (models.snapshot(entry).parents[1] / "refs/main").write_text("wrong")
    os.truncate(models.blob(entry, "model.safetensors"), 5)
    run(models, SECOND, "verify", "--fix", code=1)
    run(models, SECOND, "fetch")
    assert wrong_modes(models.hub) == []
    assert "no problems" in run(models, SECOND, "verify")


def test_a_mode_that_only_its_owner_can_change(models: Project) -> None:
    run(models, FIRST, "fetch")
    blob = models.blob(models.snapshots[0], "model.safetensors")
    blob.chmod(0o660)
    talk = run(models, SECOND, "verify", "--fix", code=1)
    assert f"cannot change it: it belongs to user {FIRST}; let that user run `chmod a+rX {blob}`" in talk
    run(models, FIRST, "verify", "--fix")
    assert "no problems" in run(models, SECOND, "verify")


def test_a_hub_of_another_user_is_refused_before_the_first_byte(hub: Hub, models: Project) -> None:
    os.chown(models.hub, FIRST, GROUP)
    talk = run(models, STRANGER, "fetch", code=3)
    assert talk == (
        f"modelgen: cannot write {models.hub}: it belongs to user {FIRST}; run this as user {FIRST}, or let user "
        f"{FIRST} share it with a group that both are in: `chgrp -R GROUP {models.hub}; chmod -R g+rwX {models.hub}; "
        f"find {models.hub} -type d -exec chmod g+s {{}} +`\n"
    )
    assert hub.requests == []


def test_a_repository_of_another_user_is_refused_until_it_is_shared(hub: Hub, models: Project) -> None:
    run(models, FIRST, "fetch")
    new = {**FILES, "config.json": b"[]"}
    models.snapshots.clear()
    models.want("org/model", new, hub.add("org/model", new))
    blobs = models.hub / "models--org--model/blobs"
    blobs.chmod(0o755)
    hub.clear()
    talk = run(models, SECOND, "fetch", code=3)
    assert f"cannot write {blobs}: it belongs to user {FIRST}; run this as " in talk
    assert hub.requests == []
    advice = talk.partition("`")[2].partition("`")[0].replace("GROUP", str(GROUP))
    subprocess.run([*somebody(FIRST), "sh", "-c", advice], check=True)
    run(models, SECOND, "fetch")
    assert "no problems" in run(models, SECOND, "verify")


def test_a_folder_like_tmp_is_no_reason_to_let_a_group_write(models: Project) -> None:
    models.hub.rmdir()
    models.hub.parent.chmod(0o1777)
    run(models, FIRST, "fetch", umask=0o002)
    # The client lets a group write to its locks wherever they are.
    made = [path for path in models.hub.rglob("*") if not path.is_symlink() and path.suffix != ".lock"]
    assert {path.stat().st_mode & 0o022 for path in made} == {0}


def test_a_hub_that_is_read_only_for_this_user(hub: Hub, models: Project) -> None:
    run(models, FIRST, "fetch")
    hub.clear()
    assert run(models, STRANGER, "fetch") == f"{models.hub}: nothing is missing\n"
    (models.hub / ".locks/modelgen/seen.json").unlink()  # a hub that was copied has none
    assert run(models, STRANGER, "fetch") == f"{models.hub}: nothing is missing\n"
    assert "no problems" in run(models, STRANGER, "verify")
    assert hub.requests == []
