"""The page in a real browser: what a GPU really holds is over what models reserve."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from fake_nvml import make_nvml
from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Visit = Callable[..., Any]


@pytest.mark.skipif(shutil.which("cc") is None, reason="compiles a library")
def test_the_lane_shows_memory_that_others_use(visit: Visit, tmp_path: Path) -> None:
    library, says = make_nvml(tmp_path)
    says.write_text("18432")
    content = manifest(engine("tiny", gib=6), gpu_stats={"gpu0": "0"})
    also = {"LD_LIBRARY_PATH": str(library.parent)}
    with serving(tmp_path, content, is_fresh=True, also=also) as served:
        assert served.chat("tiny")[0] == 200
        page = visit(f"{served.url}/")
        page.wait_for_selector(".in-use >> text='18 GiB in use, 12 GiB not reserved'")
        line = page.wait_for_selector(".measured path[d*=L]", state="attached").get_attribute("d")
        heights = {step.split()[1] for step in line[1:].split("L")}
        assert heights == {"25.00"}, "18 of 24 GiB, from the top"
        assert page.get_by_text("memory in use", exact=True).is_visible()


def test_there_is_no_line_without_measurement(visit: Visit, tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("tiny", gib=6))) as served:
        page = visit(f"{served.url}/")
        page.wait_for_selector("html[data-link=live]")
        page.wait_for_selector(".lane")
        assert page.query_selector(".measured path[d]") is None
        assert not page.get_by_text("memory in use", exact=True).is_visible()
