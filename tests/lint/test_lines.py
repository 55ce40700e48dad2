"""Command lines that are right, or about which nothing is certain: none is an error."""

from __future__ import annotations

import pytest

from modelgen.foreign import read_files
from modelgen.linting import lint

RIGHT = [
    ("v0.11.0", "--model x/y -O3"),
    ("v0.11.0", "--model x/y -O 3"),
    ("v0.10.0", "--model x/y --compilation-config 3"),
    ("v0.10.0", "--model x/y --compilation-config '{\"level\": 3}'"),
    ("v0.8.5", "--model x/y --enable-chunked-prefill false"),
    ("v0.11.0", "--help"),
    ("v0.11.0", "--model x/y --enforce-eager --no-enable-prefix-caching --no-enable-prefix-cachin"),
    ("v0.12.0", "x/y --served-model-name true --trust-remote-code"),
    ("v0.11.0", "--model x/y --max_model_len 8k -tp 1"),
    ("v0.11.0", "--model s3://a/b --load-format runai_streamer"),
    ("v0.11.0", "--model /m/q.gguf --tokenizer x/y"),
    ("v0.11.0", "--config /m/vllm.yaml"),
    ("v0.11.0", "--model ${MODEL:-x/y} ${FLAGS:-}"),
    ("v0.12.0", "x/y --lora-modules a=/m/a b=/m/b --enable-lora"),
    ("v0.12.0", "x/y --served-model-name a b/c --middleware a.b.C"),
]
UNSURE = ["latest", "nightly", "gptoss", "v99.0.0"]


def errors(image: str, command: str) -> list[str]:
    text = f"services:\n  a:\n    image: {image}\n    volumes: ['./m:/m']\n    command: >-\n      {command}\n"
    return [one.message for one in lint(read_files([("c.yml", text.encode())])).diagnostics if one.severity == "error"]


@pytest.mark.parametrize(("tag", "command"), RIGHT)
def test_what_is_right_is_no_error(tag: str, command: str) -> None:
    assert errors(f"vllm/vllm-openai:{tag}", command) == []


@pytest.mark.parametrize("tag", UNSURE)
def test_a_flag_that_a_newer_release_may_have_is_no_error(tag: str) -> None:
    assert errors(f"vllm/vllm-openai:{tag}", "--model x/y --no-known-flag 3") == []


@pytest.mark.parametrize(
    "image", ["rocm/vllm:rocm6.4.1_vllm_0.10.0_20250812", "lmsysorg/sglang:v0.5.3", "team/vllm:v0.11.0"]
)
def test_the_program_is_named_where_the_image_starts_none(image: str) -> None:
    program = "python3 -m sglang.launch_server --model-path" if "sglang" in image else "vllm serve"
    assert errors(image, f"{program} x/y") == []


@pytest.mark.parametrize(
    ("tag", "command", "wanted"),
    [
        ("v0.11.0", "--model x/y --port 8000 foo", ["`foo` belongs to no flag"]),
        ("v0.30.0", "x/y --max-model-len 4096 # note", ["`#` belongs to no flag"]),
        ("v0.30.0", "--model x/y '# --max-model-len 4096'", ["`# --max-model-len 4096` belongs to no flag"]),
        ("v0.30.0", "--model x/y --unknown-flag a b", ["`unknown-flag`"]),
        ("v0.30.0", "x/y --gpu-memory-utilization 90", ["`90` is no share"]),
        ("v0.11.0", "--model x/y --gpu-memory-utilization 1.2", ["`1.2` is no share"]),
        ("v0.11.0", "--model x/y --gpu-memory-utilization 0", ["`0` is no share"]),
    ],
)
def test_what_is_wrong_is_found_once(tag: str, command: str, wanted: list[str]) -> None:
    found = errors(f"vllm/vllm-openai:{tag}", command)
    assert len(found) == len(wanted)
    assert all(one in message for one, message in zip(wanted, found, strict=True)), found


