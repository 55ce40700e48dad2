"""What `modelgen lock` records of GGUF files, from their headers alone."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from gguf_files import gguf
from lock_project import Project
from modelgen.hub.snapshot.gguf import BadGgufError, read_header
from modelgen.hub.snapshot.gguf_facts import gguf_facts
from modelgen.lockfile.entries import GgufFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub_double import Hub

METADATA = (
    ("general.architecture", "gemma3"),
    ("general.file_type", 15),
    ("gemma3.block_count", 2),
    ("gemma3.attention.head_count_kv", [4, 4]),
    ("gemma3.attention.sliding_window_pattern", [True, False]),
    ("gemma3.rope.freq_base", 0.5),
    ("gemma3.rope.scaling.type", "yarn"),
    ("other.block_count", 7),
    ("tokenizer.ggml.tokens", ["a", "b", "c"]),
    ("tokenizer.chat_template", "{{ x }}"),
)
TENSORS = {
    "token_embd.weight": 3200,
    "blk.0.attn_q.weight": 320,
    "blk.0.ffn_up_exps.weight": 6400,
    "blk.1.attn_q.weight": 640,
    "output_norm.weight": 32,
}
FILE = gguf(*METADATA, tensors=TENSORS)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda start, stop: data[start:stop]


def facts(*files: bytes) -> GgufFacts:
    """Return the facts about a file, or about the parts of a split one."""
    paths = [f"m-{number:05}-of-{len(files):05}.gguf" for number in range(1, len(files) + 1)]
    (found,) = gguf_facts({path: read_header(reader(data), len(data)) for path, data in zip(paths, files, strict=True)})
    return found


def validate(project: Project) -> str:
    done = modelgen("validate", cwd=project.folder, env=project.environment)
    return done.stdout + done.stderr


def test_the_facts_of_a_header() -> None:
    assert facts(FILE) == GgufFacts(
        path="m-00001-of-00001.gguf",
        architecture="gemma3",
        file_type=15,
        vocabulary=3,
        chat_template_sha256=hashlib.sha256(b"{{ x }}").hexdigest(),
        values={
            "block_count": 2,
            "attention.head_count_kv": 4,
            "attention.sliding_window_pattern": [1, 0],
            "rope.freq_base": 0.5,
            "rope.scaling.type": "yarn",
        },
        layers=[6720, 640],
        experts=[6400],
        input=3200,
        output=32,
        tied=True,
    )


def test_the_tensors_of_a_split_file_are_in_all_of_its_parts() -> None:
    parts = gguf(*METADATA, tensors={"token_embd.weight": 64}), gguf(tensors={"blk.0.a": 32, "output.weight": 96})
    found = facts(*parts)
    assert (found.architecture, found.layers, found.input, found.output, found.tied) == ("gemma3", [32], 64, 96, False)


def test_a_lock_has_them_and_an_older_one_gets_them(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", {"m-Q4_K_M.gguf": FILE + bytes(2**21), "m-Q8_0.gguf": FILE})
    image = 'image = "ghcr.io/ggml-org/llama.cpp:server-b6500"'
    table = f'[models.m]\nengine = "llamacpp"\n{image}\nrepo = "org/gguf"\nargs = {{ c = 8 }}\n'
    project = Project(tmp_path, hub, table + 'quant = "Q4_K_M"\n')
    project.lock()
    entry, new = project.entry("org/gguf"), project.path.read_bytes()
    assert entry.gguf is not None
    assert [one.path for one in entry.gguf] == ["m-Q4_K_M.gguf"]
    text = re.sub(r"^(digest = .*|gguf = \[\n(.*\n)*?\])\n", "", new.decode(), flags=re.MULTILINE)
    assert "architecture" not in text
    project.path.write_text(text)
    hub.add("org/gguf", {"README.md": b"newer"})
    assert "MG518 facts-unknown" in validate(project)
    project.lock()
    assert project.path.read_bytes() == new
    assert "MG518" not in validate(project)


def test_only_the_header_is_requested(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", {"m.gguf": FILE + bytes(2**24)})
    image = 'image = "ghcr.io/ggml-org/llama.cpp:server-b6500"'
    table = f'[models.m]\nengine = "llamacpp"\n{image}\nrepo = "org/gguf"\nfile = "m.gguf"\nargs = {{ c = 8 }}\n'
    project = Project(tmp_path, hub, table)
    project.lock()
    ranges = [request.range for request in hub.requests if request.path.endswith("m.gguf")]
    assert ranges == [f"bytes=0-{2**20 - 1}"]


def test_a_file_that_cannot_be_read_is_locked_without_facts(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", {"m.gguf": b"GGUF" + bytes(100)})
    image = 'image = "ghcr.io/ggml-org/llama.cpp:server-b6500"'
    table = f'[models.m]\nengine = "llamacpp"\n{image}\nrepo = "org/gguf"\nfile = "m.gguf"\nargs = {{ c = 8 }}\n'
    project = Project(tmp_path, hub, table)
    project.lock()
    assert project.entry("org/gguf").gguf == [GgufFacts(path="m.gguf")]
    assert "MG518" not in validate(project)


def header(tensors: int, keys: int, rest: bytes = b"") -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", 3, tensors, keys) + rest


KEY = struct.pack("<Q", 1) + b"k"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF",
        FILE[:200],
        struct.pack(">4sIQQ", b"GGUF", 3, 0, 0),
        header(2**60, 0),
        header(0, 2**60),
        header(0, 1, struct.pack("<Q", 2**63)),
        header(0, 1, KEY + struct.pack("<I", 99)),
        header(0, 1, KEY + struct.pack("<IQ", 8, 2**62)),
        header(0, 1, KEY + struct.pack("<IIQ", 9, 8, 2**62)),
        header(0, 1, KEY + struct.pack("<IIQ", 9, 8, 3) + struct.pack("<Q", 2**64 - 1) * 3),
        header(0, 1, KEY + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 9, 1)),
        header(1, 0, KEY + struct.pack("<I", 2**31)),
        header(1, 0, KEY + struct.pack("<IIQ", 0, 0, 2**40)),
        gguf(("general.alignment", 0), tensors={"a": 8}),
    ],
)
def test_a_hostile_header_is_refused_without_reading_much(data: bytes) -> None:
    def read(start: int, stop: int) -> bytes:
        assert stop <= 2**21
        return data[start:stop]

    with pytest.raises(BadGgufError):
        read_header(read, len(data))
    with pytest.raises(BadGgufError):
        read_header(read, 2**40 if len(data) < 100 else len(data))
