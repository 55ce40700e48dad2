"""Paths of the host, as users write them."""

from __future__ import annotations

import pytest

from modelgen.host_paths import leads_out


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./models/hub", False),
        ("models/../hub", False),
        ("..", True),
        ("./../hub", True),
        (r".\..\hub", True),
        ("/srv/hub", True),
        ("~/hub", True),
        (r"D:\hub", True),
    ],
)
def test_a_path_out_of_the_folder_is_found(path: str, expected: bool) -> None:  # noqa: FBT001
    assert leads_out(path) is expected
