"""Forms that public files have, each with what it becomes: in the result, or in what is printed."""

from __future__ import annotations

import re
import tomllib

import pytest

from imports import COMPOSE, errors, imported

VLLM = "services: {{a: {{image: 'vllm/vllm-openai:v0.30.0', command: [o/m, --max-model-len, '8192'], gpus: all, {}}}}}"
SERVER = "services: {{a: {{image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b6500', gpus: all, {}}}}}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (VLLM.format("volumes: ['./w:/w']").replace("o/m,", "o/m, --download-dir, /w,"), 'hub  = "./w"'),
        (
            "services: {a: {image: 'r.local:5000/vllm/vllm-openai:v0.30.0', command: --model o/m, gpus: all}}",
            'version    = "0.30.0" # a placeholder, change it: the tag',
        ),
        (
            "services: {a: {image: 'intel/vllm:0.14.0', command: vllm serve o/m, devices: [/dev/dri]}}",
            'devices = ["/dev/dri"]',
        ),
        (
            VLLM.format("volumes: ['${HOME}/.cache/huggingface:/root/.cache/huggingface']"),
            '"~/.cache/huggingface/hub" #',
        ),
        (
            VLLM.format("volumes: ['${DATA}/hf:/root/.cache/huggingface']"),
            "# a placeholder, change it: the file says `…/hf`",
        ),
        (
            VLLM.format("environment: {VLLM_ATTENTION_BACKEND: FLASH_ATTN}"),
            'attention-backend = "FLASH_ATTN" # was: VLLM_ATT',
        ),
        (VLLM.format("environment: {VLLM_API_KEY: sk-1}"), "#   VLLM_API_KEY: a secret, which is not copied; "),
        (
            VLLM.format("deploy: {restart_policy: {condition: any}}"),
            "deploy.restart_policy {'condition': 'any'}: the orchestrator",
        ),
        (VLLM.format("group_add: [video]"), "#   group_add ['video']: write their numbers as `groups`"),
        (
            VLLM.format("entrypoint: [bash, -c, 'pip install x && exec vllm serve o/m']"),
            "#   script pip install x && exec",
        ),
        (SERVER.format("environment: {LLAMA_ARG_MODEL: /m/x.gguf, LLAMA_ARG_CTX_SIZE: 4096}"), 'repo    = "local/x"'),
        (SERVER.format("environment: {LLAMA_ARG_MODEL: /m/x.gguf, LLAMA_ARG_CTX_SIZE: 4096}"), "ctx-size = 4096"),
        (SERVER.format("command: -hf o/m-Q8_0-GGUF -c 0"), 'quant   = "Q8_0" # of the repository\'s name'),
        (SERVER.format("command: -hf o/m-Q8_0-GGUF -c 0"), "ctx-size = 16384 # a placeholder"),
        (SERVER.format("command: -m /m/x-00001-of-00003.gguf -c 4096"), 'repo    = "local/x" #'),
        (
            "services: {a: {image: 'michaelf34/infinity:0.0.77', command: v2 --model-id o/m --model-id o/n}}",
            "#   --model-id o/m: a model of its own",
        ),
    ],
)
def test_compose(text: str, wanted: str) -> None:
    found = imported(text)
    assert errors(found) == []
    assert wanted in found.text


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (
            "run.sh",
            "export HF_HOME=/data/hf CUDA_VISIBLE_DEVICES=1\nvllm serve o/m --max-model-len 8\n",
            'hub  = "/data/hf/hub"',
        ),
        (
            "run.sh",
            "export HF_HOME=/data/hf CUDA_VISIBLE_DEVICES=1\nvllm serve o/m --max-model-len 8\n",
            'device = "1"',
        ),
        (
            "run.sh",
            "podman run --device nvidia.com/gpu=all vllm/vllm-openai:v0.30.0 o/m\n",
            'device = "nvidia.com/gpu=0"',
        ),
        ("run.sh", "docker run -eA=b --ulimit memlock=-1:-1 vllm/vllm-openai:v0.30.0 o/m\n", 'A = "b"'),
        ("run.sh", "docker run -eA=b --ulimit memlock=-1:-1 vllm/vllm-openai:v0.30.0 o/m\n", "{ memlock = -1 }"),
        ("run.sh", "uv run --with vllm vllm serve o/m --max-model-len 8\n", "max-model-len = 8"),
        ("run.sh", "llama-server -hf o/Qwen3-4B-GGUF:Q4_0 -c 8\n", "[models.qwen3-4b]"),
        (
            "v.service",
            '[Service]\nUser=me\nEnvironment="HF_HOME=/srv/hf"\nExecStart=vllm serve o/m\n',
            'hub  = "/srv/hf/hub"',
        ),
        ("v.service", "[Service]\nUser=me\nEnvironmentFile=/e\nExecStart=vllm serve o/m\n", "#   User me: "),
        (
            "v.service",
            "[Service]\nUser=me\nEnvironmentFile=/e\nExecStart=vllm serve o/m\n",
            "#   env_file: it was not found",
        ),
        (
            "c.yaml",
            "models: {a: {cmd: '/b/llama-server-ec9e03 -hf o/m:Q4_0 -c 8', metadata: {p: '${PORT}'}}}",
            "{'p': '5800'}",
        ),
        (
            "c.yaml",
            "models: {a: {cmd: llama-server -m /m/x.gguf -c 8}, "
            "b: {cmd: 'docker run -v /srv/hf:/root/.cache/huggingface vllm/vllm-openai:v0.30.0 o/m'}}",
            'hub  = "/srv/hf/hub"\n',
        ),
        ("c.yaml", "models: {a: {cmd: 'llama-server -hf o/m:Q4_0 -c 8 --api-key ${env.KEY}'}}", "--api-key: a secret"),
        ("c.yaml", "models: {a: {cmd: 'llama-server -hf o/m:Q4_0 -c 8'}}\nprofiles: {both: [a]}\n", "[profiles.both]"),
        (
            "c.yaml",
            "models: {a: {cmd: llama-server -hf o/m:Q4_0 -c 8}, b: {cmd: llama-server -hf o/n:Q4_0 -c 8}}\n"
            "groups: {g: {swap: false, members: [a, b]}}\n",
            '[profiles.g]\nmodels = ["a", "b"]',
        ),
    ],
)
def test_other_kinds(name: str, text: str, wanted: str) -> None:
    found = imported(text, name)
    assert errors(found) == []
    assert wanted in found.text


