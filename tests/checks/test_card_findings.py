"""Cards by name: what is taken from the name, and what is wrong for a card, with what to write instead."""

from __future__ import annotations

import json

import pytest

from compiling import build, complete, findings
from modelgen.load import load
from modelgen.resolve.cards import Card, cards

GIB = 2**30


MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n'


def gpu(lines: str, rest: str = "") -> str:
    return complete(f"[gpus.gpu0]\n{lines}\n{rest}")


def card(lines: str, rest: str = "") -> Card:
    document, _, _ = load(gpu(lines, rest).encode())
    assert document is not None
    return cards(document.config)["gpu0"]


def found(toml: str, lock: str | None = None) -> list[tuple[str, str, str]]:
    return [(item.rule, item.message, item.help) for item in findings(toml, lock) if item.severity.value != "info"]


def test_a_name_gives_memory_and_capability() -> None:
    named = card('card = "RTX 3090"\ndevice = "0"')
    assert (named.memory, named.capability, named.unified, named.limit) == (24 * GIB, "8.6", False, 0.95)
    assert card('card = "NVIDIA L4"\ndevice = "0"').memory == 23034 * 2**20
    assert found(gpu('card = "RTX 3090"\ndevice = "0"')) == []


def test_what_is_written_counts() -> None:
    named = card('card = "RTX 3090"\nmemory = "20GiB"\nlimit = 0.8\ndevice = "0"')
    assert (named.memory, named.capability, named.limit) == (20 * GIB, "8.6", 0.8)
    assert card('memory = "20GiB"\ncapability = "8.6"\ndevice = "0"').capability == "8.6"
    assert card('card = "A100"\nmemory = "80GiB"\ndevice = "0"').capability == "8.0"


@pytest.mark.parametrize("written", ["24GiB", "25 GB", "23GiB"])
def test_rounded_memory_is_fine(written: str) -> None:
    assert found(gpu(f'card = "RTX 4090"\nmemory = "{written}"\ndevice = "0"')) == []


@pytest.mark.parametrize(
    ("lines", "rule", "message", "help_"),
    [
        ('card = "RTX 3090 Tie"', "unknown-card", "unknown GPU `RTX 3090 Tie`", "mean `RTX 3090 Ti`? Otherwise write"),
        ('card = "RTX 4090 48GB"', "unknown-card", "", 'write `memory = "48GiB"` and `capability = "8.9"`'),
        ('card = "RTX 2080 Ti 22GB"', "unknown-card", "", 'write `memory = "22GiB"` and `capability = "7.5"`'),
        ('card = "RXT 3090"', "unknown-card", "", "did you mean `RTX 3090`? Otherwise"),
        ('card = "RTX 3O90"', "unknown-card", "", "did you mean `RTX 3090`? Otherwise"),
        ('card = "RTX 3900"', "unknown-card", "", "did you mean `RTX 3090`? Otherwise"),
        ('card = "RTX 40900"', "unknown-card", "", "did you mean `RTX 4090`? Otherwise"),
        ('card = "RTX 309 Ti"', "unknown-card", "", "did you mean `RTX 3090 Ti`? Otherwise"),
        ('card = "4090Ti"', "unknown-card", "", "did you mean `RTX 4090`? Otherwise"),
        ('card = "MI25"\nkind = "amd"', "unknown-card", "unknown GPU `MI25`", 'and `capability = "gfx906"` instead'),
        ('card = "banana"', "unknown-card", "unknown GPU `banana`", 'write `memory = "24GiB"` and `capability ='),
        ('card = ""', "unknown-card", "unknown GPU ``", "write `memory ="),
        ('card = "A100"', "unknown-card", "has several sizes", 'write `card = "A100 40GB"` or `card = "A100 80GB"`'),
        ("", "memory-of-card", "lacks `card` or `memory`", 'write the name of the GPU, `card = "RTX 3090"`'),
        (
            'card = "L4"\nmemory = "24GiB"',
            "memory-of-card",
            "L4 has 22.49 GiB, not 24 GiB",
            'remove `memory`, or write `memory = "23034MiB"` or less',
        ),
        (
            'card = "RTX 3090"\ncapability = "8.9"',
            "card-at-odds",
            "RTX 3090 has the capability 8.6, not 8.9",
            "remove `capability`",
        ),
        ('card = "gfx1151"', "unknown-card", "unknown GPU `gfx1151`", 'write `capability = "gfx1151"` and `memory`'),
        ('card = "RTX 3090"\nkind = "amd"', "card-at-odds", "is a GPU of NVIDIA", 'write `kind = "nvidia"`'),
        ('memory = "24GiB"\ncapability = "gfx1100"', "card-at-odds", "is a GPU of AMD", 'write `kind = "amd"`'),
        *(
            (
                f'memory = "24GiB"\ncapability = {text}',
                "bad-value",
                "no compute capability",
                f'write `capability = "{own}"`',
            )
            for text, own in (
                ('"86"', "8.6"),
                ('"sm_86"', "8.6"),
                ("8.6", "8.6"),
                ('"sm_120a"', "12.0"),
                ("12", "12.0"),
            )
        ),
    ],
)
def test_a_wrong_value(lines: str, rule: str, message: str, help_: str) -> None:
    device = "/dev/dri/renderD128" if '"amd"' in lines else "0"
    ((name, text, advice),) = [
        item for item in found(gpu(f'{lines}\ndevice = "{device}"')) if item[0] != "image-for-other-cards"
    ]
    assert (name, message in text, help_ in advice) == (rule, True, True), (text, advice)


def test_a_gpu_whose_firmware_sets_the_memory() -> None:
    strix = 'card = "Strix Halo"\nkind = "amd"\ndevice = "/dev/dri/renderD128"\n'
    image = '[engines.vllm]\nimage = "vllm/vllm-openai-rocm:v0.20.0"\n'
    ((rule, _, help_),) = found(gpu(strix, image))
    assert (rule, help_) == ("memory-of-card", 'write what the driver reports as well: `memory = "96GiB"`')
    assert found(gpu(f'{strix}memory = "96GiB"\n', image)) == []


def test_a_part_of_a_card() -> None:
    mig = 'card = "A100 80GB"\ndevice = "MIG-1f2e3d4c-0000-5555-8888-123456789abc"\n'
    ((rule, _, help_),) = found(gpu(mig))
    assert (rule, '`memory = "4864MiB"` for a `1g.5gb`' in help_) == ("memory-of-card", True)
    assert found(gpu(f'{mig}memory = "19GiB"\n')) == []


