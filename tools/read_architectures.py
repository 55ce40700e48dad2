"""Write the architectures of llama.cpp by build, from folders with its sources: see README.md.

python tools/read_architectures.py llama_cpp_python-*/vendor/llama.cpp
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from argparse_reader.catalogue_files import CATALOGUES
from clone_reader.architectures import first_builds, read

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write the architectures of llama.cpp by build.")
    parser.add_argument("folder", nargs="+", type=Path, help="has common/arg.cpp and src/llama-arch.cpp")
    options = parser.parse_args(arguments)
    catalogue = json.loads((CATALOGUES / "llamacpp_flags.json").read_bytes())
    sources = [read(folder, catalogue) for folder in options.folder]
    for folder, one in zip(options.folder, sources, strict=True):
        builds = "flags of no known build" if one.first is None else f"b{one.first} to b{one.last}"
        sys.stdout.write(f"{folder}: {builds}, {len(one.architectures)} architectures\n")
    entries = [f"    {json.dumps(name)}: {json.dumps(builds)}" for name, builds in first_builds(sources).items()]
    text = '{\n  "source": "src/llama-arch.cpp in the packages of llama-cpp-python",\n  "architectures": {\n'
    written = text + ",\n".join(entries) + "\n  }\n}\n"
    (CATALOGUES / "llamacpp_architectures.json").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
