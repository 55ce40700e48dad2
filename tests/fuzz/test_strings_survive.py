"""Any text in any place that takes text comes out of an independent YAML parser as it was written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import fuzzing  # noqa: F401 - sets how much is tried
import pytest
import yaml
from compose_keys import NAMES
from hypothesis import assume, example, given
from toml_plain import dump
from toml_strings import texts

from compiling import check
from modelgen.lower.files import is_relative
from modelgen.pipeline import compile_source
from modelgen.targets.yaml_scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from toml_writer import Table

    from modelgen.ir import Service

    Place = tuple[Callable[[str], Table], Callable[[dict[str, Any]], object]]

# Awkward in YAML 1.1, in YAML 1.2, in Jinja, or in Compose's interpolation.
AWKWARD = [
    *["- a", "a: b", "a #b", "{{ a }}", "{% raw %}", "{# a #}", "$", "$$a", "${A:-$B}", "no", "null", "'", '"'],
    *["'\"", "\\", "\\n", "---", "...", "%YAML 1.1", "~", "=", "<<", "0x1F", "1_000", "22:22", "1e3", ".inf"],
    *["2001-01-01", "&a", "*a", "!!int 1", "@", "`", "?", ": ", "\ta", " ", "a", "", "\n", "a\n", "\r\n"],
    *["\x7f\x01\x1b", "\x85", "\u2028a\u2029", "|", '{"a": "$b"}', "\ufeff", "\ufffe", "\U0001f680"],
]


def vllm(**keys: object) -> Table:
    return {"repo": "Qwen/Qwen3-4B", "args": {"max-model-len": 1}} | keys


def flag(value: object) -> Table:
    return vllm(args={"max-model-len": 1, "x": value})


def program(*command: str, **keys: object) -> Table:
    return {"engine": "command", "image": "registry.example/a:1", "command": ["serve", *command]} | keys


def compose(**keys: object) -> Table:
    return vllm(compose=keys)


OWN = ("orchestrator", "socket-proxy")
# What the user writes into the model's table → where it must stand in the service.
PLACES: dict[str, Place] = {
    "args": (flag, lambda service: _flag_value(service["command"])),
    "args, a list": (lambda text: flag(["a", f"b{text}"]), lambda service: service["command"][-1][1:]),
    "args, nested": (
        lambda text: flag({"a": [text, {text: text}]}),
        lambda service: _json_text(service["command"][-1]),
    ),
    "env": (lambda text: vllm(env={"X": f"-{text}"}), lambda service: service["environment"]["X"][1:]),
    "command": (program, lambda service: service["command"][-1]),
    "command, within": (lambda text: program(f"a{text}"), lambda service: service["command"][-1][1:]),
    "label": (lambda text: compose(labels={"x": text}), lambda service: service["labels"]["x"]),
    "label, listed": (lambda text: compose(labels=[f"x={text}"]), lambda service: service["labels"]["x"]),
    "annotation": (lambda text: compose(annotations={"x": text}), lambda service: service["annotations"]["x"]),
    "logging driver": (lambda text: compose(logging={"driver": text}), lambda service: service["logging"]["driver"]),
    "logging option": (
        lambda text: compose(logging={"options": {"x": text}}),
        lambda service: service["logging"]["options"]["x"],
    ),
    "network, its options": (
        lambda text: compose(networks={"x": {"aliases": [text], "driver_opts": {"o": text}}}),
        lambda service: _equal(service["networks"]["x"]["aliases"][0], service["networks"]["x"]["driver_opts"]["o"]),
    ),
    "volume, below": (
        lambda text: compose(volumes=[{"type": "volume", "source": "x", "target": "/x", "volume": {"subpath": text}}]),
        lambda service: service["volumes"][-1]["volume"]["subpath"],
    ),
    "volume, its target": (
        lambda text: compose(volumes=[{"type": "tmpfs", "target": f"/x/-{text}"}]),
        lambda service: service["volumes"][-1]["target"][4:],
    ),
}
PLACES |= {
    key: (lambda text, key=key: compose(**{key: [text]}), lambda service, key=key: service[key][-1])  # type: ignore[misc]
    for key in ("cap_add", "cap_drop", "device_cgroup_rules", "dns", "dns_search", "security_opt")
}
PLACES |= {
    key: (lambda text, key=key: compose(**{key: text}), lambda service, key=key: service[key])  # type: ignore[misc]
    for key in ("cgroup_parent", "domainname", "working_dir")
}


def is_kept(text: str) -> bool:
    """Return whether a text is no file of the host, which would be mounted, and has no placeholder."""
    return not is_relative(text) and not re.search(r"\{(?:port|model|hub)\}", text)


@given(texts().filter(is_kept))
def test_values(text: str) -> None:
    assert changed(text) == []


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_awkward_values(text: str) -> None:
    assert changed(text) == []


def changed(text: str) -> list[str]:
    """Return the places at which `text` does not come out as it was written: one file with a model for each."""
    file = {"models": {f"m{number}": write(text) for number, (write, _) in enumerate(PLACES.values())}}
    services = models_of(build_document(file))
    read = {place: reader(services[f"m{number}"]) for number, (place, (_, reader)) in enumerate(PLACES.items())}
    return [f"{place}: {found!r}" for place, found in read.items() if undoubled(found) != text]


@given(texts(min_size=1), texts(min_size=1))
@example("<<", "null")
@example("=", "$a")
@example("\n", "\x85")
def test_names(label: str, option: str) -> None:
    """Compose replaces nothing in keys, so a `$` in them stays single."""
    service = build_service(compose(labels={label: "1"}, sysctls={option: "2"}))
    assert service["labels"][label] == "1"
    assert service["sysctls"] == {option: "2"}


@given(NAMES, NAMES)
@example("models", "cache")
@example("null", "No")
@example("1e3", "0x1")
@example("22", "on")
def test_names_of_networks_and_volumes(network: str, volume: str) -> None:
    table = compose(networks=[network], volumes=[f"{volume}:/data"])
    document = build_document({"models": {"a": table}})
    assert {*document["services"]["vllm-a"]["networks"]} == {"models", network}
    assert {*document["networks"]} == {"models", "edge", "socket-proxy", network}
    assert document["services"]["vllm-a"]["volumes"][-1] == f"{volume}:/data"
    assert volume in document["volumes"]


@given(texts())
def test_places_that_only_the_fleet_knows(text: str) -> None:
    assume(text and text.isprintable() and not re.search(r"://|--|\\|\.\.", text))
    file = {
        "project": {"name": "demo", "hub": f"/{text}"},
        "orchestrator": {"keys_file": f"/keys/k{text}", "allowed_hosts": [text]},
        "models": {"a": program("{hub}", "{model}", upstream_name=text, health=f"/{text}")},
    }
    compilation = compile_source(dump(file).encode())
    fleet = compilation.fleet
    assert fleet is not None, check(dump(file))
    service: Service = fleet.services[0]
    assert service.readiness.path == f"/{text}"
    assert fleet.orchestrator.keys_file == f"/keys/k{text}"
    assert service.upstream_name == fleet.orchestrator.allowed_hosts[0] == service.launch.command[-1] == text
    rendered = yaml.load(compilation.artifacts["docker-compose.yml"], Loader=yaml.CSafeLoader)
    assert undoubled(rendered["services"]["command-a"]["volumes"][0]["source"]) == f"/{text}"
    assert undoubled(rendered["services"]["command-a"]["command"][-1]) == text


@pytest.mark.parametrize("wrong", [json.dumps, repr, str, lambda text: f"'{text}'", lambda text: f'"{text}"'])
def test_the_check_can_fail(wrong: Callable[[str], str]) -> None:
    def survives(write: Callable[[str], str], text: str) -> bool:
        try:
            return undoubled(yaml.load(f"a: {write(text)}", Loader=yaml.CSafeLoader)["a"]) == text
        except (yaml.YAMLError, AssertionError):
            return False

    assert all(survives(scalar, text) for text in AWKWARD)
    assert not all(survives(wrong, text) for text in AWKWARD)


def build_service(model: Table) -> dict[str, Any]:
    return models_of(build_document({"models": {"a": model}}))["a"]


def models_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services of models, by the models' ids."""
    services = [(name, service) for name, service in document["services"].items() if name not in OWN]
    return {service["labels"]["modelgen.model"]: service for _, service in services}


