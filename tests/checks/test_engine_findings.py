"""Beyond each manual's example, on engines, their releases, adapters, hosts, cards and accounts."""

from __future__ import annotations

import pytest

from compiling import complete, findings

ARGS = "args = { max-model-len = 8 }\n"
QWEN = f'[models.qwen]\nrepo = "a/b"\n{ARGS}'
LORAS = "loras = { x = 'a/x' }\n"
ON_CARD = f'{QWEN}gpus = ["g0"]\n'
ROCM = '[engines.vllm]\nimage = "vllm/vllm-openai-rocm:v0.20.0"\n'


def command_model(lines: str) -> str:
    return f'[models.tiny]\nengine = "command"\nimage = "x/y:1"\n{lines}\n'


def vllm(version: str, env: str = "") -> str:
    return f'[engines.vllm]\nimage = "vllm/vllm-openai:v{version}"\n{f"env = {{ {env} }}" if env else ""}\n'


def flags(text: str, version: str = "0.11.0") -> str:
    """Return a model with `max-model-len` and more in its args, on a version."""
    return f'{vllm(version)}[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8, {text} }}\n'


def length(value: str, version: str = "0.11.0") -> str:
    return flags("", version).replace("8, ", value)


def sglang(lines: str, version: str = "0.5.9") -> str:
    image = f'[engines.sglang]\nimage = "lmsysorg/sglang:v{version}"\n'
    return f'{image}[models.qwen]\nrepo = "a/b"\nengine = "sglang"\n{lines}\n'


def env(text: str, version: str = "0.11.0") -> str:
    return f"{vllm(version)}{QWEN}env = {{ {text} }}\n"


def host(text: str) -> str:
    return f"[host]\n{text}\n"


def cards(*devices: str, kind: str = "", more: str = "") -> str:
    """Return a table for each device: g0, g1 …"""
    kinds = f'kind = "{kind}"\n' if kind else ""
    return "".join(
        f'[gpus.g{number}]\nmemory = "24GiB"\ndevice = "{device}"\n{kinds}{more}\n'
        for number, device in enumerate(devices)
    )


