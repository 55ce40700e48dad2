"""Small checkpoints on disk, as training leaves them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hub_on_disk import write

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 40960}


def safetensors(size: int, seed: int = 1) -> bytes:
    """Return a file of safetensors with `size` bytes of tensors."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + pattern(size, seed)


def pattern(size: int, seed: int) -> bytes:
    """Return bytes that tell where they are from."""
    block = bytes((number * 7 + seed) % 251 for number in range(1009))
    return (block * (size // len(block) + 1))[:size]


def checkpoint(folder: Path, *, size: int = 5000, seed: int = 1) -> Path:
    """Write a whole checkpoint of one shard."""
    write(folder / "config.json", json.dumps(CONFIG).encode())
    write(folder / "tokenizer.json", b"{}")
    write(folder / "model.safetensors", safetensors(size, seed))
    return folder


def adapter(folder: Path, base: str, rank: int = 24) -> Path:
    """Write a LoRA adapter."""
    config = {"peft_type": "LORA", "base_model_name_or_path": base, "r": rank}
    write(folder / "adapter_config.json", json.dumps(config).encode())
    write(folder / "adapter_model.safetensors", safetensors(500))
    return folder