def build_document(file: Table) -> dict[str, Any]:
    text = dump(
        {
            "project": {"name": "demo", "hub": "./hub"},
            # Newer than the data, so that any flag may be one.
            "engines": {"vllm": {"image": "vllm/vllm-openai:v9.9.9"}},
            "rules": {"unpinned-repo": "off"},
            **file,
        }
    )
    compilation = compile_source(text.encode())
    assert not compilation.failed, check(text)
    document: dict[str, Any] = yaml.load(compilation.artifacts["docker-compose.yml"], Loader=yaml.CSafeLoader)
    return document


def undoubled(value: object) -> str:
    """Return what Compose makes of a value; a single `$` would be replaced, and is what must never come out."""
    assert isinstance(value, str)
    assert "$" not in value.replace("$$", ""), value
    return value.replace("$$", "$")


def _flag_value(command: list[str]) -> str:
    """A value that begins with a hyphen is one item with its flag."""
    return command[-1] if command[-2] == "--x" else command[-1].removeprefix("--x=")


def _json_text(written: str) -> str:
    """Return the text that stands at three places of the value, still doubled."""
    first, second = json.loads(undoubled(written))["a"]
    assert second == {first: first}
    return str(first).replace("$", "$$")


def _equal(one: str, other: str) -> str:
    assert one == other
    return one
