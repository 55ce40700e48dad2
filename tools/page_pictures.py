"""Draw the pictures of the page for the documentation: Chromium shows the demo of docs/demo/, in both themes.

Needs `pip install -e ".[browser]"` and Chromium. usage: python tools/page_pictures.py [FOLDER]
"""

from __future__ import annotations

import base64
import functools
import shutil
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
THEMES = ("light", "dark")
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


def take(page: Any, path: Path, selector: str | None = None) -> None:  # noqa: ANN401 - an optional package
    """Write a picture of the window or of an element, in WebP, which Playwright itself cannot write."""
    options: dict[str, Any] = {"format": "webp", "quality": 88}
    if selector is not None:
        box = page.locator(selector).first.bounding_box()
        options["clip"] = {**box, "scale": 1}
    found = page.context.new_cdp_session(page).send("Page.captureScreenshot", options)
    path.write_bytes(base64.b64decode(found["data"]))


def draw(browser: Any, url: str, folder: Path, theme: str) -> None:  # noqa: ANN401 - an optional package
    """Write the pictures of one theme."""
    page = browser.new_page(viewport=WIDE, color_scheme=theme)
    page.goto(url)
    page.wait_for_selector("html[data-link=live] .block")
    page.focus("button[aria-label='Load reasoner']")
    page.wait_for_selector(".ghost")
    page.wait_for_timeout(400)  # the ghost has arrived
    take(page, folder / f"page-{theme}.webp")
    take(page, folder / f"timeline-{theme}.webp", ".panel")
    page.keyboard.press("Escape")
    page.click("button.name >> text='tuned'")
    take(page, folder / f"page-failure-{theme}.webp", "dialog")
    page.keyboard.press("Escape")
    page.click("nav >> text='Try it'")
    page.get_by_label("Two side by side").check()
    page.get_by_label("Message", exact=True).fill("What is this page?")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.said.assistant:not(.busy)').length === 2")
    take(page, folder / f"page-try-{theme}.webp")
    page.click("nav >> text='Activity'")
    page.wait_for_selector(".requests tbody tr")
    page.wait_for_selector(".chart li i")
    page.wait_for_selector("text=/4 running/")
    take(page, folder / f"page-activity-{theme}.webp")
    page.set_viewport_size(NARROW)
    page.click("nav >> text='Overview'")
    page.wait_for_selector(".block")
    take(page, folder / f"page-narrow-{theme}.webp")
    page.close()


def main(folder: Path) -> None:
    """Serve the demo, and write all pictures."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(Quiet, directory=str(DOCS / "demo"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        arguments = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for theme in THEMES:
            draw(browser, f"http://127.0.0.1:{server.server_port}/", folder, theme)
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "assets")
