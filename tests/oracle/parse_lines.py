"""Prints what the real parser of an engine's server says to command lines: run by a Python that has the engine."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import TYPE_CHECKING

from dump_parser import parser_of

if TYPE_CHECKING:
    import argparse


def main() -> None:
    """Read a list of command lines from stdin, and print the error of each, or null."""
    engine, lines = sys.argv[1], json.load(sys.stdin)
    sys.argv = [engine]
    parser = parser_of(engine)
    sys.stdout.write(f"\n{json.dumps([_error(parser, line) for line in lines])}\n")


def _error(parser: argparse.ArgumentParser, line: list[str]) -> str | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(line)
    except SystemExit:
        return said.getvalue()[-300:]
    except Exception as error:  # noqa: BLE001 - a type of the engine's own
        return repr(error)[-300:]
    return None


if __name__ == "__main__":
    main()
