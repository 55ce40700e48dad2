"""What of models.toml becomes the command line of an engine."""

from __future__ import annotations

import textwrap
from itertools import pairwise

import pytest
import yaml

from compiling import build, complete


def command(fragment: str, service: str = "vllm-qwen") -> list[str]:
    services = yaml.load(build(complete(fragment))["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]
    started = services[service].get("entrypoint", []) + services[service]["command"]
    return [item.replace("$$", "$") for item in started]


def model(args: str, *, version: str = "0.11.0") -> list[str]:
    engines = f'[engines.vllm]\nimage = "vllm/vllm-openai:v{version}"\n'
    whole = command(f'{engines}[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8, {args} }}')
    return whole[whole.index("8") + 1 :]


@pytest.mark.parametrize("version", ["0.8.5", "0.10.0", "0.11.0"])
def test_before_0_11_1_the_model_is_a_flag_of_api_server(version: str) -> None:
    engines = f'[engines.vllm]\nimage = "vllm/vllm-openai:v{version}"\n'
    started = command(f'{engines}[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}')
    assert started[:5] == ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "a/b"]


@pytest.mark.parametrize("version", ["0.11.1", "0.12.0", "0.33.0", "1.0.0"])
def test_from_0_11_1_on_the_model_is_positional(version: str) -> None:
    engines = f'[engines.vllm]\nimage = "vllm/vllm-openai:v{version}"\n'
    started = command(f'{engines}[models.qwen]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}')
    assert started[:3] == ["vllm", "serve", "a/b"]
    assert "--model" not in started


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("enforce-eager = true", ["--enforce-eager"]),
        ("enable-prefix-caching = false", ["--no-enable-prefix-caching"]),
        ("max_num_seqs = 4", ["--max-num-seqs", "4"]),
        ("tp = 1", ["--tensor-parallel-size", "1"]),
        ("swap-space = 1.5", ["--swap-space", "1.5"]),
        ('dtype = "half"', ["--dtype", "half"]),
        ('allowed-media-domains = ["a.example", "b"]', ["--allowed-media-domains", "a.example", "b"]),
        ('allowed-origins = ["*"]', ["--allowed-origins", '["*"]']),
        ('middleware = ["a.b", "c.d"]', ["--middleware", "a.b", "--middleware", "c.d"]),
        ("cuda-graph-sizes = [1, 2]", ["--cuda-graph-sizes", "1", "2"]),
        ("limit-mm-per-prompt = { image = 2 }", ["--limit-mm-per-prompt", '{"image":2}']),
        ('"compilation_config.pass_config.fuse_x" = true', ["--compilation-config.pass_config.fuse_x", "true"]),
        ('chat-template = "-{{ x }}"', ["--chat-template=-{{ x }}"]),
        ("seed = -1", ["--seed", "-1"]),
        ('generation-config = "${HOME}"', ["--generation-config", "${HOME}"]),
        ("disable-log-stats = false", []),
    ],
)
def test_flags(written: str, expected: list[str]) -> None:
    assert model(written) == expected


def test_the_level_of_optimization_is_written_as_each_version_takes_it() -> None:
    assert model("O = 3") == ["-O3"]
    assert model("O = 3", version="0.20.0") == ["--optimization-level", "3"]


def test_flag_and_value_are_two_items_and_names_precede_a_flag() -> None:
    started = command('[models.qwen]\nrepo = "a/b"\naliases = ["x", "y"]\nargs = { max-model-len = 8 }')
    names = started.index("--served-model-name")
    assert started[names + 1 : names + 5] == ["qwen", "a/b", "x", "y"]
    assert started[names + 5].startswith("--")


def test_a_revision_pins_the_tokenizer_too_unless_it_is_another_repository() -> None:
    pinned = '[models.qwen]\nrepo = "a/b"\nrevision = "v1"\nargs = { max-model-len = 8%s }'
    assert command(pinned % "").count("v1") == 2
    assert "--tokenizer-revision" not in command(pinned % ', tokenizer = "c/d"')


def test_a_repository_that_two_models_share_names_neither() -> None:
    two = "".join(f'[models.{name}]\nrepo = "a/b"\nargs = {{ max-model-len = 8 }}\n' for name in ("one", "two"))
    assert command(two, "vllm-one").count("a/b") == 1


@pytest.mark.parametrize(
    ("memory", "share"),
    [
        ("", "0.95"),
        ('gpu_memory = "10GiB"', "0.4166"),
        ("gpu_memory = 0.42", "0.42"),
        ("gpu_memory = 0.12345", "0.1234"),
        ('gpu_memory = "12GiB"', "0.5"),
    ],
)
def test_a_claim_is_a_share_rounded_down(memory: str, share: str) -> None:
    started = command(f'[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\n{memory}\nargs = {{ max-model-len = 8 }}')
    assert started[started.index("--gpu-memory-utilization") + 1] == share


@pytest.mark.parametrize("gpus", ['["gpu0", "gpu1"]', '["gpu1", "gpu0"]'])
def test_cards_of_different_limits_get_the_lowest(gpus: str) -> None:
    cards = """
        [gpus.gpu0]
        memory = "24GiB"
        device = "0"
        [gpus.gpu1]
        memory = "24GiB"
        device = "1"
        limit = 0.5
    """
    started = command(
        f'{textwrap.dedent(cards)}[models.qwen]\nrepo = "a/b"\ngpus = {gpus}\nargs = {{ max-model-len = 8, tp = 2 }}'
    )
    assert started[started.index("--gpu-memory-utilization") + 1] == "0.5"


def test_without_a_card_there_is_no_share() -> None:
    assert "--gpu-memory-utilization" not in command('[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }')


def test_placeholders_of_a_command_are_exactly_three() -> None:
    started = command(
        """
        [models.tiny]
        engine = "command"
        image = "registry.example/x:1"
        upstream_name = "{hub}"
        command = ["serve", "{port}", "{model}", "{hub}/x", "{other}", '{"a": {}}']
        """,
        "command-tiny",
    )
    assert started == ["serve", "8000", "{hub}", "/root/.cache/huggingface/hub/x", "{other}", '{"a": {}}']


def test_tei_is_told_the_id_only_where_no_commit_is_known() -> None:
    image = "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"
    model = f'[models.embed]\nengine = "tei"\nimage = "{image}"\nrepo = "a/b"\n'
    started = command(model + 'revision = "v1"\n', "tei-embed")
    assert started[:2] == ["--model-id", "a/b"]
    assert started[-2:] == ["--revision", "v1"]
    pinned = command(f'{model}revision = "{"0" * 40}"\n', "tei-embed")
    assert pinned[1] == f"/data/models--a--b/snapshots/{'0' * 40}"
    assert "--revision" not in pinned


@pytest.mark.parametrize(
    ("args", "layers"),
    [("ctx-size = 8", ["999"]), ("ctx-size = 8, ngl = 20", ["20"]), ("ctx-size = 8, gpu_layers = 0", ["0"])],
)
def test_llamacpp_puts_all_layers_on_its_card_unless_told(args: str, layers: list[str]) -> None:
    started = command(
        f"""
        [models.qwen]
        engine = "llamacpp"
        image = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
        repo = "a/b"
        revision = "{"0" * 40}"
        file = "x.gguf"
        gpus = ["gpu0"]
        args = {{ {args} }}
        """,
        "llamacpp-qwen",
    )
    assert started[0] == "/app/llama-server"
    assert [value for flag, value in pairwise(started) if flag == "--n-gpu-layers"] == layers