CASES: list[tuple[str, str, str]] = [
    # ports of programs
    (
        command_model('port = 8188\ncommand = ["s", "--port", "9000"]'),
        "bad-command",
        "write `port = 9000`, or `{port}`",
    ),
    (command_model('port = 8188\ncommand = ["s", "--port=9000"]'), "bad-command", "write `port = 9000`, or `{port}`"),
    (command_model('port = 0\ncommand = ["s"]'), "bad-value", "as in `port = 8000`"),
    (command_model('port = 8188\nhub = "rw"'), "unknown-key", "the hub directory is always read-only; `cache` names"),
    # values of flags
    (flags("seed = [[1]]"), "bad-flag-value", ""),
    (flags("seed = { a = 1 }"), "bad-flag-value", ""),
    (flags("speculative-config = true"), "bad-flag-value", ""),
    (flags("enforce-eager = {}"), "bad-flag-value", ""),
    (flags("allowed-media-domains = [{ a = 1 }]"), "bad-flag-value", ""),
    (flags("'dtype.x' = 3"), "bad-flag-value", "write `dtype`"),
    (flags("dtype = 'float16 '"), "bad-flag-value", ""),
    (flags("max-num-seqs = '0x10'"), "bad-flag-value", ""),
    (length("'auto'"), "bad-flag-value", ""),
    (length("-1"), "bad-flag-value", ""),
    (length("'4Ki'"), "bad-flag-value", ""),
    (flags("compilation-config = { mode = 3 }, 'compilation_config.level' = 3", "0.12.0"), "flag-twice", "once"),
    (flags("quantization = 'awg'"), "unknown-value", "did you mean `awq`?"),
    (flags("quantization = 'gguf'", "0.24.0"), "value-of-another-version", "removed after 0.23.0"),
    (
        flags("dtype = 'bf16'", "0.14.1").replace('v0.14.1"', 'v0.14.1"\nfork = true'),
        "unverified-flag",
        'write `dtype = "bfloat16"`',
    ),
    (flags("chat-template = 'template_chatml.jinja'"), "unmounted-file", "write `./template_chatml.jinja`"),
    (
        flags("chat-template = 'examples/tool_chat_template_lama3.1_json.jinja'"),
        "unmounted-file",
        "did you mean `examples/tool_chat_template_llama3.1_json.jinja`?",
    ),
    (flags("chat-template = '/vllm-workspace/examples/mine.jinja'"), "unmounted-file", "write `./NAME.jinja`"),
    (sglang("args = { chat-template = 'chatlm' }"), "unmounted-file", "did you mean `chatml`?"),
    (
        '[engines.vllm]\nimage = "quay.io/ascend/vllm-ascend:v0.13.0"\n'
        '[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n',
        "image-for-unsupported",
        "/dev/davinci_manager",
    ),
    (
        flags("tokenizer-mode = 'slow'", "0.31.0"),
        "value-of-another-version",
        "or use the image `vllm/vllm-openai:v0.30.0`",
    ),
    (flags("tokenizer-mode = 'slow'", "0.31.0"), "value-of-another-version", "removed after"),
    # flags and their releases
    (flags("no-enable-prefix-caching = false"), "bad-flag", "write `enable-prefix-caching = true`"),
    (flags("no_enforce_eager = true"), "bad-flag", "write `enforce_eager = false`"),
    (flags("no-dtype = 'half'"), "unknown-flag", ""),
    (flags("asc = 2", "0.9.0.1"), "unknown-flag", "it appeared in 0.9.1"),
    (flags("cudagraph-capture-sizes = [1]"), "unknown-flag", "it appeared in"),
    (flags("task = 'embed'", "0.13.0"), "unknown-flag", 'write `runner = "pooling"` and `convert = "embed"`'),
    (flags("task = 'score'", "0.19.0"), "unknown-flag", 'write `runner = "pooling"`'),
    (flags("task = 'generate'", "0.19.0"), "unknown-flag", "remove it: vLLM decides by the model"),
    (flags("task = 'transcription'", "0.12.0"), "deprecated-flag", "remove it: vLLM decides by the model"),
    (flags("rope_scaling = {}", "0.11.1"), "unknown-flag", "write it inside `hf-overrides"),
    (flags("guided-decoding-backend = 'auto'", "0.12.0"), "unknown-flag", "structured-outputs-config"),
    (flags("O3 = true"), "unknown-flag", ""),
    (flags("'-O3' = true"), "bad-flag", "write `O = 3`"),
    (flags("disable-log-requests = true", "0.16.0"), "deprecated-flag", "enable-log-requests"),
    (flags("x = 1", "0.34.0"), "unverified-flag", ""),
    (flags("swap-space = 4", "0.34.0"), "unverified-flag", "removed in 0.18"),
    (flags("enable-log-outputs = true, enable-log-requests = false", "0.20.0"), "missing-companion", ""),
    (flags("max-num-seqs = '300', max-num-batched-tokens = 256"), "sizes-at-odds", ""),
    (
        f"[defaults]\nargs = {{ seed = 'x' }}\n{QWEN}{QWEN.replace('qwen', 'two').replace('a/b', 'a/c')}",
        "bad-flag-value",
        "",
    ),
    (sglang("args = { context-len = 1 }"), "abbreviated-flag", "write `context-length`"),
    (sglang("args = { max-model-len = 1 }"), "unknown-flag", ""),
    (sglang('gpus = ["gpu0"]\nargs = { mem-fraction-static = 0.96 }'), "static-share-over-memory", "less than 0.95"),
    (
        sglang('gpus = ["gpu0"]\ngpu_memory = "12GiB"\nargs = { mem-fraction-static = 0.5 }'),
        "static-share-over-memory",
        "larger `gpu_memory`",
    ),
    (sglang("args = { model = 'x' }"), "owned-arg", "`repo = "),
    (sglang("args = { context-length = 1.5 }"), "bad-flag-value", ""),
    # adapters
    (f"{QWEN}loras = {{ sql = './x' }}", "path-as-repo", "namespace/name"),
    (f"{QWEN}loras = {{ sql = 'a b' }}", "bad-repo-id", "namespace/name"),
    (f"{QWEN}loras = {{ 'e=f' = 'a/c' }}", "bad-alias", "letters"),
    (f"{QWEN}loras = {{ '' = 'a/c' }}", "bad-alias", "letters"),
    (f"{QWEN}loras = {{ qwen = 'a/c' }}", "name-collision", ""),
    (f"{QWEN}loras = {{ 'a/b' = 'a/c' }}", "name-collision", ""),
    (f"{QWEN}loras = {{ x = 'a/c' }}\naliases = ['x']", "name-collision", ""),
    (f"{QWEN}loras = {{ x = 'a/c' }}\n[models.x]\nrepo = 'a/d'\n{ARGS}", "name-collision", ""),
    (flags("enable-lora = false") + "loras = { x = 'a/c' }", "owned-arg", "`loras`"),
    (flags("lora-modules = ['x=a/c']"), "owned-arg", "`loras ="),
    (flags("max-lora-rank = 24", "0.19.0") + LORAS, "bad-flag-value", "write `max-lora-rank = 32`"),
    (flags('max-lora-rank = "24"', "0.19.0") + LORAS, "bad-flag-value", "write `max-lora-rank = 32`"),
    (flags("max-lora-rank = 1024", "0.19.0") + LORAS, "bad-flag-value", "write `max-lora-rank = 512`"),
    (flags("max-lora-rank = 24", "0.8.5") + LORAS, "bad-flag-value", "write `max-lora-rank = 32`"),
    (flags("max-lora-rank = 100", "0.10.0") + LORAS, "bad-flag-value", "write `max-lora-rank = 128`"),
    (flags("max-lora-rank = 8") + "loras = {}", "lora-by-hand", "`loras ="),
    (sglang("loras = { sql = 'a/c' }"), "key-of-another-engine", "vllm"),
    (sglang("loras = { sql = 'a/c' }\nargs = { enable-lora = true }"), "key-of-another-engine", "vllm"),
    (command_model('command = ["x"]\nloras = { a = "b/c" }'), "key-of-another-engine", "vllm"),
    # variables
    (env("VLLM_ATTENTION_BACKEND = 'X'", "0.15.0"), "unread-variable", 'write `attention-backend = "X"` in `args`'),
    (env("VLLM_SLEEP_WHEN_IDLE = '1'", "0.8.5"), "unread-variable", "it appeared in 0.9.1"),
    (vllm("0.20.0", "VLLM_USE_V1 = '1'") + QWEN, "unread-variable", "remove it"),
    (f"[defaults]\nenv = {{ VLLM_LOGING_LEVEL = '1' }}\n{QWEN}", "unknown-variable", "VLLM_LOGGING_LEVEL"),
    (env("VLLM_NEW = '1'", "9.9.9"), "foreign-variable", ""),
    (env("VLLM_MODEL = 'x'"), "variable-is-flag", "`repo`"),
    (env("GPU_MEMORY_UTILIZATION = '0.9'"), "variable-is-flag", "gpu_memory"),
    (env("A = ''"), "empty-variable", "remove"),
    (f"[defaults]\nenv = {{ A = '' }}\n{QWEN}", "empty-variable", "remove"),
    (env("A = '\"x\"'"), "quoted-value", "`x`"),
    (env("Hf_Token = 'x'"), "owned-env", "token"),
    (env("HF_XET_HIGH_PERFORMANCE = '1'"), "idle-variable", "remove"),
    # what is written literally
    (env("A = '${HOME}'"), "literal-interpolation", ""),
    (env("A = 'a${B:-c}'"), "literal-interpolation", ""),
    (f"{QWEN}compose = {{ labels = {{ a = '${{X}}' }} }}", "literal-interpolation", ""),
    (f"{QWEN}compose = {{ dns = ['${{D}}'] }}", "literal-interpolation", ""),
    (command_model("command = ['x', '${PORT}']"), "literal-interpolation", ""),
    (flags("hf-overrides = { a = ['${X}'] }"), "literal-interpolation", ""),
    (cards("0", kind="cdi"), "bad-device", 'write `device = "nvidia.com/gpu=0"`'),
    (cards("GPU-8d2f1c55", kind="cdi"), "bad-device", 'write `device = "nvidia.com/gpu=GPU-8d2f1c55"`'),
    (command_model('port = 1\ncache = ["./c:/root/.cache"]'), "bad-cache", 'write `"/root/.cache"`'),
    (command_model('port = 1\ncache = ["/srv/c:/data/x:rw"]'), "bad-cache", 'write `"/data/x"`'),
    ('[orchestrator]\nnetwork_aliases = ["http://vllm"]', "bad-value", 'write `"vllm"`'),
    ('[orchestrator]\nnetwork_aliases = ["vllm.internal:8000/v1"]', "bad-value", 'write `"vllm.internal"`'),
    # the host
    *(
        (
            f'[engines.vllm]\nimage = "{image}"\nversion = "{version}"\n{QWEN}',
            "bad-version",
            "write the version of vLLM that is in the image; its tag may count something else",
        )
        for image, version in (("lmcache/vllm-openai:0.4.7", "0.4.7"), ("a.example/vllm:v0.3.1", "0.3.1"))
    ),
    (
        vllm("0.19.0").replace("vllm-openai:", "vllm-openai-xpu:") + cards("0") + ON_CARD,
        "image-for-other-cards",
        "write `vllm/vllm-openai:v0.19.0`",
    ),
    (host('driver = "515.1"') + cards("0") + ON_CARD, "driver-too-old", "update the driver"),
    (host('driver = "579.99"') + cards("0") + vllm("0.20.0") + ON_CARD, "driver-too-old", "v0.20.0-cu129"),
    (
        host('driver = "570.1"') + cards("0") + vllm("0.33.0") + ON_CARD,
        "driver-too-old",
        "write `vllm/vllm-openai:v0.11.0`, or update",
    ),
    (host('driver = "560.1"') + cards("0") + ON_CARD, "driver-below-image", "570"),
    (host('driver = "x"'), "bad-value", ""),
    (host('arch = "riscv"'), "bad-value", ""),
    (host('docker_socket = "unix:///x"'), "bad-value", ""),
    (host('selinux = "yes"'), "wrong-type", ""),
    (host('arch = "arm64"') + vllm("0.11.0-x86_64") + QWEN, "wrong-arch", ""),
    (host('arch = "arm64"') + vllm("0.10.1") + QWEN, "wrong-arch", ""),
    (host('docker = "24.9"') + cards("nvidia.com/gpu=0", kind="cdi"), "docker-too-old", ""),
    (host('docker = "25.0"') + cards("nvidia.com/gpu=0", kind="cdi"), "cdi-switched-off", "daemon.json"),
    # kinds of cards
    (cards("nvidia.com/gpu=all", kind="cdi"), "bad-device", "nvidia.com/gpu=0"),
    (cards("nvidia.com/gpu", kind="cdi"), "bad-device", "nvidia.com/gpu=0"),
    (cards("/dev/dri/card0", kind="amd"), "bad-device", "renderD128"),
    (cards("/dev/dri/renderD128"), "bad-device", 'write `kind = "amd"`'),
    (cards("nvidia.com/gpu=0"), "bad-device", 'write `kind = "cdi"`'),
    (cards("0", kind="intel"), "bad-value", ""),
    (cards("/dev/dri/renderD128", kind="amd", more='groups = ["video"]'), "wrong-type", ""),
    (cards("/dev/dri/renderD128", kind="amd", more="groups = [-1]"), "wrong-type", ""),
    (cards("nvidia.com/gpu=0", kind="cdi", more="groups = [44]"), "unused-groups", "remove"),
    (cards("/dev/dri/renderD128", kind="amd") + ON_CARD, "image-for-other-cards", "rocm"),
    (cards("0") + ROCM + ON_CARD, "image-for-other-cards", "vllm/vllm-openai"),
    # accounts
    (f"{QWEN}compose.user = 'modeluser'", "named-user", "1000:1000"),
    (f"{QWEN}compose.user = '1000:video'", "named-user", "1000:1000"),
    (f"{vllm('0.21.0')}{QWEN}compose.user = 'vllm'", "named-user", "1000:1000"),
    (sglang("compose.user = 'me'"), "named-user", "1000:1000"),
    (f"[defaults]\ncompose.user = 'me'\n{QWEN}", "named-user", "1000:1000"),
    (f"{QWEN}compose.user = ''", "bad-value", ""),
    (f"{QWEN}compose.user = -1", "bad-value", ""),
    (f"{QWEN}compose.user = ':1000'", "bad-value", ""),
]


