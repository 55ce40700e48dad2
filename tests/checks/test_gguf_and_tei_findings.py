"""What is refused of the engines llamacpp and tei."""

from __future__ import annotations

import pytest

from compiling import build, complete, findings

COMMIT = "0c38a4e9d1c4a8d0ec23b2f5e3a10a1a62c2c1b4"


def gguf(args: str = "ctx-size = 8", line: str = "") -> str:
    return (
        '[engines.llamacpp]\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\n'
        f'[models.qwen]\nengine = "llamacpp"\nrepo = "a/b"\nrevision = "{COMMIT}"\nfile = "x.gguf"\n'
        f"args = {{ {args} }}\n{line}\n"
    )


AMD_CARD = '\n[gpus.gpu1]\nmemory = "24GiB"\ndevice = "/dev/dri/renderD128"\nkind = "amd"\ngroups = [44]\n'


def tei(line: str = "", tag: str = "cpu-1.9") -> str:
    return (
        f'[engines.tei]\nimage = "ghcr.io/huggingface/text-embeddings-inference:{tag}"\n'
        f'[models.embed]\nengine = "tei"\nrepo = "a/b"\nrevision = "{COMMIT}"\n{line}\n'
    )


def checkpoint(args: str, engine: str = "vllm", version: str = "0.11.0", repo: str = "a/b") -> str:
    length = "max-model-len" if engine == "vllm" else "context-length"
    image = "vllm/vllm-openai:v" if engine == "vllm" else "lmsysorg/sglang:v"
    return (
        f'[models.qwen]\nengine = "{engine}"\nimage = "{image}{version}"\nrepo = "{repo}"\n'
        f'revision = "{COMMIT}"\nargs = {{ {length} = 8, {args} }}\n'
    )


def test_a_table_is_written_as_json() -> None:
    toml = complete(gguf("ctx-size = 8, chat-template-kwargs = { enable_thinking = false }").replace("b6500", "b7000"))
    assert {one.code for one in findings(toml) if one.severity == "error"} == set()
    [compose] = [text for name, text in build(toml).items() if name.endswith(".yml")]
    assert '{"enable_thinking":false}' in compose


def test_the_flags_of_a_fork_with_one_dash_are_one_warning() -> None:
    toml = gguf('ctx-size = 8, "-amb" = 512, "-fmoe" = true, "-rtr" = true', "fork = true")
    [found] = [one for one in findings(complete(toml)) if one.rule == "unverified-flag"]
    assert found.message.startswith("`-amb`, `-fmoe`, `-rtr` are not known: ")
    quiet = complete(f'{toml}[rules]\nunverified-flag = "off"\n')
    assert "unverified-flag" not in [one.rule for one in findings(quiet)]


@pytest.mark.parametrize(
    "toml",
    [
        gguf("ctx-size = 8, metrics = true, no-webui = true"),
        tei("args = { json-output = true }"),
        checkpoint("enable-metrics = true", "sglang", "0.5.9"),
        gguf('ctx-size = 8, chat-template = "{{ messages }}"'),
        gguf('ctx-size = 8, device = "CUDA1"', 'gpus = ["gpu0", "gpu1"]').replace("server-b", "server-cuda-b")
        + "".join(f'[gpus.gpu{at}]\nmemory = "24GiB"\ndevice = "{at}"\n' for at in (0, 1)),
    ],
)
def test_what_modelgen_writes_itself_is_no_fault(toml: str) -> None:
    assert [one.message for one in findings(complete(toml)) if one.severity == "error"] == []
    for flag in ("--metrics", "--no-webui", "--json-output", "--enable-metrics"):
        assert build(complete(toml))["docker-compose.yml"].count(f'"{flag}"') <= 1


def test_the_image_of_a_known_fork_is_one() -> None:
    toml = gguf("ctx-size = 8, fmoe = true").replace("ggml-org/llama.cpp:server-b6500", "ikawrakow/ik_llama.cpp:server")
    [found] = [one for one in findings(complete(toml)) if one.rule == "unverified-flag"]
    assert "the fork may have it" in found.message
    assert "did you mean" not in found.help


