"""What is read from the sources of llama.cpp and TEI."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import read_clone
from argparse_reader.catalogue_format import encode, unify
from clone_reader import architectures, llamacpp, tei

if TYPE_CHECKING:
    from pathlib import Path

ARG_CPP = r"""
const std::vector<ggml_type> kv_cache_types = { GGML_TYPE_F16, GGML_TYPE_Q8_0, };
    // add_opt(common_arg({"--in-a-comment"}, "", [](common_params & params) {}));
    add_opt(common_arg(
        {"-c", "--ctx-size"}, "N",
        string_format("size of the context (default: %d, 0 = loaded from model)", params.n_ctx),
        [](common_params & params, int value) {
            params.n_ctx = value;
        }
    ).set_env("LLAMA_ARG_CTX_SIZE"));
    add_opt(common_arg(
        {"-fa", "--flash-attn"}, "[on|off|auto]",
        "a parenthesis in a text: (",
        [](common_params & params, const std::string & value) {
            if (is_truthy(value)) {
            } else if (is_falsey(value)) {
            } else {
                throw std::runtime_error("unknown value");
            }
        }).set_env("LLAMA_ARG_FLASH_ATTN"));
    add_opt(common_arg(
        {"-ctk", "--cache-type-k"}, "TYPE", "type",
        [](common_params & params, const std::string & value) {
            params.cache_type_k = kv_cache_type_from_str(value);
        }
    ));
    add_opt(common_arg(
        {"--jinja"}, {"--no-jinja"}, "template engine",
        [](common_params & params, bool value) {
            params.use_jinja = value;
        }
    ).set_examples({LLAMA_EXAMPLE_SERVER, LLAMA_EXAMPLE_CLI}).set_env("LLAMA_ARG_JINJA"));
    add_opt(common_arg(
        {"-ngl", "--gpu-layers"}, "N", "layers",
        [](common_params & params, const std::string & value) {
            if (value == "auto") { params.n_gpu_layers = -1; } else { params.n_gpu_layers = std::stoi(value); }
        }
    ));
    add_opt(common_arg(
        {"--temp"}, "N", "temperature",
        [](common_params & params, const std::string & value) {
            params.sampling.temp = std::stof(value);
        }
    ));
    add_opt(common_arg({"--chunks"}, "N", "chunks", [](common_params & params, int value) {
    }).set_examples({LLAMA_EXAMPLE_PERPLEXITY}));
    add_opt(common_arg({"-p", "--prompt"}, "PROMPT", "prompt", [](common_params & params, const std::string & value) {
    }).set_excludes({LLAMA_EXAMPLE_SERVER}));
