"""Draw what a command prints on a terminal, as SVG, from its real output.

    python tools/terminal_picture.py docs/assets/validate.svg FOLDER -- modelgen validate

The command runs in FOLDER on a pseudo-terminal of 92 columns, so colours and line breaks are those that a user sees.
`mistake` in place of FOLDER is the example with the repository id of one model replaced by a path.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

COLUMNS = 92
ROOT = Path(__file__).parent.parent
MISTAKE = "/root/.cache/huggingface/Qwen--Qwen3-4B-Instruct-2507"


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("folder")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = mistake(Path(scratch)) if options.folder == "mistake" else Path(options.folder)
        options.picture.write_text(draw(options.command, run(options.command, folder)), "utf-8")


def mistake(folder: Path) -> Path:
    """Write the example with one mistake to `folder`."""
    text = (ROOT / "models.toml").read_text("utf-8")
    (folder / "models.toml").write_text(text.replace("Qwen/Qwen3-4B-Instruct-2507", MISTAKE), "utf-8")
    return folder


def run(command: list[str], folder: Path) -> str:
    """Return what `command` prints on a terminal, with its colours."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "FORCE_COLOR": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        printed = b""
        while chunk := read(ours):
            printed += chunk
        process.wait()
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """Return the next bytes; none at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def draw(command: list[str], printed: str) -> str:
    """Return the SVG of a terminal with the command and its output."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bright_black"), shlex.join(command)))
    console.print(Text.from_ansi(printed))
    # The identifier is constant, so that the same output is the same file. Pages load no font from elsewhere.
    svg = console.export_svg(title="modelgen", theme=SVG_EXPORT_THEME, unique_id="terminal")
    return re.sub(r" *@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    main()