CASES: list[tuple[str, str, str]] = [
    # files of one's own, by a path
    (
        gguf('ctx-size = 8, model = "/srv/my.gguf"'),
        "owned-arg",
        'run `modelgen add /srv/my.gguf --as local/my` and write `repo = "local/my"` and `file = "my.gguf"`',
    ),
    (gguf('ctx-size = 8, mmproj = "/models/p.gguf"'), "owned-arg", 'write `mmproj = "p.gguf"` in the model'),
    (gguf('ctx-size = 8, mmproj = "vision/p.gguf"'), "owned-arg", 'write `mmproj = "vision/p.gguf"` in the model'),
    # values that end llama-server
    (gguf("ctx-size = 8, help = true"), "owned-arg", "remove it: llama-server would print and exit"),
    (gguf('ctx-size = 8, chat-template = "chatmll"'), "unknown-value", "did you mean `chatml`?"),
    (gguf('ctx-size = 8, chat-template-kwargs = "{enable_thinking: false}"'), "bad-flag-value", "write a TOML table"),
    *(
        (
            gguf(f'ctx-size = 8, device = "{device}"', 'gpus = ["gpu0"]').replace("server-b", "server-cuda-b"),
            "gpu-beyond-model",
            'write `device = "CUDA0"`, or remove it',
        )
        for device in ("CUDA1", "CUDA0, CUDA1")
    ),
    # every value that is refused has a way out
    (gguf('ctx-size = 8, rope-scaling = "dynamic"'), "bad-flag-value", "write such a value, or leave it out"),
    (gguf('ctx-size = 8, threads = "eight"'), "bad-flag-value", "write such a value, or leave it out"),
    (tei("args = { quantize = 1 }"), "unknown-flag", "remove it: no known release has it"),
    # a build that is misspelt
    *(
        (gguf().replace("server-b6500", f"server-cuda-{build}"), "floating-image", "server-cuda-b6178`, or a digest")
        for build in ("b6178x", "v6178", "6178", "B6178")
    ),
    # a repository for engines that load one file
    *((checkpoint(f'{flag} = "gguf"'), "gguf-repository", "llamacpp") for flag in ("load-format", "quantization")),
    (checkpoint('load_format = "gguf"'), "gguf-repository", "llamacpp"),
    (checkpoint('load-format = "gguf"', "sglang", "0.5.5"), "gguf-repository", "llamacpp"),
    (checkpoint('load-format = "gguf"', repo="local/b"), "gguf-repository", "llamacpp"),
    (checkpoint('dtype = "auto"', repo="o/m-GGUF"), "gguf-by-name", 'write `engine = "llamacpp"` and `file'),
    (checkpoint('dtype = "auto"', "sglang", "0.5.5", "o/m-gguf"), "gguf-by-name", 'write `engine = "llamacpp"`'),
    (tei().replace("a/b", "o/m-GGUF"), "gguf-by-name", 'write `engine = "llamacpp"`'),
    (checkpoint('dtype = "auto"', repo="o/m:Q4_K_M"), "bad-repo-id", 'and `engine = "llamacpp"`, which loads'),
    (checkpoint('dtype = "auto"', repo="o/m/m-Q4.gguf"), "path-as-repo", '`repo = "o/m"` and `file = "m-Q4.gguf"`'),
    (gguf('ctx-size = 8, hf = "o/m:Q4_K_M"'), "owned-arg", 'write `repo = "o/m"` and `quant = "Q4_K_M"` in'),
    (gguf('ctx-size = 8, hf-repo = "o/m"'), "owned-arg", 'write `repo = "o/m"` and `file` in'),
    (gguf('ctx-size = 8, hff = "m-Q4_K_M.gguf"'), "owned-arg", 'write `file = "m-Q4_K_M.gguf"` in'),
    (gguf('ctx-size = 8, m = "m-Q4_K_M.gguf"'), "owned-arg", 'write `file = "m-Q4_K_M.gguf"` in'),
    (gguf('ctx-size = 8, hfd = "o/d:Q8_0"'), "owned-arg", 'write `draft = { repo = "o/d", quant = "Q8_0" }` in'),
    (gguf('ctx-size = 8, hfd = "o/d"'), "owned-arg", 'write `draft = { repo = "o/d", quant = "…" }` in'),
    (
        gguf(line='env = { LLAMA_ARG_HF_REPO = "o/m:Q4_K_M" }'),
        "owned-env",
        'write `repo = "o/m"` and `quant = "Q4_K_M"` in',
    ),
    # images and GPUs
    (gguf("ctx-size = 8").replace(":server", ":light"), "image-without-server", "llama.cpp:server-"),
    (tei(tag="cpu-1.9.3-grpc"), "image-without-server", "inference:cpu-1.9.3"),
    # flags
    (gguf('ctx-size = 8, split-mode = "rows"'), "bad-flag-value", 'write `split-mode = "row"`'),
    (gguf('ctx-size = 8, split-mode = "tensor"'), "bad-flag-value", "`tensor` appeared in b8738"),
    (gguf('ctx-size = 8, reasoning-format = "deepsek"'), "bad-flag-value", 'write `reasoning-format = "deepseek"`'),
    (
        gguf("ctx-size = 8, embeddings = true, jinja = true").replace("b6500", "b5232"),
        "embeddings-and-chat",
        "remove `embeddings`",
    ),
    *((gguf(f'ctx-size = 8, {flag} = "x"'), "owned-arg", "repo") for flag in ("m", "model", "hf", "hf_repo", "hff")),
    *((gguf(f'ctx-size = 8, {flag} = "x"'), "owned-arg", "table") for flag in ("a", "alias", "mm", "mmproj")),
    *(
        (gguf(f'ctx-size = 8, {flag} = "x"'), "owned-arg", "")
        for flag in ("host", "port", "api-key", "hft", "api_prefix")
    ),
    (gguf("ctx-size = 8, metrics = false"), "owned-arg", "always on"),
    (gguf("ctx-size = 8, c = 8"), "flag-twice", "once"),
    (gguf("ctx-size = 8, n_gpu_layers = 8, ngl = 8"), "flag-twice", "once"),
    (gguf('ctx-size = 8, "-t" = 8'), "bad-flag", "write `t`"),
    (gguf("ctx-size = 8, jinja = false"), "bad-flag-value", "leave it out"),
    (gguf("ctx-size = 8, device = { a = 1 }"), "bad-flag-value", "text"),
    (gguf('ctx-size = 8, ot = ["a=CPU", "b=CPU"]'), "bad-flag-value", "commas"),
    (gguf("threads = 8"), "missing-ctx-size", "16384"),
    (gguf("c = 0"), "missing-ctx-size", "longest"),
    *(
        (tei(f'args = {{ {flag} = "x" }}'), "owned-arg", "")
        for flag in ("model-id", "model_id", "revision", "port", "p", "hostname", "huggingface-hub-cache", "hf-token")
    ),
    (tei('args = { served-model-name = "x" }'), "owned-arg", "id of the model"),
    (tei('args = { api-key = "xyzxyz" }'), "owned-arg", "keys_file"),
    (tei("args = { auto-truncate = false }", "cpu-1.8"), "bad-flag-value", "leave it out"),
    # Only images with Python have bfloat16.
    (tei('args = { dtype = "float_16" }', "cpu-1.9"), "bad-flag-value", 'write `dtype = "float16"`'),
    (tei('args = { dtype = "bfloat16" }', "cpu-1.9"), "bad-flag-value", "float16"),
    (tei('env = { DTYPE = "bfloat16" }', "cpu-1.9"), "bad-flag-variable", "it sets `dtype`"),
    (tei("args = { cors-allow-origin = [] }"), "bad-flag-value", "once for each"),
    # variables that stand for flags
    (tei('env = { MODEL_ID = "x" }'), "owned-env", 'write `repo = "x"` in'),
    (tei('env = { PORT = "81" }'), "owned-env", "publish"),
    (tei('env = { HUGGINGFACE_HUB_CACHE = "/x" }'), "owned-env", "[project] hub"),
    (gguf(line='env = { LLAMA_ARG_PORT = "81" }'), "owned-env", "publish"),
    (gguf(line='env = { LLAMA_ARG_HF_REPO = "a/b" }'), "owned-env", "`file`"),
    (gguf(line='env = { LLAMA_ARG_OFFLINE = "0" }'), "owned-env", "offline"),
    # files
    (gguf().replace("x.gguf", "x.bin"), "bad-file", "its path"),
    (gguf().replace("x.gguf", "../x.gguf"), "bad-file", "its path"),
    (gguf().replace("x.gguf", "a//x.gguf"), "bad-file", "its path"),
    (gguf().replace("x.gguf", "C:/x.gguf"), "bad-file", "its path"),
    (gguf(line='mmproj = "./mmproj.gguf"'), "bad-file", "its path"),
    (gguf().replace("x.gguf", "x-00002-of-00002.gguf"), "bad-file", "x-00001-of-00002.gguf"),
    (gguf().replace('file = "x.gguf"\n', ""), "missing-file", ".gguf"),
    (gguf().replace("x.gguf", "mmproj-F16.gguf"), "bad-file", "this one is for `mmproj`"),
    (gguf('ctx-size = 8, ngl = "all"'), "bad-flag-value", "`ngl = 999`"),
    (gguf(line='quant = "Q4_K_M"'), "file-and-quant", "remove `quant`"),
    (gguf(line='draft = { repo = "a/d", file = "d.gguf", quant = "Q8_0" }'), "file-and-quant", "remove `quant`"),
    (gguf('c = 8, md = "./d.gguf"', 'draft = { repo = "a/d", file = "d.gguf" }'), "file-and-quant", "remove `md`"),
    (gguf(line='draft = { repo = "a/d" }'), "missing-file", "`quant = "),
    (gguf(line='draft = { repo = "a/d", file = "/m/d.gguf" }'), "bad-file", '`file = "d.gguf"`'),
    (gguf(line='draft = { repo = "/m/d", file = "d.gguf" }'), "path-as-repo", "namespace"),
    (gguf(line='draft = { repo = "a/d", file = "d.gguf", revision = "a b" }'), "bad-revision", "40 hex"),
    (gguf().replace('file = "x.gguf"', 'quant = "Q4_K_M"'), "no-snapshot", "modelgen lock"),
    (gguf(line="mmproj = true"), "no-snapshot", "modelgen lock"),
    (tei('quant = "Q4_K_M"'), "key-of-another-engine", "only `llamacpp`"),
    (tei('draft = { repo = "a/d", file = "d.gguf" }'), "key-of-another-engine", "only `llamacpp`"),
    # paths in the container
    (gguf('c = 8, chat-template-file = "/models/t.jinja"'), "unmounted-file", '`chat-template-file = "./t.jinja"`'),
    (gguf('c = 8, chat-template-file = "t.jinja"'), "unmounted-file", "`./t.jinja`"),
    (gguf('c = 8, lora = "/loras/a.gguf"'), "unmounted-file", '`lora = "./a.gguf"`'),
    # repositories
    (gguf().replace('repo = "a/b"\n', "").replace(f'revision = "{COMMIT}"\n', ""), "missing-repo", "namespace"),
    (gguf().replace('"a/b"', '"/models/x.gguf"'), "path-as-repo", ""),
    (gguf().replace(COMMIT, "main"), "no-snapshot", "modelgen lock"),
    (tei().replace(f'revision = "{COMMIT}"', ""), "id-offline", "modelgen lock"),
    # images and cards
    (gguf().replace("server-b6500", "server"), "floating-image", "a digest"),
    (gguf().replace("server-b6500", "server-cuda"), "floating-image", "a digest"),
    *(
        (gguf().replace("server-b6500", tag), "floating-image", f"write `ghcr.io/ggml-org/llama.cpp:{meant}`")
        for tag, meant in (
            ("server-6500", "server-b6500"),
            ("server-cuda-6500", "server-cuda-b6500"),
            ("server-cuda13-B6500", "server-cuda13-b6500"),
            ("server-b6500-rocm", "server-rocm-b6500"),
            ("b6500-server", "server-b6500"),
            ("server-cuda-b6500x", "server-cuda-b6500"),
        )
    ),
    (gguf(line='gpus = ["gpu0"]'), "image-for-other-cards", "server-cuda"),
    *(
        (gguf(line='gpus = ["gpu0"]').replace("server-b", f"server-{vendor}-b"), "image-for-other-cards", "server-cuda")
        for vendor in ("intel", "musa", "rocm")
    ),
    (tei('gpus = ["gpu0"]'), "image-for-other-cards", "cuda-"),
    (tei('gpus = ["gpu1"]') + AMD_CARD, "image-for-other-cards", "the engine `infinity`"),
    (
        gguf(line='gpus = ["gpu1"]') + AMD_CARD,
        "image-for-other-cards",
        "`ghcr.io/ggml-org/llama.cpp:server-rocm-b6500`",
    ),
    ('[engines.tei]\nimage = "x/y:1"\nversion = "nine"', "bad-version", "release"),
    # keys
    (tei("trust_remote_code = true"), "key-of-another-engine", "`sglang`"),
    (tei('model_arg = "path"'), "key-of-another-engine", "`sglang`"),
    (tei('loras = { x = "a/c" }'), "key-of-another-engine", "only `vllm`"),
    (tei('file = "x.gguf"'), "key-of-another-engine", "only `llamacpp`"),
    (tei('compose = { volumes = ["./x:/data/y"] }'), "volume-over-ours", "elsewhere"),
    (gguf(line='switch = "sleep"'), "not-supported-yet", "restart"),
]