"""
MAIN_RS = """
struct Args {
    /// A comment with #[clap(long)] in_it: String,
    #[clap(long, env)]
    #[redact(partial)]
    model_id: String,
    #[clap(long, env, value_enum)]
    dtype: Option<DType>,
    #[clap(default_value = "16384", long, env)]
    max_batch_tokens: usize,
    #[clap(long, env, default_value = "true", num_args = 0..=1, default_missing_value = "true")]
    auto_truncate: bool,
    #[clap(long, short, env)]
    port: u16,
    #[clap(long, env)]
    cors_allow_origin: Option<Vec<String>>,
}
"""
ENUMS = """
pub enum DType {
    // Float16 is not available on accelerate
    #[cfg(any(feature = "python"))]
    Float16,
    LastToken,
}
"""
LIB_RS = """
enum Config {
    Bert(BertConfigWrapper),
    // Commented(Config),
    XlmRoberta(BertConfig),
    #[serde(rename(deserialize = "gemma3_text"))]
    Gemma3(Gemma3Config),
    #[allow(dead_code)] // NOTE: only with CUDA
    #[serde(alias = "new")]
    Gte(GTEConfig),
    #[serde(rename = "mpnet")]
    MPNet(MPNetConfig),
}
"""


def test_flags_of_llama_server() -> None:
    """Flags of other programs are left out; kinds and choices are those of the handlers."""
    found = {flag.name: (flag.kind, dict(flag.extras)) for flag in llamacpp.read(ARG_CPP)}
    words = ["on", "enabled", "true", "1", "off", "disabled", "false", "0"]
    assert found == {
        "ctx-size": ("int", {"aliases": ["c"], "env": ["LLAMA_ARG_CTX_SIZE"]}),
        "flash-attn": ("text", {"choices": words, "aliases": ["fa"], "env": ["LLAMA_ARG_FLASH_ATTN"]}),
        "cache-type-k": ("text", {"choices": ["f16", "q8_0"], "aliases": ["ctk"]}),
        "jinja": ("flag", {"env": ["LLAMA_ARG_JINJA"]}),
        "no-jinja": ("flag", {}),
        "gpu-layers": ("text", {"aliases": ["ngl"]}),
        "temp": ("number", {}),
    }


def test_flags_of_tei() -> None:
    """A flag with an optional value accepts it; enumerations are named as clap names them."""
    found = {flag.name: (flag.kind, dict(flag.extras)) for flag in tei.read(MAIN_RS, ENUMS)}
    assert found == {
        "model-id": ("text", {"env": ["MODEL_ID"]}),
        "dtype": ("text", {"choices": ["float16", "last-token"], "env": ["DTYPE"]}),
        "max-batch-tokens": ("int", {"env": ["MAX_BATCH_TOKENS"]}),
        "auto-truncate": ("text", {"choices": ["true", "false"], "nargs": "?", "env": ["AUTO_TRUNCATE"]}),
        "port": ("int", {"aliases": ["p"], "env": ["PORT"]}),
        "cors-allow-origin": ("text", {"repeated": True, "env": ["CORS_ALLOW_ORIGIN"]}),
    }


def test_model_types_of_tei() -> None:
    """A type has the name that serde gives it, and its aliases."""
    assert tei.read_types(LIB_RS) == {"bert", "xlm-roberta", "gemma3_text", "gte", "new", "mpnet"}


def test_architectures_of_sources_without_a_number(tmp_path: Path) -> None:
    """The flags tell between which builds the sources are. Those of no known build tell names, but no builds."""
    newer = ARG_CPP.replace("--temp", "--warmth")
    releases = [("b10", llamacpp.read(ARG_CPP)), ("b20", llamacpp.read(newer)), ("b30", llamacpp.read(ARG_CPP))]
    versions = [version for version, _ in releases]
    catalogue = {"versions": versions, "flags": encode(unify(releases))}
    found = []
    for number, (flags, names) in enumerate(
        [
            (newer, '{ LLM_ARCH_A, "a" },'),
            (ARG_CPP.replace("--temp", "--other"), '{ LLM_ARCH_B,  "b" }, // { LLM_ARCH_C, "c" }'),
        ]
    ):
        for path, text in (
            ("common/arg.cpp", flags),
            ("src/llama-arch.cpp", f'x LLM_ARCH_NAMES = {{\n{names}\n{{ LLM_ARCH_UNKNOWN, "(unknown)" }},\n}};\n'),
        ):
            (tmp_path / str(number) / path).parent.mkdir(parents=True)
            (tmp_path / str(number) / path).write_text(text)
        found.append(architectures.read(tmp_path / str(number), catalogue))
    assert [(one.first, one.last, {*one.architectures}) for one in found] == [(20, 29, {"a"}), (None, None, {"b"})]
    assert architectures.first_builds(found) == {"a": [None, 29], "b": [20, None]}


def test_builds_of_a_clone(tmp_path: Path) -> None:
    """A build is the number of its commits; only builds that change a flag are kept, and the newest."""

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    (tmp_path / "common").mkdir()
    bare = ARG_CPP.replace("{LLAMA_EXAMPLE_PERPLEXITY}", "{LLAMA_EXAMPLE_SERVER}")
    for number, text in enumerate((ARG_CPP, ARG_CPP + "\n", bare, bare + "\n"), start=1):
        (tmp_path / "common" / "arg.cpp").write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", str(number))
    found = list(read_clone.builds(tmp_path, first=1))
    assert [version for version, _ in found] == ["b1", "b3", "b4"]
    assert "chunks" in {flag.name for flag in found[1][1]} - {flag.name for flag in found[0][1]}
