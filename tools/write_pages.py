"""Write all pages of docs/ that are made from the code, and the files that other pages show; `--check` only compares.

A page that was written by this tool and is no longer made is removed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import failure_navigation
import fit_residuals
import shown_files
from written_pages import write_all
from written_pages.markdown import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCS = Path(__file__).parent.parent / "docs"


def outdated(docs: Path, pages: Mapping[str, str]) -> list[Path]:
    """Return the pages below `docs` that have another text than in `pages`, are missing, or are no longer made."""
    differ = [docs / name for name, text in pages.items() if _read(docs / name) != text]
    extra = [
        page
        for page in docs.rglob("*.md")
        if page.relative_to(docs).as_posix() not in pages and _read(page).startswith(MARK)
    ]
    return sorted([*differ, *extra])


def write(docs: Path, pages: Mapping[str, str]) -> None:
    """Write the pages that differ, and remove those that are no longer made."""
    for page in outdated(docs, pages):
        name = page.relative_to(docs).as_posix()
        if name in pages:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(pages[name], encoding="utf-8", newline="\n")
        else:
            page.unlink()


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages; with `--check`, print those that are out of date, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    is_check = parser.parse_args(arguments).check
    if not is_check:
        fit_residuals.write()
    pages = write_all()
    if not is_check:
        write(DOCS, pages)
        shown_files.write()
        failure_navigation.write()
        return 0
    found = [*outdated(DOCS, pages), *shown_files.outdated(), *failure_navigation.outdated(), *fit_residuals.outdated()]
    for page in found:
        sys.stderr.write(f"{page.relative_to(DOCS.parent)} is out of date: run `python tools/write_pages.py`\n")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
