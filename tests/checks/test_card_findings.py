"""Cards by name: what is taken from the name, and what is wrong for a card, with what to write instead."""

from __future__ import annotations

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
        ('card = "RTX 30900"', "unknown-card", "unknown GPU `RTX 30900`", "did you mean `RTX 3090`? Otherwise write"),
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
        ('card = "RTX 3090"\nkind = "amd"', "card-at-odds", "is a GPU of NVIDIA", 'write `kind = "nvidia"`'),
        ('memory = "24GiB"\ncapability = "gfx1100"', "card-at-odds", "is a GPU of AMD", 'write `kind = "amd"`'),
        ('memory = "24GiB"\ncapability = "86"', "bad-value", "no compute capability", ""),
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
