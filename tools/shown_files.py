"""Write the files that pages of docs/ show into these pages.

A page names a file in a comment before the code block, by its path from the root of the repository:

    <!-- shown: docs/recipes/gguf/models.toml -->
    ```toml
    …
    ```

The block then has the contents of the file.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"<!-- shown: (?P<file>\S+) -->\n```(?P<language>\w+)\n.*?```", re.DOTALL)


def with_files(page: str) -> str:
    """Return the page with the current contents of the files that it shows."""

    def block(match: re.Match[str]) -> str:
        text = (ROOT / match["file"]).read_text(encoding="utf-8")
        return f"<!-- shown: {match['file']} -->\n```{match['language']}\n{text.rstrip()}\n```"

    return BLOCK.sub(block, page)


def outdated() -> list[Path]:
    """Return the pages that show another text than the file has."""
    return [page for page in pages() if with_files(read(page)) != read(page)]


def write() -> None:
    """Write the files into the pages that show another text."""
    for page in outdated():
        page.write_text(with_files(read(page)), encoding="utf-8", newline="\n")


def pages() -> list[Path]:
    """Return all pages of docs/."""
    return sorted((ROOT / "docs").rglob("*.md"))


def read(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")