def test_a_backslash_in_a_literal_block_keeps_its_line_break() -> None:
    command = "|\n      --model x/y \\\n      --max-model-len 4096 # note\n      --port 8000\n"
    text = f"services:\n  a:\n    image: vllm/vllm-openai:v0.11.0\n    command: {command}"
    found = [one for one in lint(read_files([("c.yml", text.encode())])).diagnostics if one.severity == "error"]
    assert [(one.code, one.span.line, one.help) for one in found] == [("MG612", 5, "remove the backslash")]


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("lmsysorg/sglang:v0.5.9", "python3 -m sglang.launch_server --model-path {} --mem-fraction-static 0.6", ""),
        ("vllm/vllm-openai:v0.30.0", "{} --gpu-memory-utilization 0.6", "BAAI/bge-m3"),
    ],
)
def test_shares_that_are_not_of_the_whole_gpu_do_not_count(kind: str, first: str, second: str) -> None:
    gpu = "gpus: [{driver: nvidia, device_ids: ['0']}]"
    services = "".join(
        f"  {name}:\n    image: {kind}\n    command: {first.format(model)}\n    {gpu}\n"
        for name, model in (("a", second or "x/y"), ("b", "x/z"))
    )
    found = lint(read_files([("c.yml", f"services:\n{services}".encode())]))
    assert [one.code for one in found.diagnostics if one.severity == "error"] == []


@pytest.mark.parametrize(
    ("service", "is_found"),
    [
        ("image: 'lmsysorg/sglang:v0.5.9', command: python3 -m sglang.launch_server --model-path x/y", True),
        ("image: 'lmsysorg/sglang:v0.5.9', command: python3 -m sglang.launch_server --model-path x/y --host ::", False),
        ("image: 'vllm/vllm-openai:v0.30.0', command: x/y --host localhost", True),
        ("image: 'vllm/vllm-openai:v0.30.0', command: x/y --host localhost, network_mode: host", False),
        ("image: 'vllm/vllm-openai:v0.30.0', command: x/y", False),
    ],
)
def test_an_engine_that_no_published_port_reaches(service: str, *, is_found: bool) -> None:
    text = f"services: {{a: {{{service}, ports: ['127.0.0.1:8000:30000', '127.0.0.1:8001:8000']}}}}"
    found = {one.code for one in lint(read_files([("c.yml", text.encode())])).diagnostics}
    assert ("MG619" in found) == is_found


@pytest.mark.parametrize(
    ("first", "second", "is_found"),
    [
        ("ports: ['8000:8000']", "ports: ['127.0.0.1:8000:8000']", True),
        ("ports: ['127.0.0.1:8000:8000']", "ports: ['127.0.0.2:8000:8000']", False),
        ("ports: ['8000:8000']", "ports: ['8000:8000'], profiles: [b]", False),
        ("ports: ['8000:8000']", "ports: ['8000:8000'], network_mode: host", False),
        ("ports: ['8000:8000', '8000:8000/udp']", "ports: ['8000']", False),
    ],
)
def test_engines_that_publish_one_port(first: str, second: str, *, is_found: bool) -> None:
    engine = "image: 'vllm/vllm-openai:v0.30.0', command: x/y"
    text = f"services: {{a: {{{engine}, {first}}}, b: {{{engine}, {second}}}}}"
    found = {one.code for one in lint(read_files([("c.yml", text.encode())])).diagnostics}
    assert ("MG618" in found) == is_found


