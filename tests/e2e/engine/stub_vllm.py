"""Functions of vLLM 0.11.0 that look something up at its start, by the real huggingface_hub and without torch.

In the image, `vllm.transformers_utils.config` and others take their functions from here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, snapshot_download


def _table(model: str, file: str, revision: str | None) -> dict[str, Any]:
    path = Path(model, file) if Path(model).is_absolute() else Path(hf_hub_download(model, file, revision=revision))
    table: dict[str, Any] = json.loads(path.read_text())
    return table


def _run(reference: str, model: str, revision: str | None) -> None:
    """Run the code that `auto_map` names, of another repository at its `main`."""
    repo, separator, name = reference.rpartition("--")
    file = f"{name.partition('.')[0]}.py"
    path = hf_hub_download(repo or model, file, revision=None if separator else revision)
    exec(compile(Path(path).read_text(), path, "exec"), {"__name__": "code"})


def get_config(
    model: str,
    trust_remote_code: object,
    revision: str | None = None,
    code_revision: str | None = None,
) -> dict[str, Any]:
    config = _table(model, "config.json", revision)
    if trust_remote_code and (reference := config.get("auto_map", {}).get("AutoConfig")):
        _run(reference, model, revision if "--" not in reference else code_revision)
    return config


class Tokenizer:
    """As many tokens as its file has."""

    def __init__(self, model: str, revision: str | None) -> None:
        self.all_special_ids: list[int] = []
        self.chat_template = _table(model, "tokenizer_config.json", revision).get("chat_template")
        self.vocabulary = _table(model, "tokenizer.json", revision)["model"]["vocab"]

    def __len__(self) -> int:
        return len(self.vocabulary)


def get_tokenizer(
    tokenizer_name: str, *, tokenizer_mode: str, trust_remote_code: bool, revision: str | None = None
) -> Tokenizer:
    assert tokenizer_mode == "auto"
    found = _table(tokenizer_name, "tokenizer_config.json", revision).get("auto_map", {}).get("AutoTokenizer")
    if trust_remote_code and found:
        _run(found[0], tokenizer_name, revision)
    return Tokenizer(tokenizer_name, revision)


@dataclass
class LoadConfig:
    load_format: str = "auto"


class Loader:
    """The default loader, as far as it lists files."""

    def __init__(self, config: LoadConfig) -> None:
        self.pattern = "consolidated*.safetensors" if config.load_format == "mistral" else "*.safetensors"

    def _prepare_weights(
        self,
        model_name_or_path: str,
        revision: str | None,
        fall_back_to_pt: object,
        allow_patterns_overrides: object,
    ) -> list[Path]:
        del fall_back_to_pt, allow_patterns_overrides
        folder = Path(snapshot_download(model_name_or_path, revision=revision, allow_patterns=[self.pattern]))
        found = [path for path in folder.iterdir() if fnmatchcase(path.name, self.pattern)]
        if not found:
            raise RuntimeError(f"Cannot find any model weights with `{model_name_or_path}`")
        return found


def get_model_loader(config: LoadConfig) -> Loader:
    return Loader(config)
