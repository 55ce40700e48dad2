"""`modelgen lock` finds names that the hub directory cannot hold, before anything is fetched into it."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from lock_project import Project, model, safetensors
from modelgen.hub.locking.target_names import Target, ignores_case

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
    "a dot at the end": (["vocab."], "a name cannot end with a dot or a space"),
    "a space at the end of a folder": (["deep /x"], "a name cannot end with a dot or a space"),
    "a colon": (["ab:c"], "a name cannot contain ':'"),
    "another case": (["Vocab.txt", "vocab.txt"], "'Vocab.txt' and 'vocab.txt' are the same name there"),
    "folders of another case": (["Deep/a", "deep/b"], "'Deep/a' and 'deep/b' are the same name there"),
    "another form": ([NFC, NFD], "are the same name there"),
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
    assert f"{why}; write `exclude = [" in done.stderr
    assert "in the model's table in models.toml, or put the hub directory on another file system" in done.stderr


def pasted(told: str) -> str:
    lines: list[str] = re.findall(r"`(exclude = \[.*?\])` in the model's table", told)
    assert len({*lines}) == 1, told
    return lines[0]


def test_all_of_a_repository_are_named_in_one_run_and_the_list_can_be_pasted(tmp_path: Path, hub: Hub) -> None:
    names = ["con.json", "aux [1].json", "ab:c", "deep/nul", "Config.json", "Deep/x", "vocab.", "deep/y", NFC, NFD]
    project = project_with(tmp_path, hub, names)
    project.write(model("text", "org/text", 'exclude = ["*.md"]') + WSL)
    told = project.run().stderr
    assert "text: org/text has 7 files that a Windows drive (`hub` is " in told
    project.write(model("text", "org/text", pasted(told)) + WSL)
    kept = [file.path for file in project.lock().snapshots[0].files]
    assert {"config.json", "model.safetensors", "deep/y"} <= {*kept}


def test_of_twins_the_one_that_is_not_needed_is_excluded(tmp_path: Path, hub: Hub) -> None:
    project = project_with(tmp_path, hub, ["Config.json", "CONFIG.JSON"])
    told = project.run().stderr
    assert "'Config.json' and 'config.json' are the same name there" in told
    assert pasted(told) == 'exclude = ["CONFIG.JSON", "Config.json"]'


def test_names_that_no_host_holds_are_named_in_one_run(tmp_path: Path, hub: Hub) -> None:
    project = project_with(tmp_path, hub, ["a?.json", "b*.json"], "")
    told = project.run().stderr
    assert "has 2 files that not every host can store: 'a?.json', 'b*.json'; write `exclude = [" in told
    project.write(model("text", "org/text", pasted(told)))
    project.lock()


def test_a_file_without_which_nothing_loads_is_not_to_be_excluded(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", {"config.json": b"{}", "aux.safetensors": safetensors(a=("BF16", 400))})
    told = Project(tmp_path, hub, model("text", "org/text") + WSL).run().stderr
    assert "'aux' is the name of a device; put the hub directory on another file system" in told


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
    assert "'Vocab.txt' and 'vocab.txt' are the same name there" in done.stderr
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
    assert "a name cannot have more than 255" in target.unfit([name])[name]
    assert target.unfit([name[: len(name) // 2]]) == {}


@pytest.mark.parametrize("name", ["console.json", "com10", "auxiliary/x", "nul_.txt", "a.con"])
def test_names_that_only_look_like_devices(name: str) -> None:
    assert Target(is_windows=True).unfit([name]) == {}
