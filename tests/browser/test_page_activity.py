"""The page in a real browser: requests as they come, cancelling one, and what was used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Visit = Callable[..., Any]

Page: TypeAlias = Any
"""Of an optional package, whose types would change what mypy says."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    content = manifest(engine("quick", gib=4), engine("slow", "--chunks", "2000", "--pace", "0.05", gib=4))
    with serving(tmp_path_factory.mktemp("activity"), content) as orchestrator:
        yield orchestrator


@pytest.fixture
def page(visit: Visit, served: Served) -> Page:
    served.chat("quick")
    opened = visit(f"{served.url}/#activity")
    opened.wait_for_selector(".requests tbody tr")
    return opened


def test_requests_come_live_with_their_tokens(page: Page, served: Served) -> None:
    before = page.locator(".requests tbody tr").count()
    served.chat("quick")
    page.locator(".requests tbody tr").nth(before).wait_for()
    cells = page.locator(".requests tbody tr").first.locator("td")
    page.wait_for_selector(".requests tbody tr:first-child [data-name=State] >> text='200'")
    assert cells.nth(1).inner_text().split() == ["quick", "/v1/chat/completions"]
    assert cells.nth(6).inner_text() == "1 → 1"
    assert page.locator(".phases-bar").first.get_attribute("aria-label").startswith("queue ")
    page.get_by_label("Filter the requests").fill("nothing like it")
    assert page.locator(".requests tbody tr:visible").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_a_running_request_is_canceled(page: Page, served: Served, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    ask = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    asking = threading.Thread(target=served.ask, args=("/v1/chat/completions", ask))
    asking.start()
    cancel = page.get_by_role("button", name="Cancel request")
    cancel.wait_for()
    assert page.locator(".wide").evaluate("table => table.scrollWidth - table.clientWidth") == 0
    cancel.click()
    page.wait_for_selector(".requests tr:first-child [data-name=State] >> text='canceled'")
    asking.join()


def test_usage_is_counted_by_model(page: Page, served: Served) -> None:
    [used] = [row for row in served.ask("/usage?by=model")[1]["rows"] if row["model"] == "quick"]
    bar = page.locator(".chart li", has_text="quick").first
    assert bar.locator(".chart-count").inner_text() == str(used["prompt_tokens"] + used["completion_tokens"])
    page.click("text='7 days'")
    page.wait_for_selector(".chart figcaption >> text='Tokens by day'")
