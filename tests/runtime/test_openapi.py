"""The description of the control API is of what is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen_runtime.control_api import views
from modelgen_runtime.control_api.control import Control
from modelgen_runtime.control_api.openapi import DESCRIPTION
from modelgen_runtime.control_api.openapi_schemas import COMPONENTS
from modelgen_runtime.control_api.usage_routes import UsageRoutes
from modelgen_runtime.manifest import Profile
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Failure
from runtime_serving import engine, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_each_route_is_described_and_nothing_else() -> None:
    control = Control.__new__(Control)
    Control.__init__(control, None, None, None, None, None, UsageRoutes(None, None), listens=None, warnings=list)  # type: ignore[arg-type]
    described = {(verb.upper(), path) for path, verbs in DESCRIPTION["paths"].items() for verb in verbs}
    for method, pattern, _ in control._routes:  # noqa: SLF001 - what it answers
        matching = {entry for entry in described if entry[0] == method and pattern.fullmatch(entry[1])}
        assert matching, pattern.pattern
        described -= matching
    assert described == set()


def test_it_has_the_shape_of_openapi() -> None:
    assert re.fullmatch(r"3\.1\.\d", DESCRIPTION["openapi"])
    for path, verbs in DESCRIPTION["paths"].items():
        for route in verbs.values():
            named = {parameter["name"] for parameter in route.get("parameters", ()) if parameter["in"] == "path"}
            assert named == {*re.findall(r"{(\w+)}", path)}
            assert all(re.fullmatch(r"[1-5]\d\d", code) for code in route["responses"])


def test_whatever_the_state_shows_is_described() -> None:
    """A schema of objects that may hold more would not notice."""
    board = Board(manifest(engine("a"), profiles=(Profile("p", ("a",)),)), lambda: 1.0, lambda: None, lambda _: None)
    board.records["a"].note_failure(Failure("ended", None, (), None), 1.0)
    status = views.show_status(board, 1.0)
    assert status["models"][0]["failure"] is not None
    for name, shown in [
        ("Status", status),
        ("Model", status["models"][0]),
        ("Failure", status["models"][0]["failure"]),
        ("Gpu", status["gpus"][0]),
        ("Profile", status["profiles"][0]),
    ]:
        assert shown.keys() <= COMPONENTS[name]["properties"].keys(), name


def parts_of(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - any JSON
    """Yield what a reader of the description looks up: parameters, answers, and fields of bodies."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from parts_of(item, f"{place}[{index}]")
    elif isinstance(schema, dict):
        for name in ("properties", "responses"):
            yield from ((f"{place}.{key}", part) for key, part in schema.get(name, {}).items())
        yield from ((f"{place}.{part['name']}", part) for part in schema.get("parameters", ()))
        for key, part in schema.items():
            yield from parts_of(part, f"{place}.{key}")


def test_each_route_parameter_answer_and_field_has_a_description() -> None:
    found = [*parts_of(DESCRIPTION["paths"], "paths"), *parts_of(COMPONENTS, "components"), *COMPONENTS.items()]
    assert len(found) > 200
    for place, part in found:
        assert re.fullmatch(r"[A-Z`].*\.", part.get("description", "")), place
    for path, verbs in DESCRIPTION["paths"].items():
        for route in verbs.values():
            assert re.fullmatch(r"[A-Z].*[^.]", route["summary"]), path