@pytest.mark.parametrize(
    ("devices", "fault"),
    [
        ("count: one, capabilities: [gpu]", "`count` is `one`"),
        ("count: 1.5, capabilities: [gpu]", "`count` is `1.5`"),
        ("device_ids: [0], capabilities: [gpu]", "`0` in `device_ids` is a number"),
        ("ids: ['0'], capabilities: [gpu]", "no key `ids`"),
        ("device_ids: ['0'], capabilities: [gpu], x-a: 1", ""),
        ("count: ALL, capabilities: [gpu]", ""),
        ("count: '2', capabilities: [gpu]", ""),
        ("count: '${N:-1}', capabilities: [gpu]", ""),
        ("count: '${N}', capabilities: [gpu]", ""),
        ("device_ids: ['${GPU:-0}'], capabilities: [gpu]", ""),
        ("device_ids: [GPU-1a2b], capabilities: [gpu], options: {a: b}", ""),
    ],
)
def test_reservations_that_compose_refuses(devices: str, fault: str) -> None:
    reserved = f"deploy: {{resources: {{reservations: {{devices: [{{driver: nvidia, {devices}}}]}}}}}}"
    text = f"services: {{a: {{image: 'vllm/vllm-openai:v0.30.0', command: x/y, {reserved}}}}}"
    found = [one for one in lint(read_files([("c.yml", text.encode())])).diagnostics if one.severity == "error"]
    assert [(one.code, fault in one.message) for one in found] == ([("MG615", True)] if fault else [])


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("entrypoint: [vllm serve], command: x/y", ["MG633"]),
        ("entrypoint: [vllm serve x/y]", ["MG633"]),
        ("entrypoint: vllm, command: x/y", ["MG633"]),
        ("entrypoint: vllm, command: [bench, serve]", []),
        ("entrypoint: vllm serve, command: x/y", []),
        ("entrypoint: vllm, command: [serve, x/y]", []),
        ("entrypoint: vllm, command: x/y, build: .", []),
        ("command: x/y, network_mode: host, ports: ['127.0.0.1:8000:8000']", ["MG636"]),
        ("command: x/y, ports: ['127.0.0.1:8000:8000']", []),
        ("command: x/y, healthcheck: {start_period: 9m, test: wget -q localhost:80/health}", ["MG608"]),
        ("command: x/y, healthcheck: {start_period: 9m, test: [CMD, wget, 'localhost:80/health']}", ["MG608"]),
        ("command: x/y, healthcheck: {start_period: 9m, test: 'curl -H \"Host: localhost:80\" app/health'}", []),
        ("command: x/y, healthcheck: {start_period: 9m, test: curl -x localhost:80 app/health}", []),
        ("command: x/y, healthcheck: {start_period: 9m, test: wget -q localhost:8000/health}", []),
    ],
)
def test_how_a_service_starts_and_is_asked(service: str, wanted: list[str]) -> None:
    text = f"services: {{a: {{image: 'vllm/vllm-openai:v0.30.0', runtime: nvidia, {service}}}}}"
    assert [one.code for one in lint(read_files([("c.yml", text.encode())])).diagnostics] == wanted


@pytest.mark.parametrize(
    ("service", "is_found"),
    [
        ("image: 'vllm/vllm-openai:v0.30.0'", True),
        ("image: 'vllm/vllm-openai:v0.30.0', deploy: {}", False),
        ("image: 'vllm/vllm-openai:v0.30.0', runtime: nvidia", False),
        ("image: 'vllm/vllm-openai:v0.30.0', devices: [nvidia.com/gpu=all]", False),
        ("image: 'vllm/vllm-openai:v0.30.0', environment: [NVIDIA_VISIBLE_DEVICES=0]", False),
        ("image: 'vllm/vllm-openai:v0.30.0', env_file: unknown", False),
        ("image: 'vllm/vllm-openai-cpu:v0.30.0'", False),
        ("image: 'team/vllm:v0.30.0'", False),
    ],
)
def test_an_image_for_gpus_that_gets_none(service: str, *, is_found: bool) -> None:
    text = f"services: {{a: {{{service}, command: --model x/y}}}}"
    found = {one.code for one in lint(read_files([("c.yml", text.encode())])).diagnostics}
    assert ("MG634" in found) == is_found
