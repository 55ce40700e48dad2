"""What vLLM 0.11.0 does from its command line to its first answer, offline and without weights to compute with.

It lies in the image as `vllm/entrypoints/openai/api_server.py`. Flags are read as vLLM's parser reads them, and the
model is looked up by the real huggingface_hub, so that a wrong path or mount fails for its real reason. The real
engine is in test_real_vllm.py.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("vllm")
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--model", default="Qwen/Qwen3-0.6B")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--revision")
    parser.add_argument("--tokenizer-revision")
    parser.add_argument("--gpu-memory-utilization", type=float, default=0.9)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--max-num-seqs", type=int)
    parser.add_argument("--limit-mm-per-prompt", type=json.loads)
    parser.add_argument("--chat-template")
    return parser.parse_args([_with_hyphens(item) for item in argv])


def _with_hyphens(item: str) -> str:
    flag, equals, value = item.partition("=")
    return flag.replace("_", "-") + equals + value if item.startswith("--") else item


def vllm() -> None:
    """Run the `vllm` command."""
    command, *argv = sys.argv[1:]
    if command != "serve":
        raise SystemExit(f"vllm: invalid choice: {command!r}")
    if "--model" in argv:  # until 0.11.0
        raise ValueError(
            "With `vllm serve`, you should provide the model as a positional argument or in a config file "
            "instead of via the `--model` option."
        )
    args = parse(argv)
    args.model = args.model_tag or args.model
    serve(args)


def find_snapshot(model: str, revision: str | None) -> Path:
    """Return the folder of the model: an existing path, or what the hub client finds for a repository id."""
    print(f"looking up model={model!r} revision={revision!r}")
    if Path(model).exists():
        return Path(model)
    return Path(snapshot_download(model, revision=revision, local_files_only=os.environ.get("HF_HUB_OFFLINE") == "1"))


def load(snapshot: Path, args: argparse.Namespace) -> None:
    """Read every file as the engine would, and leave something in its cache."""
    if not (snapshot / "config.json").is_file():
        raise ValueError(f"Invalid repository ID or local directory specified: {args.model!r}")
    for file in snapshot.iterdir():
        file.read_bytes()
    longest = json.loads((snapshot / "config.json").read_text())["max_position_embeddings"]
    if (args.max_model_len or 0) > longest:
        raise ValueError(f"User-specified max_model_len ({args.max_model_len}) is greater than the derived {longest}")
    cache = Path(os.environ["VLLM_CACHE_ROOT"])
    (cache / "modelinfos").mkdir(parents=True, exist_ok=True)
    (cache / "modelinfos" / "double.json").write_text("{}")


def read_template(given: str) -> str:
    """Return a chat template: the file of that name, or the text itself where it looks like one."""
    try:
        return Path(given).read_text()
    except OSError as error:
        if not any(character in given for character in "{}\n"):
            raise ValueError(f"The supplied chat template ({given}) looks like a file path: {error}") from error
        return given


def serve(args: argparse.Namespace) -> None:
    load(find_snapshot(args.model, args.revision), args)
    if args.chat_template:
        print(f"chat template: {read_template(args.chat_template)!r}")
    names = args.served_model_name or [args.model]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health":
                self._answer(200, None)
            elif self.path == "/v1/models":
                self._answer(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
            else:
                self._answer(404, {"detail": "Not Found"})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                self._answer(404, {"detail": "Not Found"})
            elif request["model"] not in names:
                self._answer(404, {"error": {"message": f"The model `{request['model']}` does not exist."}})
            else:
                message = {"role": "assistant", "content": f"{args.model} heard {request['messages'][-1]['content']}"}
                if request.get("stream"):
                    self._stream(message["content"].split())
                    return
                self._answer(200, {"model": names[0], "choices": [{"index": 0, "message": message}]})

        def _stream(self, words: list[str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for word in words:
                chunk = {"model": names[0], "choices": [{"index": 0, "delta": {"content": f"{word} "}}]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def _answer(self, status: int, body: dict[str, Any] | None) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((args.host or "", args.port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve(parse(sys.argv[1:]))
