"""The demo of the documentation in a real browser: the page over recorded events."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from compiling import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


def test_the_demo_plays_a_switch(visit: Callable[..., Any]) -> None:
    handler = functools.partial(Quiet, directory=str(REPOSITORY / "docs" / "demo"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            page = visit(f"http://127.0.0.1:{server.server_port}/index.html")
            page.wait_for_selector("html[data-link=live]")
            assert page.locator(".failure-mark").count() == 2
            page.get_by_role("button", name="Load the profile night").click()
            page.wait_for_selector("tr[data-model=coder] .state >> text='draining'")
            page.wait_for_selector("tr[data-model=reasoner] .state >> text='loading'")
            page.click("nav >> text='Activity'")
            page.get_by_role("button", name="Cancel request").first.click()
        finally:
            server.shutdown()
            thread.join()
