"""Headers of GGUF files, as models.lock has them, against flags: what the examples of the rules do not show."""

from __future__ import annotations

import pytest

from compiling import complete, findings

COMMIT = "0c38a4e9d1c4a8d0ec23b2f5e3a10a1a62c2c1b4"
VALUES = "context_length = 4096, block_count = 36"


def model(args: str, image: str = "server-b6500", more: str = "") -> str:
    return (
        f'[models.qwen]\nengine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:{image}"\nrepo = "a/b"\n'
        f'revision = "{COMMIT}"\nfile = "x.gguf"\nargs = {{ {args} }}\n{more}\n'
    )


def lock(architecture: str = "qwen3", values: str = VALUES, template: str = "a") -> str:
    hashed = f'chat_template_sha256 = "{template * 64}", ' if template else ""
    facts = f'{{ path = "x.gguf", architecture = "{architecture}", {hashed}values = {{ {values} }} }}'
    return (
        f'format = 1\n[[snapshots]]\nrepo = "a/b"\nrevision = "{COMMIT}"\ncommit = "{COMMIT}"\ninclude = ["x.gguf"]\n'
        f'gguf = [{facts}]\nfiles = [{{ path = "x.gguf", size = 2, blob = "{COMMIT}" }}]\n'
    )


@pytest.mark.parametrize(
    ("toml", "locked", "rules"),
    [
        (model("c = 4096"), lock(), set()),
        # Between two builds whose sources are known, either may be right; other architectures may be a fork's.
        (model("c = 4096", "server-b6500"), lock("qwen3next"), set()),
        (model("c = 4096", "server-b6100"), lock("qwen3next"), {"unsupported-gguf"}),
        (model("c = 4096", "server-b6500"), lock("mine"), set()),
        (model("c = 4097"), lock(), {"beyond-training"}),
        # Without a number, newer builds have four slots that share the context.
        (model("c = 16384", "server-b7000"), lock(), set()),
        (model("c = 16385", "server-b7000"), lock(), {"beyond-training"}),
        (model("c = 8192, parallel = 2, kv-unified = true"), lock(), set()),
        (model("c = 8192, rope-freq-scale = 0.5"), lock(), set()),
        (model("c = 8192", more='env = { LLAMA_ARG_ROPE_SCALE = "2" }'), lock(), set()),
        (model("c = 8192"), lock(values='context_length = "x"'), set()),
        (model("c = 8"), lock(template=""), {"gguf-without-template"}),
        (model("c = 8"), lock("nomic-bert", template=""), set()),
        (model("c = 8, embeddings = true"), lock(template=""), set()),
        (model('c = 8, chat-template = "chatml"'), lock(template=""), set()),
        (model("c = 8", more='env = { LLAMA_ARG_CHAT_TEMPLATE = "chatml" }'), lock(template=""), set()),
        (model("c = 8"), lock("", template=""), set()),
        (model("c = 99999", more="fork = true"), lock(template=""), set()),
        (model("c = 8, n-gpu-layers = 35"), lock(), set()),
        (model("c = 8, n-gpu-layers = 37"), lock(), set()),
        (model("c = 8, n-gpu-layers = 36"), lock(), {"output-on-processor"}),
    ],
)
def test_flags_against_a_header(toml: str, locked: str, rules: set[str]) -> None:
    found = {one.rule for one in findings(complete(toml), locked)}
    assert found & {"beyond-training", "gguf-without-template", "output-on-processor", "unsupported-gguf"} == rules