@pytest.mark.parametrize(
    ("name", "cards", "memory"),
    [
        ("A100 1g.5gb", '`card = "A100 40GB"` or `card = "A100 80GB"`', "4864MiB"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", '`card = "A100 40GB"`', "4864MiB"),
        ("H100 80GB MIG 3g.40gb", '`card = "H100 80GB"`', "40192MiB"),
        ("A100 80GB 1g.10gb+me", '`card = "A100 80GB"`', "9728MiB"),
        ("H100 NVL 1g.12gb", '`card = "H100 NVL"`', "10813MiB"),
    ],
)
def test_the_name_of_a_part_of_a_card(name: str, cards: str, memory: str) -> None:
    device = 'device = "MIG-1f2e3d4c-0000-5555-8888-123456789abc"\n'
    ((rule, _, help_),) = found(gpu(f'card = "{name}"\n{device}'))
    assert rule == "unknown-card"
    assert help_.startswith(f"write {cards}, and the memory that `nvidia-smi` prints")
    assert help_.endswith(f'or `memory = "{memory}"`')
    first = cards.split("`")[1]
    assert found(gpu(f'{first}\nmemory = "{memory}"\n{device}')) == []


def test_the_memory_that_a_newer_kernel_leaves() -> None:
    assert found(gpu('card = "GB10"\nmemory = "121.6GiB"\ndevice = "0"')) == []
    assert [item[0] for item in found(gpu('card = "GB10"\nmemory = "128GiB"\ndevice = "0"'))] == ["memory-of-card"]


def test_unified_memory_leaves_a_part_to_the_host() -> None:
    assert card('card = "GB10"\ndevice = "0"').limit == 0.9
    assert card('memory = "7.4GiB"\nunified = true\ndevice = "0"').limit == 0.72
    assert card('memory = "2GiB"\nunified = true\ndevice = "0"').limit == 0.5
    assert card('card = "GB10"\ndevice = "0"\nlimit = 0.7').limit == 0.7
    assert card('card = "GB10"\nunified = false\ndevice = "0"').limit == 0.95


HOST = '[host]\narch = "arm64"\nmemory = "119GiB"\n'


def test_one_memory_as_two_budgets() -> None:
    written = gpu('memory = "119GiB"\ndevice = "0"', HOST)
    ((rule, message, help_),) = found(written)
    assert (rule, message) == ("memory-twice", "`gpu0` and the host both have 119 GiB, which looks like one memory")
    assert 'write `card = "GB10"`' in help_
    for lines in ('card = "GB10"', 'memory = "119GiB"\nunified = true', 'memory = "119GiB"\nunified = false'):
        assert found(gpu(f'{lines}\ndevice = "0"', HOST)) == []


def test_the_name_reaches_the_deployment() -> None:
    toml = gpu('card = "L4"\ndevice = "0"', MODEL)
    assert "of the 22.49 GiB of gpu0" in build(toml)["docker-compose.yml"]


LOCK = """\
[[snapshots]]
repo = "a/b"
commit = "1cfa9a7208912126459214e8b04321603b3df60c"
files = [{{ path = "config.json", size = 726, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }}]
config = '{config}'
"""
FP8_DYNAMIC = (
    '{"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": '
    '{"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}, '
    '"input_activations": {"num_bits": 8, "type": "float", "dynamic": true}}}}}'
)


def served(card: str, image: str, more: str = "", kind: str = "") -> str:
    """Return a file with one model of vLLM."""
    device = '"/dev/dri/renderD128"\nkind = "amd"\ngroups = [44]' if kind == "amd" else '"0"'
    return complete(
        f"[gpus.g]\n{card}\ndevice = {device}\n[engines.vllm]\nimage = '{image}'\n"
        f'[models.a]\nrepo = "a/b"\ngpus = ["g"]\nargs = {{ max-model-len = 8{more} }}\n'
    )


def tei(card: str, tag: str) -> str:
    return complete(
        f'[gpus.g]\ncard = "{card}"\ndevice = "0"\n[models.embed]\nengine = "tei"\n'
        f'image = "ghcr.io/huggingface/text-embeddings-inference:{tag}"\nrepo = "Qwen/Qwen3-Embedding-0.6B"\n'
        'revision = "97b0c614be4d77ee51c0cef4e5f07c00f9eb65b3"\ngpus = ["g"]\n'
    )


@pytest.mark.parametrize(
    ("card", "tag", "instead"),
    [
        ("RTX PRO 6000", "1.8", "120-1.9` or `ghcr.io/huggingface/text-embeddings-inference:cuda-1.9`"),
        ("RTX PRO 6000", "cuda-1.8", "120-1.9`"),
        ("RTX PRO 6000", "120-1.8", "120-1.9`"),
        ("H100 80GB", "90-1.9", "hopper-1.9`"),
        ("RTX A6000", "ampere-1.9", "1.9`"),
        ("B200", "100-1.8.2", "100-1.9`"),
        ("RTX 5090", "89-1.9", "120-1.9`"),
        ("B200", "hopper-1.9", "100-1.9`"),
        ("T4", "1.9", "turing-1.9`"),
        ("T4", "latest", "turing-latest`"),
        ("H100", "1.9.3", "hopper-1.9.3`"),
        ("L4", "turing-1.9", "89-1.9`"),
        ("A100 80GB", "86-1.9", ":1.9`"),
        ("GB10", "cuda-1.9.3", "there is no image for this GPU"),
        ("GB10", "120-1.9", "there is no image for this GPU"),
    ],
)
def test_an_image_of_tei_for_another_generation(card: str, tag: str, instead: str) -> None:
    toml = tei(card, tag)
    ((rule, message, help_),) = [item for item in found(toml) if item[0] != "floating-image"]
    assert rule == "image-for-other-generation"
    assert f"no kernels for {card}" in message
    assert ("does not exist" in message) is tag.startswith(("120-1.8", "100-1.8", "90-", "ampere-"))
    assert instead in help_


@pytest.mark.parametrize(
    ("card", "tag"),
    [
        ("RTX PRO 6000", "cuda-1.9"),
        ("RTX PRO 6000", "120-1.9"),
        ("T4", "turing-1.9"),
        ("T4", "cuda-1.9"),
        ("RTX 3090", "86-1.9"),
        ("RTX 3090", "1.9"),
        ("L4", "86-1.9"),
        ("L4", "89-1.9"),
        ("H100", "hopper-1.9"),
        ("B200", "100-1.9"),
        ("GB10", "121-sha-abcdef0"),
    ],
)
def test_an_image_of_tei_for_the_generation(card: str, tag: str) -> None:
    assert [item for item in found(tei(card, tag)) if item[0] != "floating-image"] == []


SPARK = '[host]\narch = "arm64"\ndriver = "580.95.05"\nmemory = "119GiB"\n'


def test_a_dgx_spark() -> None:
    """H4: first as it was written, then with the card's name, then with the right image."""
    written = served('memory = "119GiB"', "vllm/vllm-openai:v0.12.0-aarch64") + SPARK
    assert [item[0] for item in found(written)] == ["memory-twice"]
    named = served('card = "GB10"', "vllm/vllm-openai:v0.12.0-aarch64") + SPARK
    ((rule, message, help_),) = found(named)
    assert rule == "image-for-other-generation"
    assert message == "this image has no kernels for GB10 (12.1), which `a` has"
    assert help_ == "write `vllm/vllm-openai:v0.33.0`"
    assert found(served('card = "GB10"', "vllm/vllm-openai:v0.28.0") + SPARK) == []
    assert found(served('memory = "119GiB"\nunified = true', "vllm/vllm-openai:v0.28.0") + SPARK) == []


@pytest.mark.parametrize(("limits", "rules"), [((64, 40), ["limits-over-host"]), ((8, 8), []), ((0, 0), [])])
def test_one_memory_of_a_dgx_spark_is_one_budget(limits: tuple[int, int], rules: list[str]) -> None:
    models = "".join(
        f'[models.{name}]\nrepo = "a/{name}"\ngpus = ["gpu0"]\ngpu_memory = "{gpu}GiB"\n'
        + (f'host_memory = "{limit}GiB"\n' if limit else "")
        + "args = { max-model-len = 8 }\n"
        for name, gpu, limit in (("m", 60, limits[0]), ("n", 40, limits[1]))
    )
    engine = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.30.0"\n'
    toml = gpu('card = "GB10"\ndevice = "0"', f'{SPARK}{engine}{models}[profiles.both]\nmodels = ["m", "n"]\n')
    assert [rule for rule, message, _ in found(toml) if "204" in message or rule != "limits-over-host"] == rules


@pytest.mark.parametrize(
    ("card", "image", "kind", "is_fine"),
    [
        ('card = "Strix Halo"\nmemory = "96GiB"', "vllm/vllm-openai-rocm:v0.14.0", "amd", False),
        ('card = "Strix Halo"\nmemory = "96GiB"', "vllm/vllm-openai-rocm:v0.19.0", "amd", True),
        ('memory = "96GiB"\ncapability = "gfx1151"', "vllm/vllm-openai-rocm:v0.14.0", "amd", False),
        ('card = "MI300X"', "vllm/vllm-openai-rocm:v0.14.0", "amd", True),
        ('card = "RX 7900 XTX"', "vllm/vllm-openai-rocm:v0.14.0", "amd", True),
        ('card = "RX 6900 XT"', "vllm/vllm-openai-rocm:v0.33.0", "amd", False),
        ('card = "RX 6900 XT"', "rocm/vllm:rocm6.4.1_vllm_0.10.1_20250909", "amd", True),
        ('card = "P40"', "vllm/vllm-openai:v0.11.0", "", False),
        ('card = "V100 32GB"', "vllm/vllm-openai:v0.11.0", "", True),
        ('card = "V100 32GB"', "vllm/vllm-openai:v0.30.0", "", False),
        ('card = "RTX 5090"', "vllm/vllm-openai:v0.9.1", "", False),
        ('card = "RTX 5090"', "vllm/vllm-openai:v0.9.2", "", True),
        ('card = "B200"', "vllm/vllm-openai:v0.8.5", "", False),
        ('card = "B200"', "vllm/vllm-openai:v0.9.0", "", True),
        ('card = "Jetson AGX Thor"', "vllm/vllm-openai:v0.19.0", "", False),
        ('card = "GB10"', "vllm/vllm-openai:v0.14.0-cu130", "", True),
        ('card = "GB10"', "vllm/vllm-openai:v9.9.9", "", True),
        ('memory = "32GiB"\ncapability = "7.0"', "vllm/vllm-openai:v0.19.0", "", True),
        ('memory = "32GiB"\ncapability = "7.0"', "vllm/vllm-openai:v0.20.0", "", False),
        ('memory = "24GiB"\ncapability = "6.1"', "vllm/vllm-openai:v0.11.0", "", False),
        ('memory = "24GiB"', "vllm/vllm-openai:v0.8.5", "", True),
    ],
)
def test_the_first_release_with_kernels(card: str, image: str, kind: str, is_fine: bool) -> None:  # noqa: FBT001
    rules = [item[0] for item in found(served(card, image, kind=kind))]
    assert ("image-for-other-generation" not in rules) == is_fine, rules


@pytest.mark.parametrize(
    ("engine", "image", "card", "instead"),
    [
        ("sglang", "lmsysorg/sglang:v0.4.6.post5-cu124", 'card = "RTX 5090"', "write `lmsysorg/sglang:v0.5."),
        ("sglang", "lmsysorg/sglang:v0.4.6.post5-cu124", 'card = "RTX 4090"', ""),
        ("sglang", "lmsysorg/sglang:v0.5.9", 'card = "RTX 5090"', ""),
        ("sglang", "lmsysorg/sglang:v0.5.9", 'memory = "32GiB"\ncapability = "7.0"', "no release has kernels for it"),
        ("sglang", "lmsysorg/sglang:v0.5.9", 'card = "T4"', ""),
        ("sglang", "lmsysorg/sglang:v0.5.9-rocm700-mi30x", 'card = "MI300X"', ""),
        ("sglang", "lmsysorg/sglang:v0.5.9-rocm700-mi30x", 'card = "MI355X"', "`lmsysorg/sglang:v0.5.9-rocm700-mi35x`"),
        ("sglang", "lmsysorg/sglang:v0.4.9.post1-rocm700-mi35x", 'card = "MI300X"', "post1-rocm630-mi30x`"),
        ("sglang", "lmsysorg/sglang:v0.5.9-rocm700-mi30x", 'card = "RX 7900 XTX"', "there is no image for this GPU"),
        (
            "llamacpp",
            "ghcr.io/ggml-org/llama.cpp:server-cuda13-b9000",
            'memory = "11GiB"\ncapability = "6.1"',
            "write `ghcr.io/ggml-org/llama.cpp:server-cuda-b9000`",
        ),
        ("llamacpp", "ghcr.io/ggml-org/llama.cpp:server-cuda13-b9000", 'card = "T4"', ""),
        ("llamacpp", "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000", 'memory = "11GiB"\ncapability = "6.1"', ""),
        ("llamacpp", "ghcr.io/ggml-org/llama.cpp:server-cuda-b9000", 'card = "RTX 5090"', ""),
    ],
)
def test_images_of_other_engines(engine: str, image: str, card: str, instead: str) -> None:
    file = 'file = "x.gguf"\n' if engine == "llamacpp" else ""
    toml = complete(
        f"[gpus.g]\n{card}\ndevice = \"0\"\n[models.a]\nengine = '{engine}'\nimage = '{image}'\nrepo = 'a/b'\n"
        f'{file}revision = "97b0c614be4d77ee51c0cef4e5f07c00f9eb65b3"\ngpus = ["g"]\n'
    )
    helps = [item[2] for item in found(toml) if item[0] == "image-for-other-generation"]
    assert [instead in help_ for help_ in helps] == ([True] if instead else [])


def test_no_release_for_an_old_gpu() -> None:
    (item,) = found(served('card = "RX 6900 XT"', "vllm/vllm-openai-rocm:v0.33.0", kind="amd"))
    assert "no release has kernels for it" in item[2]
    overridden = served('card = "RX 6900 XT"', "vllm/vllm-openai-rocm:v0.33.0", kind="amd").replace(
        "args =", 'env = { HSA_OVERRIDE_GFX_VERSION = "10.3.0" }\nargs ='
    )
    assert "image-for-other-generation" not in [item[0] for item in found(overridden)]


def test_the_last_release_for_an_old_gpu() -> None:
    (item,) = found(served('card = "V100 32GB"', "vllm/vllm-openai:v0.20.0"))
    last = item[2].split("`")[1]
    assert last.startswith("vllm/vllm-openai:v0.19.")
    assert item[2] == f"write `{last}`, the last release with kernels for it"
    assert found(served('card = "V100 32GB"', last)) == []


@pytest.mark.parametrize("image", ["vllm/vllm-openai:v0.11.0", "vllm/vllm-openai:v0.19.0"])
@pytest.mark.parametrize("format_", ["awq", "fp8"])
def test_the_format_that_is_recommended_is_for_the_gpu(image: str, format_: str) -> None:
    written = served('card = "V100 32GB"', image)
    lock = LOCK.format(config=f'{{"quantization_config": {{"quant_method": "{format_}"}}}}')
    [(rule, _, help_)] = found(written, lock)
    assert (rule, help_) == ("checkpoint-for-other-cards", "use a checkpoint in another format, such as GPTQ")
    assert found(written, lock.replace(format_, "gptq")) == []
    flag = served('card = "V100 32GB"', image, f', quantization = "{format_}"')
    assert [help_ for *_, help_ in found(flag)] == ["use a checkpoint in another format, such as GPTQ"]


@pytest.mark.parametrize(
    ("card", "refused"),
    [
        ('card = "RTX 3090"', "RTX 3090"),
        ('memory = "24GiB"', "a GeForce GPU"),
        *((f'card = "{name}"', "") for name in ("H100", "A100 80GB", "L4", "T4", "RTX A6000", "V100 32GB")),
    ],
)
def test_a_driver_below_the_image_is_refused_by_geforce_only(card: str, refused: str) -> None:
    toml = served(card, "vllm/vllm-openai:v0.11.0") + '[host]\ndriver = "535.104.05"\n'
    messages = [message for rule, message, _ in found(toml) if rule == "driver-below-image"]
    assert [f"which {refused} does not accept" in message for message in messages] == ([True] if refused else [])


def test_a_release_that_chooses_no_type_by_itself_needs_one() -> None:
    (item,) = found(served('card = "T4"', "vllm/vllm-openai:v0.8.5", ', dtype = "bfloat16"'))
    assert item[2] == 'write `dtype = "half"`'


V11, V14, NEW = (f"vllm/vllm-openai:v0.{number}.0" for number in (11, 14, 33))


@pytest.mark.parametrize(
    ("card", "image", "more", "instead"),
    [
        ("T4", V11, ', dtype = "bfloat16"', 'write `dtype = "half"`, or remove it'),
        ("T4", NEW, ', dtype = "bfloat16"', 'write `dtype = "half"`, or remove it'),
        ("T4", V11, ', quantization = "awq_marlin"', f'write `image = "{NEW}"`, whose release supports it'),
        ("T4", V11, ', quantization = "fp8"', f'write `image = "{NEW}"`, whose release supports it'),
        ("T4", V11, ', dtype = "half"', ""),
        ("T4", V11, ', quantization = "awq"', ""),
        ("T4", V14, ', quantization = "awq_marlin"', ""),
        ("RTX 3090", V11, ', dtype = "bfloat16", quantization = "fp8"', ""),
        ("RTX 2080 Ti", V11, ', dtype = "auto"', ""),
    ],
)
def test_flags_for_another_generation(card: str, image: str, more: str, instead: str) -> None:
    helps = [
        item[2] for item in found(served(f'card = "{card}"', image, more)) if item[0] == "flag-for-other-generation"
    ]
    assert len(helps) == bool(instead)
    assert all(instead in help_ for help_ in helps)


@pytest.mark.parametrize(
    ("card", "image", "family", "dtype", "instead"),
    [
        ("T4", V11, "gemma2", "bfloat16", "float32"),
        ("T4", V11, "gemma2", "half", "float32"),
        ("RTX 3090", NEW, "glm4", "float16", "bfloat16"),
        ("RTX 4090", V11, "gemma3", "half", "bfloat16"),
        ("RTX 4090", V11, "gemma3", "bfloat16", ""),
        ("T4", V11, "gemma3_text", "float32", ""),
        ("T4", V11, "qwen3", "half", ""),
        ("RTX 3090", "vllm/vllm-openai:v0.26.0", "plamo2", "half", "bfloat16"),
        ("RTX 3090", NEW, "plamo2", "half", ""),
        ("RTX 3090", "vllm/vllm-openai:v0.9.0", "gemma2", "half", ""),
    ],
)
def test_models_without_float16(card: str, image: str, family: str, dtype: str, instead: str) -> None:
    toml = served(f'card = "{card}"', image, f', dtype = "{dtype}"')
    helps = [item[2] for item in found(toml, LOCK.format(config=f'{{"model_type": "{family}"}}')) if "dtype" in item[2]]
    assert helps == ([f'write `dtype = "{instead}"`, or remove it'] if instead else [])


def test_a_replaced_config_may_have_another_model_type() -> None:
    toml = served('card = "L4"', V11, ', dtype = "half", hf-overrides = { model_type = "other" }')
    assert "model-without-float16" not in [
        item[0] for item in found(toml, LOCK.format(config='{"model_type": "gemma3"}'))
    ]


FP8_CACHE = ', kv-cache-dtype = "fp8"'


@pytest.mark.parametrize(
    ("card", "image", "more", "instead"),
    [
        ("RTX 3090", V11, FP8_CACHE, 'write `kv-cache-dtype = "auto"`'),
        ("RTX 3090", V11, ', kv_cache_dtype = "fp8_e4m3"', 'write `kv_cache_dtype = "auto"`'),
        ("RTX 3090", V11, ', kv-cache-dtype = "fp8_e5m2"', ""),
        ("RTX 4090", V11, FP8_CACHE, ""),
        ("RTX 3090", "vllm/vllm-openai:v0.10.2", FP8_CACHE, ""),
        ("RTX 3090", "vllm/vllm-openai:v0.11.1", FP8_CACHE, ""),
        ("T4", "vllm/vllm-openai:v0.23.0", FP8_CACHE, ""),
        ("T4", "vllm/vllm-openai:v0.24.0", FP8_CACHE, 'write `kv-cache-dtype = "auto"`'),
        ("RTX 3090", NEW, FP8_CACHE, ""),
        ("RTX 3090", NEW, f'{FP8_CACHE}, attention-backend = "TRITON_ATTN"', 'write `kv-cache-dtype = "auto"`'),
        ("RTX 4090", NEW, f'{FP8_CACHE}, attention-backend = "FLASH_ATTN"', 'write `kv-cache-dtype = "auto"`'),
        ("H100", NEW, f'{FP8_CACHE}, attention-backend = "FLASH_ATTN"', ""),
        ("RTX 4090", NEW, f'{FP8_CACHE}, attention-backend = "FLASHINFER"', ""),
        ("T4", NEW, ', attention-backend = "FLASHINFER"', "remove it: the release chooses a backend for the GPU"),
        ("T4", V14, ', attention-backend = "FLASHINFER"', ""),
        ("T4", V14, ', attention-backend = "FLASH_ATTN"', "remove it: the release chooses a backend for the GPU"),
        ("T4", NEW, ', attention-backend = "TRITON_ATTN"', ""),
        (
            "A100 80GB",
            NEW,
            ', attention-backend = "CUTLASS_MLA"',
            "remove it: the release chooses a backend for the GPU",
        ),
        ("RTX 4090", NEW, ', attention-backend = "FLASHMLA"', "remove it: the release chooses a backend for the GPU"),
        ("B200", NEW, ', attention-backend = "CUTLASS_MLA"', ""),
        ("H100", NEW, ', attention-backend = "FLASHMLA"', ""),
    ],
)
def test_attention_for_another_generation(card: str, image: str, more: str, instead: str) -> None:
    helps = [item[2] for item in found(served(f'card = "{card}"', image, more)) if item[0].startswith("attention-for")]
    assert helps == ([instead] if instead else [])


def test_a_backend_of_the_environment_reads_fp8_on_older_gpus() -> None:
    toml = served('card = "RTX 3090"', V11, FP8_CACHE)
    chosen = toml.replace("args =", 'env = { VLLM_ATTENTION_BACKEND = "FLASHINFER" }\nargs =')
    assert [item[0] for item in found(chosen) if item[0].startswith("attention-for")] == []


@pytest.mark.parametrize(
    ("card", "image", "backend", "needed"),
    [
        ("T4", "vllm/vllm-openai:v0.12.0", "FLASH_ATTN", "8.0"),
        ("T4", "vllm/vllm-openai:v0.15.0", "FLASH_ATTN", ""),
        ("T4", V11, "FLASH_ATTN", "8.0"),
        ("T4", "vllm/vllm-openai:v0.10.0", "FLASH_ATTN", ""),
        ("A100 80GB", "vllm/vllm-openai:v0.11.1", "CUTLASS_MLA", "10.x"),
        ("RTX 4090", V14, "FLASHMLA", "9.x or 10.x"),
        ("H100", V14, "FLASHMLA", ""),
    ],
)
def test_a_backend_of_the_environment(card: str, image: str, backend: str, needed: str) -> None:
    toml = served(f'card = "{card}"', image).replace(
        "args =", f'env = {{ VLLM_ATTENTION_BACKEND = "{backend}" }}\nargs ='
    )
    messages = [item[1] for item in found(toml) if item[0] == "attention-for-other-cards"]
    assert [message.partition("which needs compute capability ")[2] for message in messages] == (
        [needed] if needed else []
    )


def of_sglang(card: str, args: str) -> str:
    toml = served(f'card = "{card}"', "lmsysorg/sglang:v0.5.9").replace("engines.vllm", "engines.sglang")
    return toml.replace("[models.a]", '[models.a]\nengine = "sglang"').replace("max-model-len = 8", args)


@pytest.mark.parametrize(
    ("backend", "card", "is_fine"),
    [
        ("fa3", "T4", False),
        ("fa3", "RTX 3090", True),
        ("fa3", "H100", True),
        ("fa3", "B200", False),
        ("trtllm_mla", "H100", False),
        ("trtllm_mla", "B200", True),
        ("trtllm_mla", "RTX 5090", True),
        ("trtllm_mha", "RTX 5090", False),
        ("triton", "T4", True),
    ],
)
def test_attention_of_sglang(backend: str, card: str, is_fine: bool) -> None:  # noqa: FBT001
    rules = [item[0] for item in found(of_sglang(card, f'attention-backend = "{backend}"'))]
    assert ("attention-for-other-cards" not in rules) == is_fine


@pytest.mark.parametrize(("card", "is_fine"), [("T4", False), ("RTX 3090", True)])
def test_checkpoints_of_sglang(card: str, is_fine: bool) -> None:  # noqa: FBT001
    lock = LOCK.format(config='{"quantization_config": {"quant_method": "fp8"}}')
    rules = [item[0] for item in found(of_sglang(card, "context-length = 8"), lock)]
    assert ("checkpoint-for-other-cards" not in rules) == is_fine
    assert "flag-for-other-generation" not in [
        item[0] for item in found(of_sglang(card, 'context-length = 8, dtype = "bfloat16"'))
    ]


@pytest.mark.parametrize(
    ("card", "value", "is_fine"),
    [
        ("RTX 3090", "3", False),
        ("RTX 4090", "3", False),
        ("RTX 5090", "3", False),
        ("T4", "3", False),
        ("A100 80GB", "3", True),
        ("H100", "3", True),
        ("B200", "3", True),
        ("RTX 3090", "2", True),
    ],
)
def test_versions_of_flash_attention(card: str, value: str, is_fine: bool) -> None:  # noqa: FBT001
    toml = served(f'card = "{card}"', V11).replace("args =", f'env = {{ VLLM_FLASH_ATTN_VERSION = "{value}" }}\nargs =')
    messages = [item[2] for item in found(toml) if item[0] == "attention-for-other-cards"]
    assert messages == ([] if is_fine else ["remove it: the release chooses a version for the GPU"])


def test_latent_attention_has_backends_of_its_own() -> None:
    toml = served('card = "T4"', NEW, FP8_CACHE)
    assert [
        item[0] for item in found(toml, LOCK.format(config='{"kv_lora_rank": 512}')) if "attention" in item[0]
    ] == []


def scheme(weights: str, inputs: str = "null") -> str:
    group = f'{{"weights": {weights}, "input_activations": {inputs}}}'
    return f'{{"quantization_config": {{"quant_method": "compressed-tensors", "config_groups": {{"g": {group}}}}}}}'


def quark(weight: str, activation: str = "", exclude: str = "lm_head") -> str:
    types = {"weight": {"dtype": weight}, "input_tensors": {"dtype": activation} if activation else None}
    return json.dumps(
        {"quantization_config": {"quant_method": "quark", "global_quant_config": types, "exclude": [exclude]}}
    )


@pytest.mark.parametrize(("image", "is_fine"), [("v0.19.0", False), ("v0.33.0", True)])
def test_weights_alone_in_4_bits_of_quark(image: str, *, is_fine: bool) -> None:
    toml = served('card = "RTX 4090"', f"vllm/vllm-openai:{image}")
    rules = [item[0] for item in found(toml, LOCK.format(config=quark("uint4")))]
    assert ("checkpoint-for-other-cards" not in rules) == is_fine


def method(text: str) -> str:
    return f'{{"quantization_config": {text}}}'


FP8, INT8, INT4, FP4 = (
    f'{{"type": "{kind}", "num_bits": {bits}}}' for kind, bits in (("float", 8), ("int", 8), ("int", 4), ("float", 4))
)


@pytest.mark.parametrize(
    ("card", "image", "config", "needed"),
    [
        ("T4", V11, FP8_DYNAMIC, "8.0"),
        ("T4", NEW, FP8_DYNAMIC, ""),
        ("RTX 3090", V11, FP8_DYNAMIC, ""),
        ("T4", V11, scheme(INT4), "8.0"),
        ("T4", "vllm/vllm-openai:v0.12.0", scheme(INT4), ""),
        ("T4", V11, scheme(INT8, INT8), ""),
        ("A100 80GB", V11, scheme(INT4, FP8), "9.0"),
        ("T4", V11, scheme(FP4, FP4), "8.0"),
        ("T4", V11, method('{"quant_method": "fp8"}'), "8.0"),
        ("RTX 3090", "vllm/vllm-openai:v0.19.0", quark("fp8_e4m3", "fp8_e4m3"), "8.9"),
        ("RTX 4090", "vllm/vllm-openai:v0.19.0", quark("fp8_e4m3", "fp8_e4m3"), ""),
        ("RTX 3090", "vllm/vllm-openai:v0.19.0", quark("fp8_e4m3", "fp8_e4m3", "self_attn.q_proj"), ""),
        ("T4", V14, method('{"quant_method": "fp8"}'), ""),
        ("T4", NEW, method('{"quant_method": "mxfp4"}'), "8.0"),
        ("T4", V11, method('{"quant_method": "awq"}'), ""),
        ("T4", V11, method('{"quant_method": "gptq"}'), ""),
        ("RTX 3090", V11, method('{"quant_method": "modelopt", "quant_algo": "FP8"}'), "8.9"),
        ("RTX 3090", V11, method('{"quant_method": "modelopt", "quant_algo": "NVFP4"}'), ""),
        ("RTX 3090", V11, method('{"quant_method": "modelopt", "quant_algo": "OTHER"}'), ""),
        ("T4", V11, method('{"quant_method": 3}'), ""),
        ("T4", V11, method('{"quant_method": "compressed-tensors", "config_groups": [1]}'), ""),
        ("T4", V11, '{"text_config": {"quantization_config": {"quant_method": "fp8"}}}', "8.0"),
        ("T4", V11, "{}", ""),
    ],
)
def test_checkpoints_for_another_generation(card: str, image: str, config: str, needed: str) -> None:
    toml = served(f'card = "{card}"', image)
    messages = [item[1] for item in found(toml, LOCK.format(config=config)) if "checkpoint-for" in item[0]]
    assert len(messages) == bool(needed)
    assert all(f"which needs compute capability {needed} in vLLM 0." in message for message in messages)


@pytest.mark.parametrize(
    ("card", "image", "config", "is_fine"),
    [
        ("RTX 5090", V11, scheme(INT8, INT8), False),
        ("RTX 5090", "vllm/vllm-openai:v0.19.0", scheme(INT8, INT8), False),
        ("RTX 5090", "vllm/vllm-openai:v0.10.2", scheme(INT8, INT8), True),
        ("RTX 5090", NEW, scheme(INT8), True),
        ("RTX 5090", NEW, scheme(FP8, FP8), True),
        ("RTX 4090", NEW, scheme(INT8, INT8), True),
    ],
)
def test_integers_on_newer_gpus(card: str, image: str, config: str, is_fine: bool) -> None:  # noqa: FBT001
    toml = served(f'card = "{card}"', image)
    lock = LOCK.format(config=config)
    assert ("checkpoint-for-other-cards" not in [item[0] for item in found(toml, lock)]) == is_fine
    disabled = toml.replace("args =", 'env = { VLLM_DISABLED_KERNELS = "CutlassInt8ScaledMMLinearKernel" }\nargs =')
    assert "checkpoint-for-other-cards" not in [item[0] for item in found(disabled, lock)]


def test_the_checkpoint_of_a_t4() -> None:
    """H3: finding, place and help; the next card and the next release are silent."""
    toml = served('card = "T4"', V11)
    (item,) = [item for item in findings(toml, LOCK.format(config=FP8_DYNAMIC)) if item.code == "MG517"]
    needs = "which needs compute capability 8.0 in vLLM 0.11.0; T4 (7.5) is older"
    assert item.message == f"a/b is quantized as FP8, {needs}"
    instead = "or use a checkpoint in another format, such as AWQ"
    assert item.help == f'write `image = "{NEW}"`, whose release supports it, {instead}'
    assert toml.splitlines()[item.span.line - 1] == 'repo = "a/b"'


def test_what_is_offloaded_is_a_part_of_one_memory() -> None:
    more = ", cpu-offload-gb = 30"
    ((rule, message, _),) = found(served('card = "GB10"', NEW, more) + SPARK)
    assert rule == "host-memory"
    assert (
        message == "`a` keeps 30 GiB in host memory and reserves 107.1 GiB of the same memory, but the host has 119 GiB"
    )
    assert found(served('card = "GB10"\nlimit = 0.5', NEW, more) + SPARK) == []


def pair(first: str, second: str, more: str = "") -> list[str]:
    """Return the infos about a model on two cards."""
    toml = complete(
        f'[gpus.g]\ncard = "{first}"\ndevice = "GPU-1"\n[gpus.h]\ncard = "{second}"\ndevice = "GPU-2"\n'
        f'[models.a]\nrepo = "a/b"\ngpus = ["g", "h"]\nargs = {{ max-model-len = 8, {more} }}\n'
    )
    return [item.rule for item in findings(toml)]


SPLIT = "tensor-parallel-size = 2"


def test_cards_that_are_split_over() -> None:
    assert pair("RTX 3090", "RTX A5000", SPLIT) == ["unequal-cards"]
    assert pair("RTX 3090", "RTX 3090", SPLIT) == []
    by_age = gpu('card = "RTX 5090"\ndevice = "0"', '[gpus.h]\ncard = "RTX 4090"\ndevice = "1"\n').replace(
        "5090", "3090"
    )
    split = MODEL.replace('"gpu0"', '"gpu0", "h"').replace("= 8", f"= 8, {SPLIT}")
    [message] = [one.message for one in findings(by_age + split) if one.rule == "unequal-cards"]
    assert "so RTX 3090 limits all of them" in message
    assert "index-of-unequal-cards" in [one.rule for one in findings(by_age + MODEL)]
    assert pair("RTX 3090", "A40", "pipeline-parallel-size = 2") == []
    assert pair("RTX 4090", "RTX 4090", SPLIT) == ["cards-without-peers"]
    alone = served('card = "RTX 4090"', V11, f", {SPLIT}")
    assert "cards-without-peers" not in [item.rule for item in findings(alone)]
    assert pair("RTX 5090", "RTX 5090", f"{SPLIT}, disable-custom-all-reduce = true") == []
    assert pair("RTX 4000 Ada", "RTX 4000 Ada", SPLIT) == []


JETSON = """[host]
arch = "arm64"
[gpus.orin]
card = "Jetson Orin Nano 8GB"
device = "0"
[engines.vllm]
image = "ghcr.io/nvidia-ai-iot/vllm:r36.4-tegra-aarch64-cu126-22.04"
version = "0.19.0"
[models.m]
repo = "Qwen/Qwen3-1.7B"
gpus = ["orin"]
args = { max-model-len = 4096 }
"""


def test_a_jetson_gets_its_gpu_by_the_runtime() -> None:
    """H12: a runtime by hand names `card`, which makes it; the right value is silent."""
    by_hand = complete(JETSON + 'compose = { runtime = "nvidia" }\n')
    [(rule, _, help_)] = found(by_hand)
    assert rule == "owned-compose-key"
    assert "the GPUs choose the runtime" in help_
    assert found(complete(JETSON)) == []
    assert found(complete(JETSON.replace('arch = "arm64"', 'arch = "arm64"\ndriver = "540.4.0"'))) == []
    text = build(complete(JETSON))["docker-compose.yml"]
    assert 'runtime: "nvidia"' in text
    assert 'NVIDIA_VISIBLE_DEVICES: "all"' in text
    assert "driver: nvidia" not in text
    reserved = build(complete(JETSON.replace('card = "Jetson Orin Nano 8GB"', 'memory = "7GiB"')))["docker-compose.yml"]
    assert "driver: nvidia" in reserved
    assert 'runtime: "nvidia"' not in reserved


@pytest.mark.parametrize(
    ("card", "image", "is_fine"),
    [
        ("Jetson AGX Orin 64GB", "vllm/vllm-openai:v0.33.0", False),
        ("Jetson AGX Xavier 32GB", "vllm/vllm-openai:v0.11.0", False),
        ("Jetson AGX Orin 64GB", "vllm/vllm-openai:v0.11.0", False),
        ("Jetson AGX Thor", "vllm/vllm-openai:v0.33.0", True),
        ("GB10", "vllm/vllm-openai:v0.33.0", True),
        ("RTX 3090", "vllm/vllm-openai:v0.33.0", True),
    ],
)
def test_an_image_for_servers_on_a_jetson(card: str, image: str, is_fine: bool) -> None:  # noqa: FBT001
    rules = [item[0] for item in found(served(f'card = "{card}"', image))]
    assert ("image-for-servers" not in rules) == is_fine


@pytest.mark.parametrize(
    ("lines", "help_"),
    [
        ('memory = "16GiB"\nkind = "intel"', "modelgen does not support GPUs of Intel and Gaudi: remove `[gpus.gpu0]`"),
        ('memory = "96GiB"\nkind = "gaudi"', "modelgen does not support GPUs of Intel and Gaudi"),
        ('card = "Intel Arc A770"', "modelgen does not support GPUs of Intel and Gaudi"),
        ('card = "Gaudi 3"', "modelgen does not support GPUs of Intel and Gaudi"),
        ('memory = "24GiB"\nkind = "cuda"', 'write `kind = "nvidia"`'),
        ('memory = "24GiB"\nkind = "rocm"', 'write `kind = "amd"`'),
        ('memory = "7GiB"\nkind = "jetson"', "write the name of the module as `card`"),
    ],
)
def test_other_kinds_of_gpus_are_refused_in_one_line(lines: str, help_: str) -> None:
    [(_, _, written)] = found(gpu(f'{lines}\ndevice = "0"'))
    assert help_ in written


def test_what_is_written_for_a_gpu_of_intel_compiles() -> None:
    program = (
        '[models.xpu]\nengine = "command"\nimage = "a.example/vllm-xpu:1"\ncommand = ["serve"]\n'
        'compose = { devices = ["/dev/dri/renderD128"] }\n'
    )
    assert found(complete(program)) == []
    assert "/dev/dri/renderD128" in build(complete(program))["docker-compose.yml"]


@pytest.mark.parametrize(
    "card", ['card = "RX 7900 XTX"', 'memory = "24GiB"', 'memory = "24GiB"\ncapability = "gfx1100"']
)
@pytest.mark.parametrize("device", ["/dev/dri/renderD128", "0"])
def test_an_amd_gpu_without_its_kind_is_one_finding(card: str, device: str) -> None:
    if (card, device) == ('memory = "24GiB"', "0"):
        return  # nothing there tells that it is one of AMD
    image = '[engines.vllm]\nimage = "vllm/vllm-openai-rocm:v0.20.0"\n'
    toml = gpu(f'{card}\ndevice = "{device}"\ngroups = [44, 992]', MODEL + image)
    [(_, _, help_)] = found(toml)
    assert help_.startswith('write `kind = "amd"`')
    assert {rule for rule, _, _ in found(toml.replace("groups", 'kind = "amd"\ngroups'))} <= {"bad-device"}


@pytest.mark.parametrize(
    ("card", "is_offered"),
    [("RTX 3090", False), ("RTX 5090", False), ("GTX 1660", False), ("RTX A6000", True), ("L40S", True)],
)
def test_an_older_cuda_is_offered_to_data_center_gpus_only(card: str, *, is_offered: bool) -> None:
    text = (
        f'[host]\ndriver = "570.195.03"\n[gpus.gpu0]\ncard = "{card}"\ndevice = "0"\n'
        '[engines.vllm]\nimage = "vllm/vllm-openai:v0.30.0"\n[models.m]\nrepo = "a/b"\ngpus = ["gpu0"]\n'
        "args = { max-model-len = 8192 }\n"
    )
    [found] = [one for one in findings(complete(text)) if one.code == "MG311"]
    assert ("-cu129" in found.help) == is_offered


def test_the_processor_of_a_gb10_is_known() -> None:
    gb10 = 'card = "GB10"\ndevice = "0"'
    old = MODEL.replace("[models.qwen]", '[models.qwen]\nimage = "vllm/vllm-openai:v0.10.0"')
    assert "wrong-arch" in {rule for rule, _, _ in found(gpu(gb10, old))}
    assert "wrong-arch" not in {rule for rule, _, _ in found(gpu(gb10, MODEL))}
    [help_] = [help_ for rule, _, help_ in found(gpu(gb10, f'[host]\narch = "amd64"\n{MODEL}')) if rule == "wrong-arch"]
    assert help_ == 'write `arch = "arm64"`'


def test_unified_memory_is_one_budget_for_one_model_too() -> None:
    gb10 = 'card = "GB10"\ndevice = "0"'
    both = MODEL.replace('gpus = ["gpu0"]', 'gpus = ["gpu0"]\ngpu_memory = "80GiB"\nhost_memory = "%s"')
    assert "limits-over-host" in {rule for rule, _, _ in found(gpu(gb10, both % "100GiB"))}
    assert "limits-over-host" not in {rule for rule, _, _ in found(gpu(gb10, both % "30GiB"))}


@pytest.mark.parametrize(
    ("card", "version", "config", "needed"),
    [
        ("T4", "0.5.9", method('{"quant_method": "awq"}'), ""),
        ("T4", "0.5.9", method('{"quant_method": "mxfp4"}'), "8.0"),
        ("T4", "0.5.9", scheme(INT4), "8.0"),
        ("RTX 3090", "0.5.9", method('{"quant_method": "modelopt", "quant_algo": "FP8"}'), "8.9"),
        ("H100", "0.5.9", method('{"quant_method": "modelopt", "quant_algo": "NVFP4"}'), "10.0"),
        ("H100", "0.5.13", method('{"quant_method": "modelopt", "quant_algo": "NVFP4"}'), ""),
        ("B200", "0.5.9", method('{"quant_method": "modelopt", "quant_algo": "NVFP4"}'), ""),
        ("H100", "0.5.9", scheme(FP4, FP4), "10.0"),
        ("H100", "0.5.22", scheme(FP4, FP4), ""),
        ("RTX 3090", "0.5.9", scheme(FP8, FP8), ""),
    ],
)
def test_quantizations_of_sglang(card: str, version: str, config: str, needed: str) -> None:
    toml = of_sglang(card, "context-length = 8").replace("v0.5.9", f"v{version}")
    messages = [item[1] for item in found(toml, LOCK.format(config=config)) if "checkpoint-for" in item[0]]
    assert len(messages) == bool(needed)
    assert all(f"which needs compute capability {needed} in SGLang" in message for message in messages)


def test_a_wrong_name_of_several_gpus_is_one_finding() -> None:
    tables = "".join(f'[gpus.g{at}]\ncard = "RTX 30909"\ndevice = "{at}"\n' for at in range(3))
    [one] = [item for item in findings(complete(tables)) if item.rule == "unknown-card"]
    assert one.message == "unknown GPU `RTX 30909`, which `g0`, `g1`, `g2` have"


@pytest.mark.parametrize("device", ['device = "0"', 'device = "/dev/dri/renderD128"\nkind = "intel"'])
def test_an_image_for_intel_is_one_finding(device: str) -> None:
    toml = complete(
        f'[gpus.g]\nmemory = "16GiB"\n{device}\n[models.q]\nimage = "intel/vllm:0.11.1-xpu"\nrepo = "Qwen/Qwen3-4B"\n'
        'gpus = ["g"]\nargs = { max-model-len = 4096 }\n'
    )
    assert len([item for item in findings(toml) if item.severity == "error"]) == 1