@pytest.mark.parametrize(("toml", "rule", "offered"), CASES, ids=[f"{case[1]}-{at}" for at, case in enumerate(CASES)])
def test_finding(toml: str, rule: str, offered: str) -> None:
    beside = {"floating-image", "no-snapshot"} - {rule}
    found = [finding for finding in findings(complete(toml)) if finding.rule not in beside]
    assert [diagnostic.rule for diagnostic in found] == [rule]
    assert offered in found[0].help


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (gguf("ctx-size = 8, fa = false"), "`fa` must be a string: one of `on`, `enabled`"),
        (tei("args = { auto-truncate = false }", "cpu-1.9.2"), "`auto-truncate` must be a string: one of `true`, `fa"),
        (gguf("ctx-size = 8, cont-batching = false"), "`cont-batching` must be true, or left out"),
    ],
)
def test_a_feature_is_switched_off_as_the_message_says(toml: str, message: str) -> None:
    [found] = [one for one in findings(complete(toml)) if one.rule == "bad-flag-value"]
    assert message in found.message


def test_a_model_of_tei_has_one_card() -> None:
    toml = '[gpus]\ng0 = { memory = "24GiB", device = "0" }\ng1 = { memory = "24GiB", device = "1" }\n'
    found = findings(complete(toml + tei('gpus = ["g0", "g1"]', tag="cuda-1.9")))
    assert [(finding.rule, finding.message) for finding in found] == [
        ("parallel-mismatch", "TEI uses one GPU, but `embed` has 2")
    ]


