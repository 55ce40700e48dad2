"""A real Chromium, driven by Playwright; both are optional to develop with."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Yield a browser. It ends with the file, since Playwright leaves its event loop running."""
    sync_api = pytest.importorskip("playwright.sync_api", reason='pip install -e ".[browser]" installs Playwright')
    if (path := shutil.which("chromium") or shutil.which("google-chrome")) is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:  # noqa: ANN401 - an optional package
    """Yield a function that opens an address in a new profile; none may have an error, or send anything elsewhere."""
    from playwright import sync_api

    visits: list[tuple[Any, str, list[str], list[str], list[str]]] = []

    def visit(url: str, **options: Any) -> Any:  # noqa: ANN401 - of Playwright
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        page, asked, errors, said = context.new_page(), list[str](), list[str](), list[str]()
        page.set_default_timeout(120_000)  # on a busy machine
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.on("console", lambda message: said.append(message.text))
        visits.append((context, url, asked, errors, said))
        while True:
            try:
                page.goto(url)
            except sync_api.Error as error:
                # The tests beside this one start containers, which changes the networks of this machine.
                if "ERR_NETWORK_CHANGED" not in error.message:
                    raise
            else:
                return page

    yield visit
    for context, url, asked, errors, said in visits:
        context.close()
        origin = "/".join(url.split("/")[:3])
        assert not [one for one in asked if not one.startswith((f"{origin}/", f"blob:{origin}/", "data:"))]
        assert not errors
        assert not [text for text in said if "Content Security" in text]
