"""Write the files that pages of docs/ show into these pages.

A page names a file in a comment before the code block, by its path from the root of the repository:

    <!-- shown: docs/recipes/gguf/models.toml -->
    ```toml
    …
    ```

The block then has the contents of the file. `--check` only compares, and exits with 1 if a page is out of date.
"""

from __future__ import annotations

import re
import sys
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


def pages() -> list[Path]:
    """Return all pages of docs/."""
    return sorted((ROOT / "docs").rglob("*.md"))


def read(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


if __name__ == "__main__":
    found = outdated()
    for page in found:
        print(page.relative_to(ROOT))
        if "--check" not in sys.argv:
            page.write_text(with_files(read(page)), encoding="utf-8")
    sys.exit(1 if found and "--check" in sys.argv else 0)
