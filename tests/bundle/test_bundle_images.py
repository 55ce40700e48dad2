"""Images go into Docker as the archives that `docker save` wrote, and everything else does not wait for them."""

from __future__ import annotations

import json
import stat
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from bundles import Written
from modelgen_importer import load

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the double of docker is a shell script")
CONFIG = json.dumps({"architecture": "amd64", "rootfs": {"diff_ids": ["sha256:11"]}}).encode()
MEMBERS = {"config.json": CONFIG, "a/layer.tar": bytes(range(256)) * 5000, "manifest.json": b"[]"}
DOCKER = """#!/bin/sh
cd {state}
case "$1" in
  version) test ! -e down || {{ echo no daemon >&2; exit 1; }}; cat arch ;;
  image) cat now 2>/dev/null || exit 1 ;;
  load) test ! -e failing || {{ echo no space left on device >&2; exit 1; }}; cat > archive.tar && cp next now ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a `docker` that has the image in `next` once it has loaded anything."""
    folder = tmp_path / "docker"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(DOCKER.format(state=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    (folder / "arch").write_text("amd64\n")
    (folder / "next").write_text('sha256:00 amd64 ["sha256:11"]\n')
    return folder


def bundle_of(tmp_path: Path, volume: int | None = None) -> Path:
    written = Written({"models.toml": b"x = 1\n"}).image("engine:1", MEMBERS, "config.json")
    return written.write(tmp_path / "bundle", volume=volume)


def test_an_image_is_loaded_once(tmp_path: Path, docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, target = bundle_of(tmp_path), tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert "loading engine:1, 1.3 MB" in capsys.readouterr().out
    with tarfile.open(docker / "archive.tar") as archive:
        read = {member.name: getattr(archive.extractfile(member), "read", str)() for member in archive}
        assert {member.mtime + member.uid + member.gid for member in archive} == {0}
    assert list(read.items()) == [("a", ""), *MEMBERS.items()]
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert "loading" not in capsys.readouterr().out


def test_an_image_in_several_volumes_is_kept_until_it_is_whole(tmp_path: Path, docker: Path) -> None:
    bundle, target = bundle_of(tmp_path, volume=700_000), tmp_path / "target"
    codes = [load.main(["--into", str(target), str(bundle / f"vol{number}")]) for number in (3, 1, 2)]
    assert codes == [1, 1, 0]
    with tarfile.open(docker / "archive.tar") as archive:
        assert archive.getnames() == ["a", *MEMBERS]
    kept = {path.read_bytes() for path in (target / ".modelgen/bundle/current/blobs").iterdir()}
    assert kept == {b"x = 1\n", CONFIG}


def test_a_damaged_layer_never_comes_to_its_end(
    tmp_path: Path, docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, target = bundle_of(tmp_path), tmp_path / "target"
    large = max((bundle / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    large.write_bytes(bytes(large.stat().st_size))
    assert load.main(["--into", str(target), str(bundle)]) == 1
    assert capsys.readouterr().err == f"{large} is damaged: it has another hash; copy it again\n"
    assert not (docker / "now").exists()
    assert not (target / "models.toml").exists()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("down", "Docker does not answer (no daemon)"),
        ("failing", "Docker cannot load engine:1 (no space left on device)"),
    ],
)
def test_without_docker_everything_else_is_loaded(
    tmp_path: Path, docker: Path, capsys: pytest.CaptureFixture[str], fault: str, reason: str
) -> None:
    bundle, target = bundle_of(tmp_path), tmp_path / "target"
    (docker / fault).write_text("arm64\n")
    assert load.main(["--into", str(target), str(bundle)]) == 3
    assert f"not all images are loaded: {reason}; then run `" in capsys.readouterr().err
    assert (target / "models.toml").read_text() == "x = 1\n"
    (docker / fault).unlink()
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert (docker / "archive.tar").exists()


def test_another_image_of_that_name_is_refused(
    tmp_path: Path, docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (docker / "next").write_text('sha256:00 arm64 ["sha256:11"]\n')
    assert load.main(["--into", str(tmp_path / "target"), str(bundle_of(tmp_path))]) == 1
    assert "Docker has another image as engine:1 than the bundle" in capsys.readouterr().err


def test_a_rollback_needs_the_images_that_were_there(
    tmp_path: Path, docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle_of(tmp_path))]) == 0
    newer = Written({"models.toml": b"x = 2\n"}).write(tmp_path / "newer")
    assert load.main(["--into", str(target), str(newer)]) == 0
    assert [load.main(["--into", str(target), "--rollback"]) for _ in range(2)] == [0, 0]
    (docker / "now").unlink()
    assert load.main(["--into", str(target), "--rollback"]) == 3
    assert "engine:1 is not in this bundle, and Docker no longer has it" in capsys.readouterr().err
    assert (target / "models.toml").read_text() == "x = 1\n"