def test_a_model_that_never_unloads_stays_so_beside_a_default() -> None:
    cmd = "cmd: llama-server -hf o/m:Q4_0 -c 8"
    text = f"globalTTL: 60\nmodels: {{a: {{{cmd}, ttl: 0}}, b: {{{cmd}}}}}"
    tables = tomllib.loads(imported(text, "c.yaml").text)
    assert "defaults" not in tables
    assert [model.get("idle_timeout") for model in tables["models"].values()] == [None, "60s"]


def test_an_image_for_processors_gets_no_gpu() -> None:
    found = imported("services: {a: {image: 'me/vllm-cpu:1', command: [vllm, serve, o/m], privileged: true}}")
    assert errors(found) == []
    assert "gpus" not in found.text


def test_a_gpu_of_another_vendor_is_not_written() -> None:
    text = "services: {a: {image: 'vllm/vllm-openai-rocm:v0.14.0', command: [o/m], devices: [/dev/kfd, /dev/dri]}}"
    found = imported(text, card="RTX 3090")
    assert errors(found) == []
    assert 'memory = "24GiB"' in found.text


@pytest.mark.parametrize("name", ["PGPASSWORD", "DB_PASS", "LITELLM_MASTER_KEY", "MYSQL_PWD", "SSH_PRIVATE_KEY"])
def test_variables_with_secrets_are_known_by_their_names(name: str) -> None:
    assert "geheim" not in imported(VLLM.format(f"environment: {{{name}: geheim}}")).text


def test_values_of_an_extension_are_in_the_models() -> None:
    text = "x-e: &e {gpus: all}\nservices: {a: {<<: *e, image: 'vllm/vllm-openai:v0.30.0', command: [o/m]}}"
    assert "#   x-e: its values are in the models that have them" in imported(text).text


def test_why_nothing_is_imported() -> None:
    text = "services: {a: {image: 'me/tts:1'}, b: {image: 'me/c:1', environment: {URL: 'http://a:80/v1'}}}"
    found = imported(text, COMPOSE)
    assert not found.text
    assert "`a` serves the OpenAI API, but the file does not tell its model" in found.notes[0]


@pytest.mark.parametrize(
    "value", ["http://alice:s3cr3tpw@proxy:3128", "Bearer abcdefghijkl", "https://:s3cr3tpw@x.org"]
)
def test_credentials_are_not_copied(value: str) -> None:
    for key in ("environment: {P: '%s'}", "labels: {p: '%s'}", "command: [o/m, --otlp-traces-endpoint, '%s']"):
        found = imported(
            VLLM.format(key % value).replace("command: [o/m, --max-model-len, '8192'], ", "", key[0] == "c")
        )
        assert value.rpartition(" ")[2] not in found.text + "".join(found.notes)


@pytest.mark.parametrize(
    ("image", "flag", "wanted"),
    [
        ("vllm/vllm-openai:v0.30.0", "--max-model-len 8192 --gpu-memory-utilization 90", "gpu_memory = 0.9 # was: 90,"),
        ("lmsysorg/sglang:v0.5.9", "", "# --mem-fraction-static, which is not written: SGLang chooses it"),
    ],
)
def test_shares_that_are_no_share_or_not_written(image: str, flag: str, wanted: str) -> None:
    program = "python3 -m sglang.launch_server --model-path" if "sglang" in image else ""
    text = f"services: {{a: {{image: '{image}', gpus: all, command: {program} o/m {flag}}}}}"
    found = imported(text, card="RTX 3090")
    assert errors(found) == []
    assert wanted in re.sub(" +", " ", found.text)
