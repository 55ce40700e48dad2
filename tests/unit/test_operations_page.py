"""docs/operations.md has every HTTP error and the defaults of its limits."""

from __future__ import annotations

import ast
import re

from compiling import REPOSITORY
from modelgen.config import Orchestrator

PAGE = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
RUNTIME = REPOSITORY / "compiler" / "modelgen_runtime"


def test_the_table_of_errors_is_whole() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert {(int(status), code) for status, code in rows} == {*_refusals()}


def _refusals() -> list[tuple[int, str]]:
    """Return status and code of each refusal in the source."""
    found = []
    for path in RUNTIME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RefusedError":
                status, code = node.args[:2]
                assert isinstance(status, ast.Constant), f"{path}:{node.lineno}"
                codes = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
                found += [(int(str(status.value)), str(ast.literal_eval(one))) for one in codes]
    return found


def test_settings_have_the_defaults_that_it_says() -> None:
    for key, shown in (("queue_limit", "100"), ("buffer_limit", "512 MiB")):
        [row] = re.findall(rf"`{key}` \| ([^|]+) \|", PAGE)
        assert row == shown
        description = Orchestrator.model_fields[key].description or ""
        assert description.replace('"', "").endswith(f" Default: {shown.replace(' ', '')}.")
