"""The documentation site: it builds strictly, loads nothing from outside, and all of its pages are reachable."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import threading
import tomllib
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from site_build import Page, build_site, copy_pages

from compiling import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

# They start processes, and share one site.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]

DOCS = REPOSITORY / "docs"
LOADED_ON_DEMAND = {"mermaid", "glightbox", "pyodide", "arithmatex"}
"""Classes for which the theme's script loads a library from a public server."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = copy_pages(tmp_path_factory.mktemp("site") / "project")
    done = build_site(folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_pages_load_nothing_from_outside(pages: dict[Path, Page], site: Path) -> None:
    outside = {address for page in pages.values() for address in page.loaded if urlsplit(address).netloc}
    assert outside == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)|@import [^;]*//[^;]*", styles) == []
    assert {name for page in pages.values() for name in page.classes & LOADED_ON_DEMAND} == set()
    assert "repo_url" not in (REPOSITORY / "zensical.toml").read_text(encoding="utf-8")  # the script asks its host


def test_links_inside_the_site_lead_somewhere(pages: dict[Path, Page], site: Path) -> None:
    broken, there = [], {path for path in site.rglob("*") if path.is_file()}
    for path, page in pages.items():
        for link in {*page.links, *page.loaded}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not parts.path or path.name == "404.html":
                continue
            target = Path(os.path.normpath(path.parent / unquote(parts.path)))
            if not {target, target / "index.html"} & there:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_every_broken_link_fails_the_build(tmp_path: Path) -> None:
    folder = copy_pages(tmp_path / "project")
    page = folder / "docs" / "index.md"
    text = page.read_text(encoding="utf-8") + "\n"
    first = text.count("\n") + 1
    links = ["nowhere.md", "rules.md#no-such-rule", "../README.md"]
    page.write_text(text + "".join(f"[broken]({link})\n" for link in links), encoding="utf-8")
    done = build_site(folder)
    assert done.returncode != 0
    named = re.findall(r"index\.md:(\d+):", done.stdout + done.stderr)
    assert [*map(int, named)] == [first, first + 1, first + 2]


def test_the_navigation_has_every_page() -> None:
    project = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = set(_paths(project["nav"]))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert listed == written


def _paths(entry: Any) -> Iterator[str]:  # noqa: ANN401 - what TOML has
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from _paths(inner)


class _Server(ThreadingHTTPServer):
    """Serves a folder, forbids pages to load anything else, and keeps what a browser reports that they tried."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.paths: list[str] = []
        self.reports: list[str] = []


class _Handler(SimpleHTTPRequestHandler):
    server: _Server  # type: ignore[mutable-override]

    def end_headers(self) -> None:
        policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; report-uri /report"
        self.send_header("Content-Security-Policy", policy)
        super().end_headers()

    def do_POST(self) -> None:
        """Keep a report about a violation of the policy."""
        self.server.reports.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - its signature
        """Keep the path, and print nothing."""
        self.server.paths.append(self.path)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[_Server]:
    with _Server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _open(address: str, profile: Path) -> str:
    """Return the page as the browser has it after its scripts have run."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium")
    own = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    own.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")  # the browser's own requests
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", *own, f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=5000", "--dump-dom", address]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("page", ["", "recipes/gguf/", "reference/models-toml/", "failures/card-in-use/"])
def test_a_browser_loads_everything_from_the_site(site: Path, tmp_path: Path, page: str) -> None:
    with _served(site) as server:
        text = _open(f"http://127.0.0.1:{server.server_port}/{page}", tmp_path)
    assert "<h1" in text
    assert "/search.json" in server.paths  # the scripts have run
    assert server.reports == []


def test_a_page_that_loads_from_outside_is_reported(site: Path, tmp_path: Path) -> None:
    """The test above would notice."""
    folder = shutil.copytree(site, tmp_path / "site")
    page = folder / "index.html"
    script = '<script src="https://cdn.example/x.js"></script>'
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{script}</body>"), encoding="utf-8")
    with _served(folder) as server:
        _open(f"http://127.0.0.1:{server.server_port}/", tmp_path / "profile")
    assert any("cdn.example" in report for report in server.reports)
