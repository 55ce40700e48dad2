"""A file without errors always comes out, as YAML that every parser reads alike, and its starts can be ordered."""

from __future__ import annotations

import posixpath
from graphlib import TopologicalSorter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import fuzzing  # noqa: F401 - sets how much is tried
import yaml
from hypothesis import given
from toml_plain import dump
from valid_files import valid_files

from compiling import check
from modelgen.pipeline import compile_source
from modelgen.targets.readback import find_difference, parse_yaml

if TYPE_CHECKING:
    from toml_writer import Table

    from modelgen.pipeline import Compilation


@given(valid_files())
def test_a_file_without_errors_comes_out(file: Table) -> None:
    compilation = compile_valid(file)
    rendered = compilation.artifacts["docker-compose.yml"]
    document = yaml.load(rendered, Loader=yaml.CSafeLoader)
    assert find_difference(parse_yaml(rendered), document) is None
    services = document["services"]
    for service in services.values():
        # Compose refuses both.
        assert len(mounted(service)) == len({*mounted(service)}), mounted(service)
        for key in ("devices", "group_add"):
            assert len(service.get(key, ())) == len({*service.get(key, ())}), service[key]
    assert {*read_services(compilation)} == {*file.get("models", ())}


@given(valid_files(crowded=True))
def test_models_that_share_a_profile_and_a_card_start_one_after_the_other(file: Table) -> None:
    services = read_services(compile_valid(file))
    waits_for = {model: {*service.get("depends_on", ())} for model, service in services.items()}
    prefix = f"{file['project']['name']}-"
    names = {model: service["container_name"].removeprefix(prefix) for model, service in services.items()}
    order = TopologicalSorter({names[model]: others for model, others in waits_for.items()})
    assert {*order.static_order()} == {*names.values()}
    together = {pair for profile in file["profiles"].values() for pair in combinations(sorted(profile["models"]), 2)}
    for one, other in combinations(sorted(services), 2):
        has_one_card = not {*file["models"][one].get("gpus", ())}.isdisjoint(file["models"][other].get("gpus", ()))
        waits = names[one] in waits_for[other] or names[other] in waits_for[one]
        assert waits == (has_one_card and (one, other) in together), (one, other)


def mounted(service: dict[str, Any]) -> list[str]:
    """Return all places in the container at which something is mounted."""
    volumes = [
        volume["target"] if isinstance(volume, dict) else volume.rsplit(":", 2)[1]
        for volume in service.get("volumes", ())
    ]
    return [posixpath.normpath(target) for target in (*volumes, *(at.split(":")[0] for at in service.get("tmpfs", ())))]


def compile_valid(file: Table) -> Compilation:
    """Compile a file that is drawn to have no error, so that no error hides a rendering that was never tried."""
    compilation = compile_source(dump(file).encode())
    assert not compilation.failed, check(dump(file))
    return compilation


def read_services(compilation: Compilation) -> dict[str, dict[str, Any]]:
    """Return the rendered services by the id of their model."""
    document = yaml.load(compilation.artifacts["docker-compose.yml"], Loader=yaml.CSafeLoader)
    models = [service for name, service in document["services"].items() if name not in ("orchestrator", "socket-proxy")]
    return {service["labels"]["modelgen.model"]: service for service in models}