@pytest.mark.parametrize(("toml", "rule", "offered"), CASES, ids=[f"{case[1]}-{at}" for at, case in enumerate(CASES)])
def test_finding(toml: str, rule: str, offered: str) -> None:
    found = findings(complete(toml))
    assert [diagnostic.rule for diagnostic in found] == [rule]
    assert offered in found[0].help


@pytest.mark.parametrize("image", ["vllm/vllm-openai-xpu:v0.19.0", "intel/vllm:0.10.2-xpu"])
def test_an_image_for_intel_on_other_gpus(image: str) -> None:
    toml = f'[engines.vllm]\nimage = "{image}"\n{cards("0")}{ON_CARD}'
    [found] = [one for one in findings(complete(toml)) if one.rule == "image-for-other-cards"]
    assert found.message == "this image is for Intel GPUs, but `qwen` has NVIDIA GPUs"


FINE = [
    command_model('port = 8188\ncommand = ["s", "--port", "8188"]'),
    command_model('port = 8188\ncommand = ["sh", "-c", "one --port 9000 & two --listen 8188"]'),
    command_model('port = 8188\ncommand = ["s", "--port", "{port}"]'),
    flags("omni = true").replace("vllm/vllm-openai:v0.11.0", 'vllm/vllm-omni:v0.11.0"\nversion = "0.11.0'),
    sglang("args = { context-length = 8, tp = 1, dp = 1 }"),
    flags("seed = 1", "0.19.0").replace("vllm/vllm-openai:", "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:"),
    # flags that a release has, however they are written
    flags("cc = { level = 3 }"),
    flags("'compilation_config.custom_ops+' = 'a,b', 'compilation-config.level' = 3"),
    flags("speculative-config.method = 'ngram', speculative-config.num_speculative_tokens = 2"),
    length("'auto'", "0.14.0"),
    length("-1", "0.14.0"),
    flags("tool-parser-plugin = './p.py', tool-call-parser = 'own', enable-auto-tool-choice = true"),
    flags("attention-backend = 'flash_attn'", "0.20.0"),
    flags("block-size = '16'"),
    sglang("args = { tensor-parallel-size = 1, context_length = 8 }"),
    # adapters, hosts, cards, accounts
    f"{QWEN}loras = {{ sql = 'a/c', 'sql:2' = 'a/c' }}",
    host('driver = "580"') + cards("0") + vllm("0.20.0") + ON_CARD,
    host('driver = "470"') + cards("/dev/dri/renderD128", kind="amd") + ROCM + ON_CARD,
    host('docker = "28.2"')
    + cards("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-8d2f1c55", "nvidia.com/gpu=1:0", kind="cdi"),
    f"{vllm('0.22.0')}{QWEN}compose.user = 'vllm'",
    f"{QWEN}compose.user = 'root'",
    f"{QWEN}compose = {{ user = 1000, read_only = true, volumes = ['scratch:/tmp'] }}",
    command_model("command = ['x']\ncompose.user = 'me'"),
    # variables of other programs, and dollars that replace nothing
    env("PORT = '1', SEED = '1', A = '$X', B = '$$', C = '\"'"),
    command_model("command = ['x']\nenv = { VLLM_NOPE = '1' }"),
    sglang("env = { VLLM_NOPE = '1' }"),
    env("PYTORCH_CUDA_ALLOC_CONF = 'expandable_segments:True'"),
    flags("chat-template = 'examples/template_chatml.jinja'"),
    sglang("args = { context-length = 8, chat-template = 'vicuna_v1.1' }"),
]


