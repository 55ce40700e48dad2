"""Ways to break a model in the hub's layout. They need nothing but the standard library."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"


def delete_shard(snapshot: Path) -> None:
    """Split the weights into two shards with an index, and delete the second."""
    second = _split_weights(snapshot)
    second.unlink()


def truncate_shard(snapshot: Path) -> None:
    """Cut the weights to half of their length, as an interrupted download does."""
    data = (snapshot / WEIGHTS).read_bytes()
    _replace(snapshot / WEIGHTS, data[: len(data) // 2])


def forbid_weights(snapshot: Path) -> None:
    """Take away everybody's right to read the weights."""
    (snapshot / WEIGHTS).resolve().chmod(0)


def forbid_config(snapshot: Path) -> None:
    """Take away everybody's right to read config.json."""
    (snapshot / "config.json").resolve().chmod(0)


def corrupt_config(snapshot: Path) -> None:
    """Cut config.json in the middle of its JSON."""
    data = (snapshot / "config.json").read_bytes()
    _replace(snapshot / "config.json", data[: len(data) // 2])


def delete_tokenizer(snapshot: Path) -> None:
    """Delete tokenizer.json."""
    (snapshot / "tokenizer.json").unlink()


def change_config(snapshot: Path, **changes: object) -> None:
    """Change keys of config.json."""
    config = json.loads((snapshot / "config.json").read_bytes())
    _replace(snapshot / "config.json", json.dumps(config | changes).encode())


def leave(snapshot: Path) -> None:
    """Leave the model as it is: the mistake is in models.toml."""


def write_adapter(hub: Path, repo: str) -> None:
    """Write a LoRA adapter that has its configuration and lacks its weights."""
    config = {
        "base_model_name_or_path": "my-org/tiny",
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["q_proj", "v_proj"],
        "task_type": "CAUSAL_LM",
    }
    folder, commit = hub / f"models--{repo.replace('/', '--')}", "a" * 40
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    (snapshot / "adapter_config.json").write_text(json.dumps(config))


def _split_weights(snapshot: Path) -> Path:
    """Replace the weights by two shards with an index; return the second shard."""
    data = (snapshot / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    names = sorted(header)
    shards = {
        "model-00001-of-00002.safetensors": names[: len(names) // 2],
        "model-00002-of-00002.safetensors": names[len(names) // 2 :],
    }
    for shard, members in shards.items():
        (snapshot / shard).write_bytes(_safetensors(header, body, members))
    index = {
        "metadata": {"total_size": len(body)},
        "weight_map": {name: shard for shard, members in shards.items() for name in members},
    }
    (snapshot / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    (snapshot / WEIGHTS).unlink()
    return snapshot / list(shards)[1]


def _safetensors(header: dict[str, Any], body: bytes, names: list[str]) -> bytes:
    kept: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts: list[bytes] = []
    offset = 0
    for name in names:
        begin, end = header[name]["data_offsets"]
        parts.append(body[begin:end])
        kept[name] = {**header[name], "data_offsets": [offset, offset + end - begin]}
        offset += end - begin
    encoded = json.dumps(kept).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + b"".join(parts)


def _replace(link: Path, data: bytes) -> None:
    """Write a file in place of a link, so that its blob stays whole."""
    link.unlink()
    link.write_bytes(data)
