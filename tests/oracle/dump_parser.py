"""Prints the real parser of an engine's server as JSON: run by a Python that has the engine, never imported by ours."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from typing import Any

PROBES = ("7", "1.5", "4k", "4Ki", "{}", '{"a": 1}', "some text", "None")


def main() -> None:
    """Print the version and all actions of `vllm` or `sglang`."""
    engine = sys.argv[1]
    # As the API server is started: `vllm serve` of 0.9.0 had no --model.
    sys.argv = [engine]
    parser = parser_of(engine)
    version = import_module(f"{engine}.version").__version__.partition("+")[0]
    actions = [_told(one) for one in parser._actions if not isinstance(one, argparse._HelpAction)]  # noqa: SLF001
    sys.stdout.write(f"\n{json.dumps({'engine': engine, 'version': version, 'actions': actions})}\n")


def parser_of(engine: str) -> argparse.ArgumentParser:
    """Return the parser of an engine's server."""
    return {"vllm": _vllm, "sglang": _sglang}[engine]()


def _vllm() -> argparse.ArgumentParser:
    root = _parser_class()(prog="vllm")
    command: Any = import_module("vllm.entrypoints.cli.serve").ServeSubcommand()
    parser: argparse.ArgumentParser = command.subparser_init(root.add_subparsers())
    return parser


def _parser_class() -> Any:  # noqa: ANN401
    for name in ("vllm.utils.argparse_utils", "vllm.utils"):
        try:
            return import_module(name).FlexibleArgumentParser
        except (ImportError, AttributeError):
            continue
    raise SystemExit("no FlexibleArgumentParser")


def _sglang() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    import_module("sglang.srt.server_args").ServerArgs.add_cli_args(parser)
    return parser


def _told(action: argparse.Action) -> dict[str, Any]:
    return {
        "names": list(action.option_strings) or [action.dest],
        "nargs": action.nargs,
        "choices": None if action.choices is None else [str(one) for one in action.choices if one is not None],
        "pair": any(name.startswith("--no-") for name in action.option_strings),
        "metavar": [str(one) for one in action.metavar]
        if isinstance(action.metavar, (list, tuple))
        else action.metavar,
        # What the type makes of each probe, by the name of the result's type; None where it refuses.
        "probes": {text: _made(action, text) for text in PROBES},
    }


def _made(action: argparse.Action, text: str) -> str | None:
    if not callable(action.type):
        return "str"
    try:
        return type(action.type(text)).__name__
    except (argparse.ArgumentTypeError, ValueError, TypeError, KeyError):
        return None


if __name__ == "__main__":
    main()