@pytest.mark.parametrize("toml", FINE, ids=range(len(FINE)))
def test_no_false_alarm(toml: str) -> None:
    assert [diagnostic.message for diagnostic in findings(complete(toml))] == []


def test_several_faults_in_one_table_are_several_findings() -> None:
    faults = {
        'max-model-len = "long"': "bad-flag-value",
        'enforce-eager = "yes"': "bad-flag-value",
        "max-num-sequences = 4": "unknown-flag",
        "port = 1": "owned-arg",
        'dtype = "fp16"': "bad-flag-value",
        '"--seed" = 1': "bad-flag",
        "tp = 0": "bad-flag-value",
        'quantization = "awg"': "unknown-value",
    }
    lines = ["[models.qwen]", 'repo = "a/b"', "[models.qwen.args]", *faults]
    found = findings(complete("\n".join(lines)))
    assert [(finding.span.line, finding.rule) for finding in found] == [*enumerate(faults.values(), 4)]


def test_a_version_that_is_none_is_one_finding_and_flags_are_checked_all_the_same() -> None:
    image = '[engines.vllm]\nimage = "x/y:1"\nversion = "eleven"\n'
    args = "args = { max-model-len = 8, max-num-sequences = 4, tp = 0, port = 1 }"
    found = findings(complete(f'{image}[models.qwen]\nrepo = "a/b"\n{args}'))
    assert sorted(finding.rule for finding in found) == ["bad-flag-value", "bad-version", "owned-arg", "unknown-flag"]


