"""The optional dependencies of pyproject.toml."""

from __future__ import annotations

import tomllib

from compiling import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_an_extra_names_this_project_by_its_name() -> None:
    """Under another name, pip would install another project's package: `modelgen` on PyPI is not this one."""
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    own = [line.partition("[")[0] for lines in extras.values() for line in lines if line.startswith("modelgen")]
    assert own
    assert set(own) == {PROJECT["name"]}
