"""Beyond each manual's example: further shapes of the same mistake, and what the message offers."""

from __future__ import annotations

import json
import re

import pytest

from compiling import build, complete, findings
from modelgen.config.owned_compose_keys import OWNED
from modelgen.diagnostics import did_you_mean

ARGS = "args = { max-model-len = 8 }\n"
TWO_INDEXES = """\
[gpus.gpu0]
memory = "24GiB"
device = "0"

[gpus.gpu1]
memory = "48GiB"
device = "1"
"""
NEWER = 'image = "vllm/vllm-openai:v0.30.0"'
COUNTED = "[orchestrator]\ncount_tokens = true\n"
QWEN = f'[models.qwen]\nrepo = "a/b"\n{ARGS}'


def model(line: str) -> str:
    return f'[models.qwen]\nrepo = "a/b"\n{line}\n{"" if line.startswith("args") else ARGS}'


def repo(text: str) -> str:
    return f"[models.qwen]\nrepo = '{text}'\n{ARGS}"


def command_model(lines: str) -> str:
    return f'[models.tiny]\nengine = "command"\nimage = "x/y:1"\n{lines}\n'


CASES: list[tuple[str, str, str]] = [
    # variants
    (model("variants = { 'x y' = {} }"), "bad-alias", "use letters"),
    (model("variants = { fast = { name = 'a/b' } }"), "name-collision", "rename it"),
    (model("aliases = ['qwen:fast']\nvariants = { fast = {} }"), "name-collision", "rename one"),
    (model("variants = { fast = { name = 'x' }, slow = { name = 'x' } }"), "name-collision", "rename one"),
    (model("variants = { fast = { strip_params = ['top_p', 'messages'] } }"), "variant-key", "remove it"),
    (model("variants = { x = { set_params = { a = 1 }, defaults = { a = 1 } } }"), "variant-key", "from one of them"),
    (model("variants = { fast = { defaults = { a = 1979-05-27 } } }"), "wrong-type", ""),
    (model("variants = { fast = { defaults = { a = [{ b = nan }] } } }"), "bad-value", ""),
    # inside of tables
    (model('args = { max-model-len = 8, speculative-config = "ngram" }'), "bad-flag-value", 'method = "ngram"'),
    (model(f"args = {{ max-model-len = 8, compilation-config = 3 }}\n{NEWER}"), "bad-flag-value", "`O = 3`"),
    (model("args = { max-model-len = 8, limit-mm-per-prompt = 'image=2' }"), "bad-flag-value", "{ image = 2 }"),
    (
        model('args = { max-model-len = 8, speculative-config = { method = "ngram" } }\n' + NEWER),
        "missing-companion",
        "`num_speculative_tokens = 4`",
    ),
    (
        model(
            'args = { max-model-len = 8, speculative-config = { method = "eagle3", num_speculative_tokens = 2 } }\n'
            + NEWER
        ),
        "missing-companion",
        "`model =",
    ),
    # host memory
    (model('args = { max-model-len = 8, cpu-offload-gb = 16 }\nhost_memory = "8GiB"'), "host-memory", "smaller"),
    # repositories
    (repo("./models/qwen"), "path-as-repo", "namespace/name"),
    (repo("~/models/qwen"), "path-as-repo", "namespace/name"),
    (repo("C:\\models\\qwen"), "path-as-repo", "namespace/name"),
    (repo("https://huggingface.co/Qwen/Qwen3-4B/tree/main"), "path-as-repo", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo("/hub/models--Qwen--Qwen3-4B/snapshots/abc"), "path-as-repo", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo("models--Qwen--Qwen3-4B"), "path-as-repo", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo("Qwen/Qwen3-4B.git"), "bad-repo-id", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo(" Qwen/Qwen3-4B"), "bad-repo-id", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo(""), "bad-repo-id", "namespace/name"),
    (repo("a--b/c"), "bad-repo-id", "namespace/name"),
    (repo("a/..b"), "bad-repo-id", "namespace/name"),
    (repo("a/-b"), "bad-repo-id", "namespace/name"),
    (repo("a/" + "b" * 95), "bad-repo-id", "namespace/name"),
    (repo("Qwen/Qwen3\t4B"), "bad-repo-id", 'write `repo = "Qwen/Qwen3-4B"`'),
    # revisions
    (model('revision = ""'), "bad-revision", "40 hex digits"),
    (model('revision = "-x"'), "bad-revision", "40 hex digits"),
    (model('revision = "a..b"'), "bad-revision", "40 hex digits"),
    (model('revision = "main.lock"'), "bad-revision", "40 hex digits"),
    (command_model('command = ["x"]\nrevision = "main"'), "bad-revision", "`repo`"),
    # the hub directory
    ('[project]\nname = "x"\nhub = ""', "bad-hub", "./models/hub"),
    ('[project]\nname = "x"\nhub = "$HOME/.cache/huggingface/hub"', "bad-hub", '`hub = "~/.cache/huggingface/hub"`'),
    ('[project]\nname = "x"\nhub = "$HF_HOME/hub"', "bad-hub", "the path itself"),
    ("[project]\nname = 'x'\nhub = '%USERPROFILE%/hub'", "bad-hub", 'write `hub = "~/hub"`'),
    ('[project]\nname = "x"\nhub = "a\\u0007b"', "bad-hub", "remove it"),
    ('[project]\nname = "x"\nhub = "C:\\temp\\u0001"', "bad-hub", "remove it"),
    ('[project]\nname = "x"\nhub = "C:\\temp"', "bad-hub", "write 'C:\\temp' in single quotes, or \"C:/temp\""),
    ('[project]\nname = "x"\nhub = "C:\\new\\fast"', "bad-hub", 'or "C:/new/fast"'),
    ('[project]\nname = "x"\nhub = "~/.cache/huggingface"', "bad-hub", 'write `hub = "~/.cache/huggingface/hub"`'),
    (
        "[project]\nname = 'x'\nhub = 'C:\\Users\\me\\.cache\\huggingface\\'",
        "bad-hub",
        "C:/Users/me/.cache/huggingface/hub",
    ),
    ('[project]\nname = "x"\nhub = "https://x/hub"', "bad-hub", "directory"),
    ('[project]\nname = "x"\nhub = "models--a--b"', "bad-hub", 'write `hub = "."`'),
    ("[project]\nname = 'x'\nhub = 'C:\\hub\\models--a--b\\snapshots'", "bad-hub", 'write `hub = "C:/hub"`'),
    # secrets
    (f'{QWEN}env = {{ A = "\\u0068f_{"a" * 24}" }}', "literal-token", "revoke"),
    (f"{QWEN}# hf_{'a' * 24}", "literal-token", "revoke"),
    (f'{QWEN}env = {{ HF_TOKEN = "${{HF_TOKEN}}" }}', "owned-env", "the shell that runs `modelgen fetch`"),
    (
        command_model('command = ["serve", "--port", "8188"]'),
        "bad-command",
        "write it as `port = 8188`, or `{port}` in `command`",
    ),
    (command_model('command = ["serve", "--listen=0.0.0.0:8188"]'), "bad-command", "`port = 8188`"),
    (command_model('command = ["serve", "--port", "9000"]\nport = 8188'), "bad-command", "`port = 9000`"),
    (command_model('build = "./docker"\nport = 8000'), "wrong-type", 'write `build = { context = "./docker" }`'),
    # names and mounts of Ollama's and vLLM's own files
    (f'[models."qwen3:30b"]\nrepo = "a/b"\n{ARGS}', "bad-id", '`aliases = ["qwen3:30b"]` keeps the name for clients'),
    (
        f'{QWEN}compose = {{ volumes = ["~/.cache/huggingface:/root/.cache/huggingface"] }}',
        "volume-over-ours",
        'container: the hub is `[project] hub`, such as "~/.cache/huggingface/hub"',
    ),
    (
        f'{QWEN}compose = {{ volumes = ["vllm-cache:/root/.cache/vllm"] }}',
        "volume-over-ours",
        "container: modelgen has a volume for the compile caches of each model",
    ),
    # a model that stays loaded
    (f'{QWEN}keep_loaded = true\nidle_timeout = "10m"', "never-fits", "remove `idle_timeout`"),
    (f'[defaults]\nkeep_loaded = true\n{QWEN}idle_timeout = "10m"', "never-fits", "remove `idle_timeout`"),
    # images and versions
    (f'[engines.vllm]\nversion = "0.11.0"\n{QWEN}', "missing-image", "[engines.vllm]"),
    (f'{QWEN}image = "UPPER"', "bad-image", "lower case"),
    (f'{QWEN}image = "x/y:1"', "unknown-version", "the model's"),
    (f'{QWEN}image = "r.example:5000/vllm/vllm-openai:v0.30.0"', "unknown-version", 'version = "0.30.0"'),
    ('[engines.vllm]\nimage = "x/y:1"\nversion = "eleven"', "bad-version", "0.11.0"),
    ('[engines.vllm]\nimage = "x/y:1"\nversion = "0.6.3"', "bad-version", "0.8.5"),
    (f'[engines.vllm]\nimage = "vllm/vllm-openai:v0.6.3"\n{QWEN}', "bad-version", "0.8.5"),
    (command_model('command = ["x"]').replace("x/y:1", "x/y"), "floating-image", "a digest"),
    (model("port = 8001"), "key-of-another-engine", 'publish = "127.0.0.1:8001"'),
    (model("cache = ['/root/.cache']"), "key-of-another-engine", "[project] hub"),
    (model("offline = false"), "key-of-another-engine", "only `command`"),
    (command_model('command = ["x"]\npublish = "127.0.0.1:8188"'), "bad-command", "port = 8188"),
    (command_model('publish = "127.0.0.1:8188"'), "bad-command", "port = 8188"),
    (command_model("command = []\nport = 8188"), "bad-command", "the image's own"),
    (command_model('command = ["serve --port {port}"]'), "bad-command", '`command = ["serve", "--port", "{port}"]`'),
    (
        command_model('port = 8188\nentrypoint = ["python3 app.py"]\ncommand = ["-v"]'),
        "bad-command",
        '`entrypoint = ["python3", "app.py"]`',
    ),
    (command_model("port = 8188\nentrypoint = 'python3 app.py'"), "wrong-type", '`entrypoint = ["python3", "app.py"]`'),
    (command_model("port = 8188\ncache = ['~/.cache']"), "bad-cache", 'write `"/root/.cache"`'),
    (command_model("port = 8188\ncache = ['/']"), "bad-cache", 'write `"/root/.cache"`'),
    (command_model("port = 8188\ncache = ['cache']"), "bad-cache", 'write `"/cache"`'),
    (command_model("port = 8188\ncache = ['/a/b', '/a-b']"), "bad-cache", "remove"),
    (command_model("port = 8188\nrepo = 'a/b'\ncache = ['/root/.cache/huggingface/hub']"), "bad-cache", "another"),
    (command_model("port = 8188\ncache = ['/c']\ncompose.volumes = ['ab:/c']"), "volume-over-ours", "elsewhere"),
    (command_model("port = 8188\nentrypoint = ['sh', '--password', 'verysecret']"), "literal-secret", "env_file"),
    ('[engines.command]\nversion = "1.0"', "key-of-another-engine", "remove"),
    ("[engines.command]\nargs = { x = 1 }", "key-of-another-engine", "remove"),
    (
        f'[engines.vllm]\nimage = "x/y:1"\nversion = "0.30.0"\n{QWEN}image = "x/y:2"',
        "unknown-version",
        "the model's table",
    ),
    (f'{QWEN}image = "x/y:2"\nversion = "eleven"', "bad-version", "0.11.0"),
    (f'{QWEN}image = "vllm/vllm-openai:v0.30.0"\nversion = "0.31.0"', "bad-version", "remove `version`"),
    (f'{QWEN}image = "x/gaudi:1.22.0"\nversion = "1.22.0"', "bad-version", "version of vLLM that is in the image"),
    # engines
    ("[engines.vlm]\nimage = 'x/y:1'", "unknown-engine", "did you mean `vllm`?"),
    (model("aliases = ['mö']"), "bad-alias", "write `mo`"),
    (f"[gpus]\ncount = 2\n{QWEN}", "wrong-type", "declare each GPU in a table: `[gpus.gpu0]`"),
    (model('file = "x.gguf"'), "key-of-another-engine", 'write `engine = "llamacpp"`'),
    (model('model_arg = "path"'), "no-snapshot", "modelgen lock"),
    (model('switch = "sleep"'), "not-supported-yet", "restart"),
    (f"[defaults]\nmmproj = 'x'\n{QWEN}", "key-of-another-engine", "only `llamacpp` takes it"),
    (command_model('command = ["x"]\nargs = { a = 1 }'), "key-of-another-engine", "vllm"),
    (command_model('command = ["x"]\ninclude = ["*"]'), "key-of-another-engine", "`repo`"),
    (f"[defaults]\nhealth = '/x'\n{QWEN}", "key-of-another-engine", "command"),
    (command_model("command = []"), "bad-command", "program"),
    (command_model('command = ["x"]\nhealth = "ready"'), "bad-command", "/health"),
    (command_model('command = ["x"]\nupstream_name = ""'), "bad-command", "name"),
    # flags
    (model("args = { max-model-len = 8, tensor-parallel-size = 2, tp = 2 }"), "flag-twice", "once"),
    (model("args = { max-model-len = 8, tokenizer_revision = 'x' }"), "owned-arg", "`revision`"),
    (model("args = { max-model-len = 8, nnodes = 2 }"), "owned-arg", "one host"),
    (model('args = { max-model-len = 8, "hf-overrides.a" = 1, hf-overrides = { b = 1 } }'), "flag-twice", "once"),
    (model('args = { max-model-len = 8, hf-overrides = { b = 1 }, "hf-overrides.a" = 1 }'), "flag-twice", "once"),
    (model("args = { max-model-len = 8, hf-overrides = '{\"a\": NaN}' }"), "bad-flag-value", ""),
    (model("args = { max-model-len = 'auto' }"), "bad-flag-value", "0.14"),
    (model("args = { max-model-len = 8, kv-cache-memory-bytes = 1 }"), "owned-arg", "gpu_memory"),
    (model("args = { max-model-len = 8, no-trust-remote-code = true }"), "owned-arg", "trust_remote_code"),
    (model("args = { max-model-len = 8, '-tp' = 1 }"), "bad-flag", "write `tp`"),
    (model("args = { max-model-len = 8, 'max num seqs' = 1 }"), "bad-flag", "hyphens"),
    (f"[defaults]\nargs = {{ port = 1 }}\n{QWEN}", "owned-arg", "publish"),
    # variables
    (f"{QWEN}env = {{ hf_home = '/x' }}", "owned-env", "[project] hub"),
    (f"[defaults]\nenv = {{ HF_HUB_OFFLINE = '0' }}\n{QWEN}", "owned-env", "offline"),
    ("[engines.vllm]\nimage = 'vllm/vllm-openai:v0.11.0'\nenv = { HF_TOKEN = 'x' }", "owned-env", "token"),
    (f"{QWEN}env = {{ VLLM_USE_MODELSCOPE = 'True' }}", "owned-env", "hub directory"),
    # secrets of other services
    (f"{QWEN}env = {{ OPENAI_API_KEY = 'abcdefghij' }}", "literal-secret", "env_file"),
    (f"{QWEN}env = {{ X = 'sk-{'a' * 24}' }}", "literal-secret", "env_file"),
    (command_model('command = ["serve", "--api-key", "abcdefghij"]'), "literal-secret", "env_file"),
    (command_model('command = ["serve", "--api-key=abcdefghij"]'), "literal-secret", "env_file"),
    # what `compose` may do, and should not
    (f"{QWEN}compose = {{ pid = 'host' }}", "host-access", "trust"),
    (f"{QWEN}compose = {{ volumes = ['/var/run/docker.sock:/s'] }}", "host-access", "trust"),
    (f"{QWEN}compose = {{ security_opt = ['no-new-privileges:false'] }}", "host-access", "trust"),
    (f"{QWEN}compose = {{ shm_size = '100 mb' }}", "small-shm", "1gb"),
    (f"[defaults]\ncompose = {{ shm_size = 1000 }}\n{QWEN}", "small-shm", "1gb"),
    ("[gpus.g]\nmemory = '1GiB'\ndevice = '/dev/dri/renderD128'\nkind = 'amd'\ngroups = ['video']", "wrong-type", ""),
    # cards and claims
    (f'{QWEN}gpus = ["gpu0", "gpu0"]'.replace("max-model-len = 8", "max-model-len = 8, tp = 2"), "gpu-twice", "once"),
    (f'{QWEN}gpus = ["gpu0"]\ngpu_memory = "1MiB"', "model-over-card", "unit"),
    (f'{QWEN}gpus = ["gpu0"]\ngpu_memory = 0.96', "model-over-card", "0.95"),
    (TWO_INDEXES, "index-of-unequal-cards", "nvidia-smi -L"),
    (f"{TWO_INDEXES}kind = 'nvidia'", "index-of-unequal-cards", "nvidia-smi -L"),
    (f"{TWO_INDEXES}[gpus.gpu2]\nmemory = '80GiB'\ndevice = '2'", "index-of-unequal-cards", "nvidia-smi -L"),
    # names
    (f'{QWEN}aliases = ["a b"]', "bad-alias", "letters"),
    (f'{QWEN}service = "socket-proxy"', "bad-service", "another"),
    (f'{QWEN}service = "{"x" * 64}"', "bad-service", "63"),
    (f"[models.{'x' * 60}]\nrepo = 'a/b'\n{ARGS}", "bad-service", "63"),
    (f'[models.one]\nrepo = "a/c"\naliases = ["a/b"]\n{ARGS}{QWEN}', "name-collision", ""),
    # profiles and addresses
    (f'{QWEN}[profiles.p]\nmodels = ["qwen", "qwen"]', "unknown-model", "once"),
    (f'{QWEN}publish = ":8001"', "bad-address", 'write `publish = "127.0.0.1:8001"`'),
    (f'{QWEN}publish = "8001:8000"', "bad-address", "127.0.0.1:8000"),
    (f'{QWEN}publish = "127.0.0.1:99999"', "bad-address", "127.0.0.1:80"),
    (f'{QWEN}publish = "[::zz]:1"', "bad-address", "127.0.0.1:1"),
    ('[orchestrator]\nlisten = "localhost:8080"', "bad-address", "127.0.0.1:80"),
    (f'{QWEN}publish = "[::]:8001"', "open-publish", "127.0.0.1:8001"),
    (
        f'{QWEN}publish = "127.0.0.1:8001"\n[models.two]\nrepo = "a/c"\n{ARGS}publish = "0.0.0.0:8001"\n'
        '[rules]\nopen-publish = "off"\nunpinned-repo = "off"',
        "port-collision",
        "another free port",
    ),
    # processors
    (model("cpus = true"), "bad-value", ""),
    (model("cpus = 0"), "bad-value", ""),
    (model("host_memory = 64"), "bad-value", "GiB"),
    (model('memory_limit = "8g"'), "unknown-key", "write `host_memory = "),
    (f"[defaults]\ncompose = {{ mem_limit = '8g' }}\n{QWEN}host_memory = '4GiB'", "memory-limit-twice", "remove"),
    (f"[host]\nmemory = '8GiB'\n{QWEN}host_memory = '9GiB'", "limits-over-host", "less than 8 GiB"),
    (model("cpu_limit = 4"), "unknown-key", "write `cpus = "),
    (f"[defaults]\ncpus = 2\ncompose = {{ cpus = 2 }}\n{QWEN}{QWEN.replace('qwen', 'two')}", "cpus-twice", "compose"),
    (f"[defaults]\ncompose = {{ cpus = 2 }}\n{QWEN}cpus = 4", "cpus-twice", "remove `compose.cpus`"),
    # Compose's own keys
    (f"{QWEN}compose = {{ volumes = [{{ type = 'tmpfs', target = '/root' }}] }}", "volume-over-ours", "elsewhere"),
    (f"[defaults]\ncompose = {{ ports = ['1:1'] }}\n{QWEN}", "owned-compose-key", "publish"),
    ("[orchestrator]\ncompose = { privileged = true }", "owned-compose-key", "cap_add"),
    (f"{QWEN}compose = {{ lables = {{}} }}", "unknown-key", "did you mean `labels`?"),
    (f"{QWEN}compose = {{ tmpfs = ['/root/.cache/vllm/x'] }}", "volume-over-ours", "elsewhere"),
    (f"{QWEN}compose = {{ volumes = ['ab:/x/../root/.cache'] }}", "volume-over-ours", "elsewhere"),
    (f"{QWEN}compose = {{ volumes = ['ab://root/.cache'] }}", "volume-over-ours", "elsewhere"),
    (f"{QWEN}compose = {{ volumes = ['ab:/x', 'cd:/x'] }}", "volume-over-ours", "elsewhere"),
    (f"{QWEN}compose = {{ volumes = ['cache-vllm-other:/x'] }}", "volume-over-ours", "elsewhere"),
    (f"{QWEN}compose = {{ networks = {{ edge = {{}} }} }}", "reserved-network", "docker network create"),
    (f"{QWEN}compose = {{ scale = 2 }}", "owned-compose-key", "second model"),
    (f"{QWEN}compose = {{ shm_size = '٨gb' }}", "bad-value", ""),
    # abbreviations, which argparse would take
    (model("args = { max-model-len = 8, gpu-memory-util = 0.99 }"), "owned-arg", "gpu_memory"),
    (model("args = { max-model-len = 8, trust-remote = true }"), "owned-arg", "trust_remote_code"),
    (model("args = { max-model-len = 8, served_model = 'x' }"), "owned-arg", "aliases"),
    (model("args = { max-model-len = 8, tensor-parallel = 2 }"), "abbreviated-flag", "write `tensor-parallel-size`"),
    # values
    (model("args = { max-model-len = 0 }"), "bad-flag-value", ""),
    (model("args = { max-model-len = false }"), "bad-flag-value", ""),
    (model("args = { max-model-len = 8, tp = 0 }"), "bad-flag-value", ""),
    (model("args = { max-model-len = 8, allowed-media-domains = [] }"), "bad-flag-value", ""),
    (model("args = { max-model-len = 8, allowed-media-domains = ['-x'] }"), "bad-flag-value", ""),
    # the orchestrator
    (
        '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "nvidia.com/gpu=0"\nkind = "cdi"\n[orchestrator]\ngpu_stats = true',
        "gpu-stats-unsupported",
        "remove `gpu_stats`",
    ),
    (
        '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\nunified = true\n[orchestrator]\ngpu_stats = true',
        "gpu-stats-unsupported",
        "remove `gpu_stats`",
    ),
    (COUNTED + model('image = "vllm/vllm-openai:v0.21.0"'), "count-tokens-unproved", "remove `count_tokens`"),
    (
        COUNTED
        + model('args = { max-model-len = 8, enable-force-include-usage = true }\nimage = "vllm/vllm-openai:v0.20.2"'),
        "count-tokens-unproved",
        "",
    ),
    ('[orchestrator]\nenabled = false\nlisten = "garbage"', "bad-address", "127.0.0.1:80"),
    ('[orchestrator]\nbase_image = "NOT an image"', "bad-image", "lower case"),
    ("[gpus.g]\nmemory = '1GiB'\ndevice = '٣'", "bad-device", "nvidia-smi"),
    ("[project]\nname = 'x'\nhub = 'C:hub'", "bad-hub", "C:/hub"),
    (repo("hf.co/Qwen/Qwen3-4B"), "path-as-repo", 'write `repo = "Qwen/Qwen3-4B"`'),
    (repo("Qwen/Qwen3-4B/"), "bad-repo-id", 'write `repo = "Qwen/Qwen3-4B"`'),
    ("[host]\narch = 'aarch64'", "bad-value", ""),
    # settings
    ('[rules]\nunpinned-repo = "off"\nbad-hub = "off"', "rule-not-advisory", "fix"),
]


