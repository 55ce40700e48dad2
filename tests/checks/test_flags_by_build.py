"""The flags of llama.cpp by build, and those of TEI by version."""

from __future__ import annotations

import pytest
import yaml

import compiling
from compiling import complete, findings

COMMIT = "bc640142c66e1fdd12af0bd68f40445458f3869b"


def gguf(args: str, image: str = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500", line: str = "", env: str = "") -> str:
    return complete(
        f'[engines.llamacpp]\nimage = "{image}"\n{line}\n'
        '[models.q]\nengine = "llamacpp"\nrepo = "Qwen/Qwen3-4B-GGUF"\nfile = "Qwen3-4B-Q4_K_M.gguf"\n'
        f'revision = "{COMMIT}"\nargs = {{ {args} }}\nenv = {{ {env} }}\n'
    )


def tei(args: str, tag: str = "cuda-1.9", env: str = "") -> str:
    return complete(
        f'[engines.tei]\nimage = "ghcr.io/huggingface/text-embeddings-inference:{tag}"\n'
        f'[models.embed]\nengine = "tei"\nrepo = "a/b"\nrevision = "{COMMIT}"\nargs = {{ {args} }}\n'
        f"env = {{ {env} }}\n"
    )


FORK = ("a.example/ik:1", 'version = "b6500"\nfork = true')


def build(number: int) -> str:
    return f"ghcr.io/ggml-org/llama.cpp:server-cuda-b{number}"


WRONG: list[tuple[str, str, str, str]] = [
    (gguf("c = 16384, fa = true, no-mmap = true"), "bad-flag-value", "fa", '`fa = "on"`'),
    (gguf('c = 16384, fa = "on"', build(6178)), "bad-flag-value", "fa", "`fa = true`"),
    (gguf('c = 16384, flash-attn = "yes"'), "bad-flag-value", "flash-attn", '`flash-attn = "on"`'),
    (gguf('c = 16384, fa = "false"', build(6324)), "bad-flag-value", "fa", "no value"),
    (gguf('c = 16384, ctk = "q8_O"'), "bad-flag-value", "ctk", "q8_0"),
    (gguf('c = "long"'), "bad-flag-value", "c", ""),
    (gguf("c = 16384, n-gpu-layer = 20"), "unknown-flag", "n-gpu-layer", "n-gpu-layers"),
    (gguf("c = 16384, n-gpu-layer = 20", build(6178)), "unknown-flag", "n-gpu-layer", "n-gpu-layers"),
    (gguf("c = 16384, temperature = 0.5"), "unknown-flag", "temperature", "`temp`"),
    (gguf("c = 16384, fmoe = true"), "unknown-flag", "fmoe", "of ik_llama.cpp"),
    (gguf("c = 16384, mmap = true"), "unknown-flag", "mmap", "b7376"),
    (gguf("c = 16384, defrag_thold = true"), "bad-flag-value", "defrag_thold", ""),
    (gguf("c = 16384, chat-template-kwarg = 1", build(99999)), "unverified-flag", "chat-template-kwarg", "kwargs"),
    (gguf("c = 16384, n-gpu-layer = 20", "a.example/x:1"), "unverified-flag", "n-gpu-layer", "n-gpu-layers"),
    (gguf("c = 8, mla = 2", "a.example/ik:1", 'version = "b6500"\nfork = true'), "unverified-flag", "mla", ""),
    (gguf("c = 8, mla = 2", "a.example/x:1", 'version = "b6500"'), "unknown-flag", "mla", "`fork = true`"),
    (gguf("c = 8, flash = 2", "a.example/x:1"), "unverified-flag", "flash", "`fork = true`"),
    (gguf("c = 8, fmoe = true", *FORK), "unverified-flag", "fmoe", '`"-fmoe"`'),
    *(
        (gguf("c = 8", build(7000), env=f'{name} = "8"'), "unknown-flag-variable", name, f"`{meant}`")
        for name, meant in (
            ("LLAMA_ARG_CTX", "LLAMA_ARG_CTX_SIZE"),
            ("LLAMA_ARG_CTX_SIZ", "LLAMA_ARG_CTX_SIZE"),
            ("LLAMA_ARG_UBATC", "LLAMA_ARG_UBATCH"),
        )
    ),
    # what turns a feature off, by build
    (gguf("c = 16384, fa = false"), "bad-flag-value", "fa", '`fa = "off"`'),
    (gguf("c = 16384, flash-attn = false", build(8000)), "bad-flag-value", "flash-attn", '`flash-attn = "off"`'),
    (gguf("c = 16384, fa = false", build(6178)), "bad-flag-value", "fa", "leave it out"),
    (gguf("c = 16384, no-flash-attn = true"), "unknown-flag", "no-flash-attn", '`flash-attn = "off"`'),
    (gguf("c = 16384, mmap = false"), "unknown-flag", "mmap", "`no-mmap = true`"),
    (gguf("c = 16384, mmap = false", build(8000)), "bad-flag-value", "mmap", "`no-mmap = true`"),
    (gguf("c = 16384, jinja = false"), "bad-flag-value", "jinja", "leave it out"),
    (gguf("c = 16384, jinja = false", build(8000)), "bad-flag-value", "jinja", "`no-jinja = true`"),
    (gguf("c = 16384, cb = false"), "bad-flag-value", "cb", "`no-cont-batching = true`"),
    (gguf("c = 16384, kv-offload = false"), "unknown-flag", "kv-offload", "`no-kv-offload = true`"),
    (gguf("c = 16384, mmproj-offload = false"), "unknown-flag", "mmproj-offload", "`no-mmproj-offload = true`"),
    (tei("auto-truncate = false", "cpu-1.9"), "bad-flag-value", "auto-truncate", '`auto-truncate = "false"`'),
    (gguf('c = 8, "-amb" = 512', *FORK), "unverified-flag", "-amb", "check the spelling"),
    (gguf('c = 8, "-amb" = 512'), "bad-flag", "-amb", "write `amb`"),
    (gguf('c = 8, "--amb" = 512', *FORK), "bad-flag", "--amb", "write `amb`"),
    (gguf('c = 8, "-t" = 512', *FORK), "bad-flag", "-t", "write `t`"),
    (gguf("c = 8", "a.example/x:1", 'version = "6500"'), "bad-version", "version", "b10587"),
    (gguf("c = 8, temp = 1, temperature = 1", build(9000)), "flag-twice", "temperature", "once"),
    (gguf("t = 8", env='LLAMA_ARG_CTX_SIZE = "0"'), "missing-ctx-size", "args", ""),
    (tei("max-batch-token = 16384"), "unknown-flag", "max-batch-token", "max-batch-tokens"),
    (tei('dtype = "bf16"'), "bad-flag-value", "dtype", 'dtype = "float16"'),
    (tei("max-batch-tokens = true"), "bad-flag-value", "max-batch-tokens", ""),
    (tei('auto-truncate = "false"', "cpu-1.8.3"), "bad-flag-value", "auto-truncate", "no value"),
    (gguf('c = 16384, fa = "perhaps"', build(99999)), "unverified-flag", "fa", "spelling"),
    (gguf('c = 8, ctk = "q6_0"', "a.example/ik:1", 'version = "b6500"\nfork = true'), "unverified-flag", "ctk", ""),
    (gguf("c = 16384, parallel = 6"), "context-per-slot", "parallel", "`kv-unified = true`"),
    (gguf("c = 16384, np = 6", build(5000)), "context-per-slot", "np", "`c = 98304`"),
    (gguf("c = 8, np = 6", env='LLAMA_ARG_THREADS = "4"'), "context-per-slot", "np", "`c = 48`"),
    (
        gguf("c = 8", env='LLAMA_ARG_N_PARALLEL = "6"'),
        "context-per-slot",
        "N_PARALLEL",
        "`kv-unified = true` in `args`",
    ),
    (
        gguf("parallel = 6", env='LLAMA_ARG_CTX_SIZE = "8"'),
        "context-per-slot",
        "parallel",
        '`LLAMA_ARG_CTX_SIZE = "48"`',
    ),
    (tei("", env='MAX_BATCH_TOKEN = "16384"'), "unknown-flag-variable", "MAX_BATCH_TOKEN", "`MAX_BATCH_TOKENS`"),
    (tei("", env='TOKENISATION_WORKER = "4"'), "unknown-flag-variable", "TOKEN", "`TOKENIZATION_WORKERS`"),
    (tei('pooling = "last"'), "bad-flag-value", "pooling", '`pooling = "last-token"`'),
    (gguf('c = "8k"'), "bad-flag-value", "c", "`c = 8192`"),
]
RIGHT = [
    gguf('c = 16384, fa = "on", no-mmap = true'),
    gguf("c = 16384, fa = true, no-mmap = true", build(6178)),
    gguf("c = 16384, n-gpu-layers = 20"),
    gguf("c = 16384, gpu-layers = 20"),
    gguf('c = 16384, ctk = "q8_0", flash-attn = "auto"'),
    gguf('c = 16384, ngl = "all"', build(9000)),
    gguf("c = 16384, mmap = true", build(7376)),
    gguf('c = 16384, fa = "on"', "a.example/x:1"),
    gguf("c = 16384, fa = true", "a.example/x:1"),
    gguf("t = 8", env='LLAMA_ARG_CTX_SIZE = "16384"'),
    gguf("c = 16384, parallel = 6, kv-unified = true"),
    gguf("c = 16384, parallel = 1"),
    gguf("c = 16384, parallel = 6", env='LLAMA_ARG_KV_SPLIT = "1"'),
    gguf("c = 16384", env='LLAMA_ARG_N_PARALLEL = "1"'),
    gguf("kv-unified = true", env='LLAMA_ARG_N_PARALLEL = "6", LLAMA_ARG_CTX_SIZE = "16384"'),
    tei("", env='MAX_BATCH_TOKENS = "16384", OTEL_SERVICE_NAME = "a", RUST_LOG = "info", MAX_BATCH_BYTES = "1"'),
    gguf("c = 16384"),
    gguf('c = 16384, fa = "off", no-mmap = true, no-cont-batching = true, no-kv-offload = true'),
    gguf('c = 16384, fa = "off", no-mmap = true, no-jinja = true', build(8000)),
    tei("max-batch-tokens = 16384"),
    tei('dtype = "float16"'),
    tei('auto-truncate = "false"'),
    tei("auto-truncate = true"),
    tei("auto-truncate = true", "cpu-1.8.3"),
]


@pytest.mark.parametrize(("toml", "rule", "place", "offered"), WRONG)
def test_wrong_flag(toml: str, rule: str, place: str, offered: str) -> None:
    """One finding, at the entry, with what to write."""
    found = [finding for finding in findings(toml) if finding.rule != "floating-image"]
    assert [finding.rule for finding in found] == [rule]
    assert place in toml.splitlines()[found[0].span.line - 1]
    assert offered in found[0].help


@pytest.mark.parametrize("version", ["", 'version = "b6500"\n', 'version = "b99999"\n'])
def test_flag_of_a_fork(version: str) -> None:
    """It is on the command line as it is written, and the warning does not advise to update modelgen."""
    toml = gguf('c = 8, "-amb" = 512, "-rtr" = true', "a.example/ik:1", f"{version}fork = true")
    assert [(found.rule, "modelgen" in found.message + found.help) for found in findings(toml)] == [
        ("unverified-flag", False)
    ]
    services = yaml.load(compiling.build(toml)["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"].values()
    assert ["-amb", "512", "-rtr"] in [service["command"][-3:] for service in services if "command" in service]


def test_context_of_each_slot() -> None:
    """The message has the tokens that one request can use."""
    found = findings(gguf("c = 16384, parallel = 6"))
    assert [finding.message for finding in found] == ["each of the 6 slots has 2,730 of the 16,384 tokens"]


@pytest.mark.parametrize("toml", RIGHT)
def test_right_flag(toml: str) -> None:
    """No finding."""
    assert [finding for finding in findings(toml) if finding.rule != "floating-image"] == []


@pytest.mark.parametrize(
    ("toml", "flag", "has_it"),
    [
        (tei("", "cpu-1.8.3"), "--served-model-name", False),
        (tei("", "cpu-1.9"), "--served-model-name", True),
        (gguf("c = 8", build(4200)), "--no-webui", False),
        (gguf("c = 8"), "--no-webui", True),
    ],
)
def test_own_flags_are_those_of_the_release(toml: str, flag: str, *, has_it: bool) -> None:
    """A flag that modelgen adds is left out where the release would refuse it."""
    assert (flag in compiling.build(toml)["docker-compose.yml"]) is has_it
