"""`modelgen lock` finds names that the hub directory cannot hold, before anything is fetched into it."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

import pytest

from lock_project import Project, model, safetensors
from modelgen.hub.target_names import Target, ignores_case

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

FILES: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 400))}
WSL = '[host]\nplatform = "wsl2"\n'
NFC, NFD = (unicodedata.normalize(form, "é.json") for form in ("NFC", "NFD"))
UNFIT = {
    "a device": (["con.json"], "'con' is the name of a device"),
    "a device in a folder": (["deep/AUX/x.json"], "'AUX' is the name of a device"),
    "a device without an extension": (["nul"], "'nul' is the name of a device"),
    "a port": (["com1.tar.gz"], "'com1' is the name of a device"),
    "a superscript": (["LPT².txt"], "'LPT²' is the name of a device"),
    "a dot at the end": (["vocab."], "no name ends with a dot or a space"),
    "a space at the end of a folder": (["deep /x"], "no name ends with a dot or a space"),
    "a colon": (["ab:c"], "no name holds ':'"),
    "another case": (["Vocab.txt", "vocab.txt"], "'vocab.txt' and 'Vocab.txt' have one name there"),
    "folders of another case": (["Deep/a", "deep/b"], "'deep/b' and 'Deep/a' have one name there"),
    "another form": ([NFC, NFD], "have one name there"),
}


def project_with(folder: Path, hub: Hub, names: list[str], toml: str = WSL) -> Project:
    hub.add("org/text", FILES | {name: name.encode() for name in names})
    return Project(folder, hub, model("text", "org/text") + toml)


@pytest.mark.parametrize(("names", "why"), UNFIT.values(), ids=UNFIT.keys())
def test_a_windows_drive(tmp_path: Path, hub: Hub, names: list[str], why: str) -> None:
    project = project_with(tmp_path, hub, names)
    done = project.run()
    assert (done.returncode, project.path.exists()) == (1, False)
    assert "modelgen: text: org/text has a file that a Windows drive (`hub` is " in done.stderr
    assert f"{why}; `exclude` it in models.toml, or put the hub directory on another file system" in done.stderr


def test_what_is_excluded_does_not_matter(tmp_path: Path, hub: Hub) -> None:
    project = project_with(tmp_path, hub, ["con.json", "aux.png"])  # pictures are left out anyway
    project.write(model("text", "org/text", 'exclude = ["con.json"]') + WSL)
    project.lock()


def test_linux_holds_them_all(tmp_path: Path, hub: Hub) -> None:
    project_with(tmp_path, hub, ["con.json", "vocab.", "Vocab.txt", "vocab.txt"], "").lock()


def hub_at(project: Project, hub: str) -> None:
    toml = (project.folder / "models.toml").read_text()
    lines = [f"hub = '{hub}'" if line.startswith("hub = ") else line for line in toml.splitlines()]
    (project.folder / "models.toml").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("hub_directory", "code"), [("C:\\models", 1), ("/mnt/c/models", 1), ("./models/hub", 1), ("/srv/models", 0)]
)
def test_where_the_hub_directory_is_decides(tmp_path: Path, hub: Hub, hub_directory: str, code: int) -> None:
    project = project_with(tmp_path, hub, ["con.json"])
    hub_at(project, hub_directory)
    assert project.run().returncode == code


def test_a_file_system_that_ignores_case(tmp_path: Path, hub: Hub) -> None:
    project = project_with(tmp_path, hub, ["con.json", "Vocab.txt", "vocab.txt"], "")
    project.hub_folder.mkdir(parents=True)
    (project.hub_folder / "entry").touch()
    os.link(project.hub_folder / "entry", project.hub_folder / "ENTRY")  # which such a file system shows by both names
    done = project.run()
    assert done.returncode == 1
    assert "'vocab.txt' and 'Vocab.txt' have one name there" in done.stderr
    project.write(model("text", "org/text", 'exclude = ["Vocab.txt"]'))
    project.lock()


def test_what_was_locked_before_is_told_too(tmp_path: Path, hub: Hub) -> None:
    project = project_with(tmp_path, hub, ["con.json"], "")
    before = project.lock()
    project.write(model("text", "org/text") + WSL)
    done = project.run()
    assert done.returncode == 1
    assert "'con' is the name of a device" in done.stderr
    assert project.read() == before


def test_a_probe_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "Some").touch()
    before = tmp_path.stat().st_mtime_ns
    assert not ignores_case(tmp_path / "hub" / "deep")
    assert tmp_path.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["x" * 256, "é" * 256, "\U0001f600" * 128])
def test_255_units_are_the_most(name: str) -> None:
    target = Target(is_windows=True)
    assert "no name is longer than 255" in (target.why_not([name]) or "")
    assert target.why_not([name[: len(name) // 2]]) is None


@pytest.mark.parametrize("name", ["console.json", "com10", "auxiliary/x", "nul_.txt", "a.con"])
def test_names_that_only_look_like_devices(name: str) -> None:
    assert Target(is_windows=True).why_not([name]) is None