@pytest.mark.parametrize(("toml", "rule", "offered"), CASES, ids=[f"{case[1]}-{at}" for at, case in enumerate(CASES)])
def test_finding(toml: str, rule: str, offered: str) -> None:
    found = findings(complete(toml))
    assert [diagnostic.rule for diagnostic in found] == [rule]
    assert offered in found[0].help


FINE = [
    command_model('command = ["serve", "--port", "8000"]'),
    command_model('command = ["serve", "--port", "8188"]\nport = 8188'),
    command_model('command = ["serve", "--retries", "8188"]'),
    f'[defaults]\nidle_timeout = "10m"\n{QWEN}keep_loaded = true',
    model('revision = "refs/pr/1"'),
    model(f'revision = "{"a" * 40}"'),
    repo("gpt2"),
    repo("Qwen/Qwen3-VL-4B-Instruct_x.y"),
    f'{QWEN}publish = "[::1]:8001"',
    f'{QWEN}publish = "127.0.0.1:8080"\n[orchestrator]\nenabled = false',
    f'{QWEN}publish = "127.0.0.1:8080"\n[orchestrator]\nlisten = "127.0.0.2:8080"',
    '[orchestrator]\nlisten = "0.0.0.0:8080"\ninsecure = true',
    f'{QWEN}[profiles.qwen]\nmodels = ["qwen"]',
    f'{QWEN}image = "x/y:1"\nversion = "0.11.0"',
    f'[engines.vllm]\nimage = "x/y:1"\n{QWEN}version = "0.11.0"',
    f'[defaults]\nimage = "x/y:1"\nversion = "0.11.0"\n{QWEN}',
    f"[defaults]\nhealth = '/x'\n{QWEN}" + command_model('command = ["x"]'),
    f"{QWEN}[models.two]\nrepo = 'a/b'\n{ARGS}",
    model("args = { max-model-len = 8, tensor-parallel-size = 2 }"),
    command_model('command = ["x"]\ngpus = ["gpu0"]'),
    command_model('command = ["serve", "--api-key", "{port}", "--password"]'),
    f"{QWEN}env = {{ OPENAI_API_KEY = 'EMPTY' }}",
    model('args = { max-model-len = 8, "hf-overrides.a" = 1, "hf-overrides.b" = 1 }'),
    f"{QWEN}compose = {{ shm_size = '1gb' }}",
    model("args = { max-model-len = 8, tokenizer = 'a/c', tokenizer-revision = 'main' }"),
    model("cpus = 2.5"),
    model("host_memory = '8GiB'"),
    f"[host]\nmemory = '8GiB'\n{QWEN}host_memory = '8GiB'\n[profiles.all]\nmodels = ['qwen']",
    command_model("port = 8188"),
    command_model("port = 8188\nentrypoint = []\ncommand = ['--fast']\npublish = '127.0.0.1:8188'"),
    command_model("port = 8188\nentrypoint = ['sh', '-c']\ncommand = ['serve --port 8188']"),
    command_model("command = ['serve', '--port', '8000']\npublish = '127.0.0.1:8188'"),
    command_model(
        "port = 8188\ncache = ['/root/.cache']\noffline = false\nenv = { HF_ENDPOINT = 'https://m.example' }"
    ),
    command_model("port = 1\nenv = { TRITON_CACHE_DIR = '/t', VLLM_CACHE_ROOT = '/c', XDG_CACHE_HOME = '/x' }"),
    command_model("port = 1\ncompose = { volumes = ['./c:/root/.cache/vllm', './hf:/root/.cache/huggingface'] }"),
    f'{QWEN}aliases = ["claude-opus-4-8[1m]", "openai/gpt-4o", "qwen3:32b", "a@b+c"]',
    "[defaults]\nengine = 'llamacpp'\nimage = 'ghcr.io/ggml-org/llama.cpp:server-cuda-b6500'\nargs = { ctx-size = 8 }\n"
    "[models.q]\nrepo = 'a/b'\nrevision = 'cdbee75f17c01a7cc42f958dc650907174af0554'\nfile = 'm.gguf'",
    model("compose = { cpus = 2.5 }"),
    TWO_INDEXES.replace("48GiB", "24GiB"),
    TWO_INDEXES.replace('"1"', '"GPU-8d2f1c55"'),
    TWO_INDEXES.replace('"1"', '"nvidia.com/gpu=1"\nkind = "cdi"'),
    f'{TWO_INDEXES}[host]\nplatform = "wsl2"',
]


