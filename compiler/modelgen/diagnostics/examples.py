"""Complete the examples in rule manuals: they show only what matters, and share the rest of the file."""

from __future__ import annotations

import tomllib

VLLM_IMAGE = "vllm/vllm-openai:v0.30.0"
"""The image in all examples and starting files, unless a release matters."""
HEAD = f"""\
[project]
name = "demo"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
image = "{VLLM_IMAGE}"

[models.qwen]
repo = "Qwen/Qwen3-4B"
gpus = ["gpu0"]
args = {{ max-model-len = 16384 }}

[rules]
unpinned-repo = "off"
image-without-gpu = "off"
"""
NOTE = """\
An example shows only what matters. Tables that it does not have are as in this file, and so are keys that it leaves out
of `[models.qwen]` or `[rules]`. There are two exceptions: a `[models.qwen]` with `engine` is complete, and an example
with other models has no `[models.qwen]`. A Good example without a models.lock has the one of the Bad example.
"""


def complete(example: str) -> str:
    """Return an example as a whole models.toml; one that is not TOML is returned as it is."""
    try:
        written = tomllib.loads(example)
    except tomllib.TOMLDecodeError:
        return example
    missing = ""
    for block in HEAD.split("\n\n"):
        header, *lines = block.splitlines()
        first, _, second = header.strip("[]").partition(".")
        table = written.get(first)
        if table is not None and second:
            # An example with other models gets no `qwen`, and one with `gpus = {}` no GPU.
            table = table.get(second, table if first == "models" or not table else None)
        if table is None:
            missing += f"\n{block.rstrip()}\n"
        elif first in ("models", "rules") and "engine" not in table:
            left_out = [line for line in lines if line.split(" = ")[0] not in table]
            example = example.replace(f"{header}\n", "\n".join((header, *left_out, "")), 1)
    return example + missing
