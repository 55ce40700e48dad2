"""Ask an engine for its models and for one answer; print both as JSON. Runs on the host and in containers.

usage: chat.py ADDRESS MODEL
"""

from __future__ import annotations

import json
import sys
from urllib.request import Request, urlopen


def main(address: str, model: str) -> None:
    question = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    request = Request(
        f"{address}/v1/chat/completions", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(f"{address}/v1/models", timeout=30) as answer:
        models = [entry["id"] for entry in json.load(answer)["data"]]
    with urlopen(request, timeout=120) as answer:
        said = json.load(answer)
    print(json.dumps({"models": models, "model": said["model"], "text": said["choices"][0]["message"]["content"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
