"""Write a Qwen3 of random weights in the hub's layout: real vLLM loads and serves it, and answers noise.

Runs inside an image of vLLM, which has all that it imports. usage: tiny_model.py HUB REPO
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np  # type: ignore[import-not-found, unused-ignore]
from safetensors.numpy import save  # type: ignore[import-not-found, unused-ignore]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # type: ignore[import-not-found, unused-ignore]

if TYPE_CHECKING:
    from numpy.typing import NDArray  # type: ignore[import-not-found, unused-ignore]

HIDDEN, HEADS, KV_HEADS, HEAD, INNER, LAYERS = 64, 4, 2, 32, 128, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> Tokenizer:
    """One token a byte, and the special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={symbol: number for number, symbol in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    return made


def config(vocabulary: int, end: int) -> dict[str, object]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "dtype": "float32",
        "eos_token_id": end,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "max_position_embeddings": 32768,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "tie_word_embeddings": True,
        "vocab_size": vocabulary,
    }


def weights(vocabulary: int) -> dict[str, NDArray[np.float32]]:
    """All tensors: norms are ones, the rest small noise, the same in every run."""
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (vocabulary, HIDDEN), "model.norm": (HIDDEN,)}
    for layer in range(LAYERS):
        shapes |= {
            f"model.layers.{layer}.{name}": shape
            for name, shape in {
                "input_layernorm": (HIDDEN,),
                "post_attention_layernorm": (HIDDEN,),
                "self_attn.q_norm": (HEAD,),
                "self_attn.k_norm": (HEAD,),
                "self_attn.q_proj": (HEADS * HEAD, HIDDEN),
                "self_attn.k_proj": (KV_HEADS * HEAD, HIDDEN),
                "self_attn.v_proj": (KV_HEADS * HEAD, HIDDEN),
                "self_attn.o_proj": (HIDDEN, HEADS * HEAD),
                "mlp.gate_proj": (INNER, HIDDEN),
                "mlp.up_proj": (INNER, HIDDEN),
                "mlp.down_proj": (HIDDEN, INNER),
            }.items()
        }
    noise = np.random.default_rng(0)
    return {
        f"{name}.weight": (0.02 * noise.standard_normal(shape) if len(shape) > 1 else np.ones(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def write(hub: Path, repo: str) -> None:
    words = tokenizer()
    size, end = words.get_vocab_size(), words.token_to_id("<|im_end|>")
    files = {
        "config.json": json.dumps(config(size, end)).encode(),
        "tokenizer.json": words.to_str().encode(),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": TEMPLATE}
        ).encode(),
        "model.safetensors": save(weights(size), metadata={"format": "pt"}),
    }
    folder, commit = hub / f"models--{repo.replace('/', '--')}", hashlib.sha1(b"tiny").hexdigest()
    for part in ("blobs", "refs", f"snapshots/{commit}"):
        (folder / part).mkdir(parents=True)
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        (folder / "blobs" / digest).write_bytes(data)
        (folder / "snapshots" / commit / name).symlink_to(f"../../blobs/{digest}")
    (folder / "refs" / "main").write_text(commit)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
