"""Write the pages of failures into the navigation of zensical.toml: each has the pages of its subject beside it."""

from __future__ import annotations

import re
from pathlib import Path

from written_pages.known_failures import SUBJECTS, known_failures

SITE = Path(__file__).parent.parent / "zensical.toml"
_INDEX = '    "failures/index.md",\n'
_PAGES = re.compile(rf"(?<={_INDEX}).*?(?=^  \] \}},$)", re.DOTALL | re.MULTILINE)


def outdated() -> list[Path]:
    """Return zensical.toml if its navigation has other pages of failures than there are."""
    text = SITE.read_text(encoding="utf-8")
    return [SITE] if _with_pages(text) != text else []


def write() -> None:
    """Write the pages into the navigation."""
    SITE.write_text(_with_pages(SITE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def _with_pages(text: str) -> str:
    lines = []
    for subject in SUBJECTS:
        names = [failure.name for failure in known_failures() if failure.subject == subject]
        pages = "".join(f'      "failures/{name}.md",\n' for name in names)
        lines.append(f'    {{ "{subject}" = [ # by tools/write_pages.py\n{pages}    ] }},\n')
    return _PAGES.sub("".join(lines), text, count=1)
