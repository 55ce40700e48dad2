"""The description of the control API is of what is there."""

from __future__ import annotations

import re

from modelgen_runtime.control import Control
from modelgen_runtime.openapi import DESCRIPTION


def test_each_route_is_described_and_nothing_else() -> None:
    control = Control.__new__(Control)
    Control.__init__(control, *[None] * 5, listens=None)  # type: ignore[arg-type]
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
