"""What the note of the last `up` covers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from modelgen.cli.up import done

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_edited_file_of_flags_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, flags, out = tmp_path / "models.toml", tmp_path / "serving.yaml", tmp_path / "build"
    config.write_text("")
    flags.write_text("max-num-seqs: 4\n")
    out.mkdir()
    deployment = cast("Any", SimpleNamespace(project="x", folder=out, containers=dict))
    running = object()
    monkeypatch.setattr(done, "_find_running", lambda *_: running)
    done.note_done(config, deployment, "127.0.0.1:1", [str(flags)])
    assert done.find_unchanged(config, out) is running
    flags.write_text("max-num-seqs: 8\n")
    assert done.find_unchanged(config, out) is None
    flags.unlink()
    assert done.find_unchanged(config, out) is None
