"""Bundles are loaded into a project and its hub directory."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import snapshot_download

from bundles import COMMIT, Written, write_sums
from modelgen_importer import load, verify

if TYPE_CHECKING:
    from pytest import CaptureFixture as Capture  # noqa: PT013 - a type

WEIGHTS = random.Random(7).randbytes(3_000_000)
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "deep/er/vocab.json": b"[]"}
PROJECT = {"models.toml": b"x = 1\n", "models.lock": b"{}", "build/docker-compose.yml": b"services: {}\n"}


def written() -> Written:
    return Written(PROJECT).snapshot(FILES).asset("o200k.tiktoken", b"IQ== 0\n")


def is_loaded(target: Path) -> bool:
    hub = target / "models" / "hub"
    snapshot = Path(snapshot_download("org/model", cache_dir=hub, local_files_only=True))
    assert snapshot.name == COMMIT
    return all((snapshot / path).read_bytes() == data for path, data in FILES.items()) and all(
        (target / path).read_bytes() == data for path, data in PROJECT.items()
    )


def test_a_bundle_is_right_and_opens_offline_once_it_is_loaded(tmp_path: Path, capsys: Capture[str]) -> None:
    bundle, target = written().write(tmp_path / "bundle"), tmp_path / "target"
    assert verify.main([str(bundle)]) == 0
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert is_loaded(target)
    assert f"next: cd {target} && modelgen up --offline" in capsys.readouterr().out
    pointer = target / f"models/hub/models--org--model/snapshots/{COMMIT}/deep/er/vocab.json"
    assert pointer.readlink() == Path("../../../../blobs/0637a088a01e8ddab3bf3fa98dbe804cbde1a0dc")
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert "0 B copied, 4 files were there" in capsys.readouterr().out


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_volumes_come_one_after_the_other(tmp_path: Path, capsys: Capture[str], order: tuple[int, ...]) -> None:
    bundle, target = written().write(tmp_path / "bundle", volume=2_000_000), tmp_path / "target"
    for number in order[:-1]:
        assert verify.main([str(bundle / f"vol{number}")]) == 0
        assert load.main(["--into", str(target), str(bundle / f"vol{number}")]) == 1
        assert not (target / "models.toml").exists()
    assert f"volume {order[-1]} is to come" in capsys.readouterr().out
    assert load.main(["--into", str(target), str(bundle / f"vol{order[-1]}")]) == 0
    assert is_loaded(target)


def test_a_cut_content_of_two_repositories_comes_once(tmp_path: Path) -> None:
    bundle, target = (
        written().snapshot(FILES, repo="org/twin").write(tmp_path / "bundle", volume=2_000_000),
        tmp_path / "t",
    )
    codes = [load.main(["--into", str(target), str(bundle / f"vol{number}")]) for number in (1, 2, 3)]
    assert codes == [1, 1, 0]
    twin = snapshot_download("org/twin", cache_dir=target / "models/hub", local_files_only=True)
    assert Path(twin, "model.safetensors").read_bytes() == WEIGHTS


def test_a_damaged_blob_is_found_and_nothing_gets_its_name(tmp_path: Path, capsys: Capture[str]) -> None:
    bundle, target = written().write(tmp_path / "bundle"), tmp_path / "target"
    large = max((bundle / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    large.write_bytes(WEIGHTS[:-1] + b"?")
    sentence = f"{large} is damaged: it has another hash; copy it again\n"
    assert verify.main([str(bundle)]) == 1
    assert capsys.readouterr().err == sentence
    assert load.main(["--into", str(target), str(bundle)]) == 1
    assert capsys.readouterr().err == sentence
    assert not (target / "models/hub/models--org--model/snapshots").exists()
    large.write_bytes(WEIGHTS)
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert is_loaded(target)


def test_edited_files_are_kept_until_forced(tmp_path: Path, capsys: Capture[str]) -> None:
    bundle, target = written().write(tmp_path / "bundle"), tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle)]) == 0
    (target / "models.toml").write_text("mine")
    newer = Written({"models.toml": b"x = 2\n", "models.lock": b"{2}"}).snapshot(FILES).write(tmp_path / "newer")
    capsys.readouterr()
    assert load.main(["--into", str(target), str(newer)]) == 1
    assert capsys.readouterr().err == f"{target / 'models.toml'} was edited here and is kept; `--force` replaces it\n"
    assert (target / "models.toml").read_text() == "mine"
    assert (target / "models.lock").read_text() == "{2}"
    assert not (target / "build").exists()
    assert load.main(["--into", str(target), str(newer), "--force"]) == 0
    assert (target / "models.toml").read_text() == "x = 2\n"
    (target / "models.toml").write_text("mine again")
    assert load.main(["--into", str(target), str(newer), "--force"]) == 0
    edited = {path.name: path.read_text() for path in (target / ".modelgen/bundle/edited").iterdir()}
    assert edited == {"models.toml": "mine", "models.toml.1": "mine again"}
    assert load.main(["--into", str(target), "--rollback"]) == 0
    assert is_loaded(target)


def test_a_changed_manifest_is_refused(tmp_path: Path, capsys: Capture[str]) -> None:
    bundle = written().write(tmp_path / "bundle")
    text = (bundle / "bundle.json").read_text().replace("models.lock", "../models.lock")
    (bundle / "bundle.json").write_text(text)
    assert load.main(["--into", str(tmp_path / "target"), str(bundle)]) == 1
    assert "is not as SHA256SUMS says" in capsys.readouterr().err
    write_sums(bundle)
    assert load.main(["--into", str(tmp_path / "target"), str(bundle)]) == 1
    assert "files[1].path has the value '../models.lock'" in capsys.readouterr().err
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("steps", range(4))
def test_a_rollback_that_was_killed_while_states_change_places(tmp_path: Path, steps: int) -> None:
    target, state = tmp_path / "target", tmp_path / "target/.modelgen/bundle"
    for number in (1, 2):
        bundle = Written({"models.toml": b"x = %d\n" % number}).snapshot(FILES).write(tmp_path / f"bundle{number}")
        assert load.main(["--into", str(target), str(bundle)]) == 0
    older, newer = ((state / name / "bundle.json").read_bytes() for name in ("previous", "current"))
    shutil.copytree(state / "previous", state / "incoming")
    (target / "models.toml").write_bytes(b"x = 1\n")
    for name, place in (("previous", "replaced"), ("current", "previous"), ("incoming", "current"))[:steps]:
        (state / name).rename(state / place)
    assert load.main(["--into", str(target), "--rollback"]) == 0
    assert (target / "models.toml").read_bytes() == b"x = 1\n"
    assert [(state / name / "bundle.json").read_bytes() for name in ("current", "previous")] == [older, newer]
    assert sorted(path.name for path in state.iterdir()) == ["current", "previous"]