@pytest.mark.parametrize(
    "toml",
    [
        gguf("c = 8, ngl = 20, no-mmap = true, ot = 'a=CPU,b=CPU', fa = 'on'"),
        gguf(line='compose = { volumes = ["./x:/data"] }'),
        gguf(line='env = { PORT = "x" }'),
        gguf("ctx-size = 8, embeddings = true, jinja = true").replace("b6500", "b5709"),
        gguf("ctx-size = 8, rerank = true, reasoning-format = 'none'"),
        gguf('c = 8, chat-template-file = "/data/t.jinja"', 'compose = { volumes = ["./x:/data"] }'),
        gguf('c = 8, grammar-file = "./g.gbnf", lora = "/app/x.gguf"'),
        gguf().replace("x.gguf", "Q4 K/x+y (1)-00001-of-00002.gguf"),
        tei('args = { dtype = "bfloat16" }', "cpu-ipex-1.9"),
        tei('env = { RUST_LOG = "debug", LLAMA_ARG_PORT = "1" }'),
        tei('gpus = ["gpu0"]\ngpu_memory = "2GiB"', tag="cuda-1.9"),
        *(tei('gpus = ["gpu0"]', tag=tag) for tag in ("turing-1.9", "1.9", "86-1.9", "hopper-1.9.2")),
        *(gguf(line='gpus = ["gpu0"]').replace("server-b", f"server-{one}-b") for one in ("cuda", "vulkan")),
        gguf().replace("server-b", "server-intel-b"),
        f"[defaults]\nmmproj = 'm.gguf'\n{gguf()}",
    ],
)
def test_no_false_alarm(toml: str) -> None:
    assert [diagnostic.message for diagnostic in findings(complete(toml))] == []