SHAPES = [
    "true",
    "1",
    "-1.5",
    "''",
    "'x'",
    "[]",
    "[[]]",
    "[[[1]]]",
    "{}",
    "{ a = [{ b = [] }] }",
    "['-x', 1, true, {}]",
]
KEYS = ["max-model-len", "tp", "dtype", "enforce-eager", "speculative-config", "allowed-media-domains", "chat-template"]
KEYS += ["quantization", "cpu-offload-gb", "swap-space", "shutdown-timeout", "max-num-seqs", "lora-modules", "unknown"]


@pytest.mark.parametrize("version", ["0.8.5", "0.20.0", "9.9.9"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_value_of_any_shape_is_a_finding_or_fine(version: str, shape: str) -> None:
    """All keys at once, on a host that sums some of them up: nothing raises, and each finding is at its own line."""
    lines = [f"{key} = {shape}" for key in KEYS]
    model = ["[models.qwen]", 'repo = "a/b"', 'gpus = ["g0"]', "[models.qwen.args]", *lines]
    found = findings(complete("\n".join([*model, vllm(version), cards("0"), host('memory = "1GiB"')])))
    places = {finding.span.line - len(model) + len(lines) for finding in found}
    assert KEYS.index("lora-modules") + 1 in places
    assert places <= {*range(1, len(KEYS) + 1)}


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("vllm/vllm-openai:0.19.0", "v0.19.0"),
        ("vllm/vllm-openai:v0.19.9", "v0.19.1"),
        ("vllm/vllm-openai:v0.19.1", ""),
        ("vllm/vllm-openai:v0.20.2-cu129", ""),
        ("vllm/vllm-openai:v0.19.0rc1", ""),
        ("vllm/vllm-openai:v0.33.9", ""),
        (f"vllm/vllm-openai:0.19.0@sha256:{'a' * 64}", ""),
        ("registry.internal/vllm-openai:0.19.0", ""),
    ],
)
def test_tags_that_were_not_published(image: str, tag: str) -> None:
    version = 'version = "0.19.0"\n' if image.startswith("registry") else ""
    found = findings(complete(f'[engines.vllm]\nimage = "{image}"\n{version}{QWEN}'))
    helps = [one.help for one in found if one.rule == "unpublished-tag"]
    assert helps == ([f'write `image = "vllm/vllm-openai:{tag}"`'] if tag else [])


@pytest.mark.parametrize(("tag", "is_found"), [("v1.9", True), ("1.9", False), ("cpu-1.9", False)])
def test_tags_of_other_projects(tag: str, *, is_found: bool) -> None:
    image = f"ghcr.io/huggingface/text-embeddings-inference:{tag}"
    toml = f'[engines.tei]\nimage = "{image}"\n[models.embed]\nengine = "tei"\nrepo = "a/b"\n'
    assert ("unpublished-tag" in [one.rule for one in findings(complete(toml))]) == is_found


@pytest.mark.parametrize(
    ("args", "rules"),
    [
        ('tool-call-parser = "hermes"', ["idle-flag"]),
        ('tool-call-parser = "hermes", enable-auto-tool-choice = false', ["idle-flag"]),
        ('tool-call-parser = "hermes", enable-auto-tool-choice = true', []),
    ],
)
def test_a_parser_that_no_request_uses(args: str, rules: list[str]) -> None:
    assert [one.rule for one in findings(complete(flags(args))) if one.rule == "idle-flag"] == rules
