"""How reserved memory becomes SGLang's own share, by release, and how the output shows it.

The expected values are those of the releases' own code (`_handle_gpu_memory_settings` of 0.5.4 to 0.5.12 was run for
these GPUs and flags; the others were computed from their source).
"""

from __future__ import annotations

import re

import pytest
import yaml

from compiling import build, complete, findings

SETUP = """
[gpus.gpu0]
memory = "{memory}GiB"
device = "0"
limit = 1.0
[engines.sglang]
image = "lmsysorg/sglang:v{version}"
[models.m]
engine = "sglang"
repo = "a/b"
revision = "0c38a4e9d1c4a8d0ec23b2f5e3a10a1a62c2c1b4"
gpus = ["gpu0"]
gpu_memory = {claim}
args = {{ context-length = 8{args} }}
[rules]
tight-limit = "off"
"""


def share(version: str, memory: int, args: str = "", claim: str = "1.0") -> tuple[float, str]:
    """Return the share on the command line, and the comment above it."""
    toml = SETUP.format(version=version, memory=memory, args=f", {args}" if args else "", claim=claim)
    text = build(complete(toml))["docker-compose.yml"]
    command = yaml.load(text, Loader=yaml.CSafeLoader)["services"]["sglang-m"]["command"]
    return float(command[command.index("--mem-fraction-static") + 1]), text


@pytest.mark.parametrize(
    ("version", "memory", "args", "expected"),
    [
        ("0.4.6.post5", 24, "", 0.88),
        ("0.5.2", 24, "", 0.879),
        ("0.5.4", 24, "", 0.848),
        ("0.5.9", 24, "", 0.847),
        ("0.5.9", 24, 'speculative-algorithm = "EAGLE"', 0.764),
        ("0.5.10", 24, 'speculative-algorithm = "EAGLE"', 0.667),
        ("0.5.10", 24, "", 0.833),
        ("0.5.9", 24, "chunked-prefill-size = 4096", 0.722),
        ("0.5.9", 80, "", 0.836),
        ("0.5.23", 24, "", 0.704),
        ("0.5.23", 24, "max-running-requests = 8", 0.707),
    ],
)
def test_the_whole_card_is_used_as_the_release_would_itself(
    version: str, memory: int, args: str, expected: float
) -> None:
    assert share(version, memory, args)[0] == pytest.approx(expected, abs=0.0006)


def test_the_arithmetic_is_a_comment() -> None:
    used, text = share("0.5.9", 24, claim='"14GiB"')
    [said] = re.findall(r"# SGLang 0.5.9: .*", text)
    assert "(14 GiB reserved - 3.67 GiB that 0.5.9 sets aside for activations and CUDA graphs) / 24 GiB" in said
    assert f"--mem-fraction-static {used} = " in said


def test_a_written_share_is_passed_as_it_is() -> None:
    used, text = share("0.5.9", 24, "mem-fraction-static = 0.92")
    assert used == 0.92
    assert text.count("mem-fraction-static") == 1
    written = SETUP.format(version="0.5.9", memory=24, args=", mem-fraction-static = 0.92", claim="0.95")
    assert findings(complete(written)) == []
