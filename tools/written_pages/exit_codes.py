"""Write docs/reference/exit-codes.md from the table of exit codes."""

from __future__ import annotations

from modelgen.cli.exits import MEANINGS
from written_pages.markdown import code, mark, table

_INTRO = """\
# Exit codes

All commands have the same. They are [fixed](../compatibility.md): scripts may rely on them.

"""
_EXAMPLE = """\
If several apply, 1 takes precedence over 4.

```sh
modelgen build --check
case $? in
    0) echo "build/ is up to date" ;;
    4) echo "build/ is out of date: run modelgen build" ;;
    *) exit 1 ;;
esac
```
"""


def write() -> str:
    """Return the page."""
    rows = ((code(str(number)), meaning) for number, meaning in MEANINGS.items())
    return (
        mark("compiler/modelgen/cli/exits.py") + _INTRO + "\n".join(table(("code", "meaning"), rows)) + "\n" + _EXAMPLE
    )
