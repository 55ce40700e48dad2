"""Build the documentation site in a copy, and read what was built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from compiling import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def build_site(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages below the folder's docs/ into its site/, as .ci/run does."""
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def copy_pages(folder: Path) -> Path:
    """Copy the pages and the configuration of the site."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(REPOSITORY / "docs", folder / "docs")
    shutil.copy(REPOSITORY / "zensical.toml", folder)
    return folder


class Page(HTMLParser):
    """The addresses in a page: those that a browser loads by itself, and those that a reader may follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses of a tag."""
        found = {name: value or "" for name, value in attrs}
        self.classes |= set(found.get("class", "").split())
        self.loaded += [found[name] for name in ("src", "srcset", "poster", "data") if found.get(name)]
        if "href" in found:
            (self.links if tag == "a" else self.loaded).append(found["href"])
