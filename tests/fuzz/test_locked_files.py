"""A file and a lock that has what it needs always come out, from commits; any other lock is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fuzzing  # noqa: F401 - sets how much is tried
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from locks import locks
from outcomes import compile_anything
from toml_plain import dump
from valid_files import valid_files

from compiling import REPOSITORY, check
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from toml_writer import Table

CASES = REPOSITORY / "tests/snapshot/cases"
TOML, LOCK = (CASES / "locked.toml").read_bytes(), (CASES / "locked.lock").read_bytes()
TOKENS = [
    b'"',
    b"[",
    b"]",
    b"=",
    b"\n",
    b"\x00",
    b"\xff",
    b"<<<<<<< ours\n",
    b"../",
    b"/",
    b"\\",
    b"format = 2\n",
    b"1",
]


@st.composite
def locked_files(draw: st.DrawFn) -> tuple[Table, bytes]:
    """Draw a file that asks for more than one without a lock can, and its lock."""
    file = {**draw(valid_files())}
    models = {}
    for name, model in file.get("models", {}).items():
        is_vllm, is_sglang = "engine" not in model, model.get("engine") == "sglang"
        changed = {**model}
        if (is_vllm or is_sglang) and draw(st.booleans()):
            changed["model_arg"] = draw(st.sampled_from(["repo", "path"]))
        if is_vllm and draw(st.booleans()):
            draft = {"model": draw(st.sampled_from(["A/draft", "A/b.C_d", "ngram"])), "num_speculative_tokens": 2}
            changed["args"] = model["args"] | {"tokenizer": "A/tokenizer", "speculative-config": draft}
        if is_sglang and draw(st.booleans()):
            changed["args"] = model["args"] | {"tokenizer-path": "A/tokenizer", "lora-paths": ["x=A/lora", "./y"]}
        if draw(st.booleans()):
            changed.pop("revision", None)
        models[name] = changed
    if models:
        file["models"] = models
    return file, locks(draw, file)


@given(locked_files())
def test_a_file_and_its_lock_come_out(drawn: tuple[Table, bytes]) -> None:
    file, lock = drawn
    compilation = compile_source(dump(file).encode(), lock)
    assert not compilation.failed, check(dump(file), lock.decode())
    services = yaml.load(compilation.artifacts["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]
    for service in [service for name, service in services.items() if name not in ("orchestrator", "socket-proxy")]:
        model = file["models"][service["labels"]["modelgen.model"]]
        if model.get("engine") == "command":
            continue
        folder = f"models--{model['repo'].replace('/', '--')}/snapshots/"
        is_path = model.get("engine") in ("tei", "llamacpp") or model.get("model_arg") == "path"
        assert any(f"{hub(service)}/{folder}" in item for item in service["command"]) == is_path or is_lora(model)
        assert ("--revision" in service["command"]) == (not is_path)
    again = compile_source(dump(file).encode(), lock)
    assert again.artifacts == compilation.artifacts


def is_lora(model: Table) -> bool:
    """Tell whether a model's repository is an adapter of its own too, which is then a path."""
    return model["repo"] == "A/b.C_d" and bool(model.get("loras") or model.get("args", {}).get("speculative-config"))


def hub(service: dict[str, Any]) -> str:
    place: str = service["environment"]["HF_HUB_CACHE"]
    return place


@st.composite
def broken_locks(draw: st.DrawFn) -> bytes:
    """Draw a lock in which pieces are gone, doubled or put in."""
    data = LOCK
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 60)))
        insert = draw(st.sampled_from([b"", data[start:end] * 2, *TOKENS]))
        data = data[:start] + insert + data[end:]
    return data


@given(broken_locks() | st.binary(max_size=100))
@example(b"")
@example(b"\xef\xbb\xbf")
@example(LOCK.replace(b"\n", b"\r\n"))
@example(b"format = " + b"9" * 5000)
@example(b"a = " + b"[" * 5000)
def test_any_lock(lock: bytes) -> None:
    compile_anything(TOML, lock)