@pytest.mark.parametrize("toml", FINE, ids=range(len(FINE)))
def test_no_false_alarm(toml: str) -> None:
    assert [diagnostic.message for diagnostic in findings(complete(toml))] == []


def test_a_default_timeout_does_not_apply_to_a_model_that_stays_loaded() -> None:
    other = f'[models.other]\nrepo = "a/c"\n{ARGS}'
    built = build(complete(f'[defaults]\nidle_timeout = "10m"\n{QWEN}keep_loaded = true\n{other}'))
    models = json.loads(built["orchestrator/config/manifest.json"])["models"]
    assert {model["id"]: model["idle_timeout"] for model in models} == {"qwen": None, "other": 600}


def test_an_advisory_rule_can_be_raised_and_switched_off() -> None:
    fragment = f"{QWEN}[rules]\nunpinned-repo = "
    assert [found.severity for found in findings(complete(f'{fragment}"error"'))] == ["error"]
    assert [found.severity for found in findings(complete(f'{fragment}"warning"'))] == ["warning"]
    assert [found.severity for found in findings(complete(f'{fragment}"info"'))] == ["info"]
    assert findings(complete(f'{fragment}"off"')) == []


def test_an_image_is_missing_only_where_containers_are_made() -> None:
    from modelgen.pipeline import compile_source

    toml = complete('[models.tiny]\nengine = "command"\ncommand = ["x"]').encode()
    assert [found.rule for found in compile_source(toml).diagnostics] == ["missing-image"]
    assert compile_source(toml, targets=()).diagnostics == []


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("gpu_memroy", ["gpu_memory", "gpus"], "did you mean `gpu_memory`?"),
        ("GPU-Memory", ["gpu_memory"], "did you mean `gpu_memory`?"),
        ("xyz", ["b", "a"], "known here: `a`, `b`"),
        ("xyz", [], ""),
        ("xyz", [f"n{at:02}" for at in range(60)], " …"),
    ],
)
def test_did_you_mean(word: str, known: list[str], said: str) -> None:
    assert did_you_mean(word, known).endswith(said)


@pytest.mark.parametrize(("key", "instead"), OWNED.items(), ids=OWNED)
def test_each_refused_compose_key_names_what_to_write(key: str, instead: str) -> None:
    assert re.search(r"`[^`]+`|docker-compose\.override\.yml", instead), key
    assert "\n" not in instead
