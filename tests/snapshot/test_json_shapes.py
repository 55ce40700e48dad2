"""The fields of what `--format json` prints, with their types: a line that changes or goes is a broken promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from bundling import SMALL, Source
from compiling import modelgen
from doctoring import FakeHost
from fit_projects import PROJECT, lock_of
from hub_project import project
from modelgen.operate.doctor import describe
from runtime_serving import engine, manifest, serving
from written_pages.command_line import commands

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from hub_double import Hub

pytestmark = pytest.mark.slow  # starts processes

OF_FILES = ("build", "fit", "lint", "plan", "validate")
OF_HUB = ("fetch", "inventory", "lock", "prune", "verify")
OF_ORCHESTRATOR = ("hold", "load", "logs", "release", "requests", "status", "switch", "unload", "usage", "why")
OF_HOST = ("doctor",)
OF_BUNDLES = ("bundle create",)
TYPES = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}


def fields(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field of a document with its type."""
    if isinstance(value, dict):
        yield path, "object"
        for key, item in value.items():
            yield from fields(item, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, "array"
        for item in value:
            yield from fields(item, f"{path}[]")
    else:
        yield path, TYPES[type(value)]


def shape(*documents: object) -> str:
    """Return the fields of one kind of document, a line each, with all types that they have in these documents."""
    types: dict[str, set[str]] = {}
    for document in documents:
        for path, type_ in fields(document):
            types.setdefault(path, set()).add(type_)
    return "\n".join(f"{path.removeprefix('.')}: {' or '.join(sorted(types[path]))}" for path in sorted(types) if path)


def parse(done: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - JSON
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def check(shapes: dict[str, str], names: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    assert {name.partition(" (")[0] if " (" in name else name.split()[0] for name in shapes} == {*names}
    assert "\n\n".join(f"{name}\n{text}" for name, text in sorted(shapes.items())) == snapshot


def test_every_command_is_here() -> None:
    with_json = {
        name
        for name, command in commands().items()
        for option in command.params
        if isinstance(option.type, click.Choice) and "json" in option.type.choices
    }
    assert with_json == {*OF_FILES, *OF_HUB, *OF_ORCHESTRATOR, *OF_HOST, *OF_BUNDLES}


def test_commands_about_files(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    file = tmp_path / "models.toml"
    file.write_text(PROJECT)
    (tmp_path / "models.lock").write_bytes(lock_of())

    def run(*command: str) -> Any:  # noqa: ANN401 - JSON
        return parse(modelgen(*command, "--format", "json", cwd=tmp_path))

    file.write_text(PROJECT + '[profiles.text]\nmodels = ["text-4b"]\n')
    fits = shape(run("fit"), run("fit", "--context", "1M"))
    file.write_text(PROJECT)
    planned = run("plan")
    assert modelgen("build", cwd=tmp_path).returncode == 0
    file.write_text(PROJECT.replace("max-model-len = 16384", "max-model-len = 8192, max-num-seqs = 8"))
    shapes = {"fit": fits, "plan": shape(planned, run("plan"))}
    file.write_text(PROJECT.replace("v0.11.0", "latest"))
    (tmp_path / "compose.yml").write_text("services: {a: {image: vllm/vllm-openai}}")
    shapes["lint"] = shape(run("lint"))
    check({**shapes, "validate": shape(run("validate")), "build": shape(run("build"))}, OF_FILES, snapshot)


def test_commands_about_the_hub(hub: Hub, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    config = b'{"model_type": "qwen3", "auto_map": {"AutoModel": "modeling.Model"}}'
    files = {"config.json": config, "model.bin": b"w" * 20_000, "modeling.py": b"import os"}
    made = project(tmp_path, hub, {"org/model": files})
    made.want("org/gone", files, "0" * 40)

    def run(*command: str) -> Any:  # noqa: ANN401 - JSON
        return parse(made.run(*command, "--format", "json", PATH=str(tmp_path)))  # without Docker

    events = [json.loads(line) for line in made.run("fetch", "--format", "json").stdout.splitlines()]
    shapes = {f"fetch {event['event']}": shape(event) for event in events}
    shapes["fetch --dry-run"] = shape(run("fetch", "--dry-run"))
    (tmp_path / "models.lock").unlink()
    failed = run("lock")
    made.snapshots.pop()
    made.write()
    shapes["lock"] = shape(failed, run("lock"))
    checked = run("lock", "--check")
    (tmp_path / "models.lock").unlink()
    shapes["lock --check"] = shape(checked, run("lock", "--check"))
    made.write()
    shapes["inventory"] = shape(run("inventory"))
    verified = run("verify")
    made.blob(made.snapshots[0], "model.bin").write_bytes(b"x")
    shapes["verify"] = shape(verified, run("verify"))
    made.snapshots.clear()
    made.want("org/model", files, hub.add("org/model", files | {"config.json": b"{}"}))
    assert made.run("fetch").returncode == 0
    shapes["prune"] = shape(run("prune", "--dry-run"))
    check(shapes, OF_HUB, snapshot)


def test_commands_of_a_running_orchestrator(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    (tmp_path / "models.toml").write_text(PROJECT.replace("text-4b", "bad"))
    bad = engine("bad", "--say", "torch.OutOfMemoryError: CUDA out of memory.", "--exit-at-start", "1")
    with serving(tmp_path, manifest(engine("one"), engine("two"), bad, capture=9)) as served:

        def run(name: str, *rest: str) -> Any:  # noqa: ANN401 - JSON
            return parse(modelgen(name, "--url", served.url, "--format", "json", *rest, cwd=tmp_path))

        assert served.chat("bad")[0] >= 500
        shapes = {"load": shape(run("load", "one"))}
        shapes["switch --dry-run"] = shape(run("switch", "two", "--dry-run"))
        shapes["switch"] = shape(run("switch", "two"))
        shapes["logs"] = shape(run("logs", "two"))
        shapes["hold"] = shape(run("hold", "one"))
        shapes["status"] = shape(run("status"))
        shapes["why"] = shape(run("why", "bad"), run("why", "two"))
        shapes["release"] = shape(run("release", "one"))
        shapes["unload"] = shape(run("unload", "one"))
        assert served.chat("two")[0] == 200
        shapes["requests"] = shape(run("requests"))
        shapes["requests --show"] = shape(run("requests", "--show", "2"))
        shapes["usage"] = shape(run("usage", "--by", "day", "--by", "model"))
    check(shapes, OF_ORCHESTRATOR, snapshot)


def test_the_host(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    fake = FakeHost(tmp_path)
    (tmp_path / "models.toml").write_text(PROJECT)
    document = parse(modelgen("doctor", "--format", "json", cwd=tmp_path, env=fake.environment))
    assert document["host"].keys() <= describe(fake.host()).keys()  # which are facts of the machine
    check({"doctor": shape({**document, "host": describe(fake.host())})}, OF_HOST, snapshot)


def test_commands_about_bundles(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    source = Source(tmp_path / "project", {"org/one": SMALL, "org/two": {"config.json": b"{}"}})
    (source.folder / "build" / "docker-compose.override.yml").write_text("{}")
    bundle = tmp_path / "bundle"

    def run(*args: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        return parse(source.create(bundle, "--format", "json", *args, code=code))

    shapes = {
        "bundle create (dry run)": shape(run("--dry-run", "--split", "100MB")),
        "bundle create (done)": shape(run()),
    }
    source.blob("org/two", "config.json").unlink()
    shapes["bundle create (faults)"] = shape(run(code=3))
    shapes["bundle create (left out)"] = shape(run("--keep-going"))
    check(shapes, OF_BUNDLES, snapshot)
