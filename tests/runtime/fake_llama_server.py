"""A `llama-server` as far as `modelgen serve` uses it: its flags, a GGUF file that must be there, and its routes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="llama-server", allow_abbrev=False)
    for flag in ("--mmproj", "--alias", "--host", "--port", "--ctx-size", "--model-draft", "--chat-template-file"):
        parser.add_argument(flag)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--no-webui", action="store_true")
    options = parser.parse_args()
    if os.environ.get("LLAMA_ARG_OFFLINE") != "1":
        sys.exit("error: this server may not download")
    for path in (options.model, options.mmproj, options.model_draft, options.chat_template_file):
        if path is not None and not Path(path).is_file():
            sys.exit(f"error loading model: failed to open {path}")
    engine = Path(__file__).parent / "fake_engine.py"
    os.execv(
        sys.executable,
        [sys.executable, "-S", "-E", str(engine), "--port", options.port, "--name", options.alias],
    )