LLAMA = (
    '[models.m]\nengine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nrepo = "a/b"\n'
    'revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"\nfile = "m.gguf"\n'
)
TEI = (
    '[models.m]\nengine = "tei"\nimage = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"\nrepo = "a/b"\n'
    'revision = "bc640142c66e1fdd12af0bd68f40445458f3869b"\n'
)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (f'{LLAMA}env = {{ LLAMA_ARG_CTX_SIZE = "4096", LLAMA_ARG_FLASH_ATTN = "on" }}\n', []),
        (f'{LLAMA}env = {{ LLAMA_ARG_CTX_SIZE = " 4096", LLAMA_ARG_N_PARALLEL = "-1" }}\n', []),
        (f'{LLAMA}env = {{ LLAMA_ARG_CTX_SIZE = "many" }}\n', ["MG249"]),
        (f'{LLAMA}args = {{ c = 4096 }}\nenv = {{ LLAMA_ARG_CTX_SIZE = "4096" }}\n', ["MG250"]),
        (f'{LLAMA}args = {{ ctx-size = 4096 }}\nenv = {{ LLAMA_ARG_NO_MMAP = "1" }}\n', []),
        (f'{LLAMA}args = {{ ctx-size = 4096 }}\nenv = {{ LLAMA_ARG_TREADS = "4" }}\n', ["MG251"]),
        (f'{LLAMA}fork = true\nargs = {{ ctx-size = 4096 }}\nenv = {{ LLAMA_ARG_OF_A_FORK = "4" }}\n', []),
        (f'{LLAMA}args = {{ ctx-size = 4096 }}\nenv = {{ LLAMA_OFFLINE = "0" }}\n', ["MG220"]),
        (f'{TEI}env = {{ MAX_BATCH_TOKENS = "8192", POOLING = "mean", ANYTHING = "x" }}\n', []),
        (f'{TEI}env = {{ POOLING = "median" }}\n', ["MG249"]),
        (f'{TEI}args = {{ pooling = "mean" }}\nenv = {{ POOLING = "cls" }}\n', ["MG250"]),
    ],
)
def test_variables_that_set_flags(table: str, codes: list[str]) -> None:
    found = [one.code for one in findings(complete(table)) if one.severity.value != "info"]
    assert [code for code in found if code != "MG247"] == codes


@pytest.mark.parametrize(
    ("build", "args", "env", "is_found"),
    [
        ("b6000", 'ctv = "q8_0"', "", True),
        ("b6000", 'ctv = "q8_0", fa = true', "", False),
        ("b6000", 'ctk = "q8_0"', "", False),
        ("b6000", 'ctv = "f16"', "", False),
        ("b6000", "", 'LLAMA_ARG_CACHE_TYPE_V = "q8_0"', True),
        ("b6000", 'ctv = "q8_0"', 'LLAMA_ARG_FLASH_ATTN = "1"', False),
        ("b7000", 'ctv = "q8_0"', "", False),
        ("b7000", 'ctv = "q8_0", fa = "auto"', "", False),
        ("b7000", 'ctv = "q8_0", fa = "off"', "", True),
        ("b7000", 'ctv = "q8_0"', 'LLAMA_ARG_FLASH_ATTN = "off"', True),
    ],
)
def test_a_quantized_cache_needs_flash_attention(build: str, args: str, env: str, *, is_found: bool) -> None:
    toml = gguf(f"ctx-size = 8{args and ', '}{args}", f"env = {{ {env} }}").replace("b6500", build)
    assert ("cache-without-flash" in [one.rule for one in findings(complete(toml))]) == is_found
