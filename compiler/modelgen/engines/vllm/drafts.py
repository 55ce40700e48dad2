"""Know what tables in flags take by release: `--speculative-config`, and `--compilation-config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.catalogues.names import Names
from modelgen.engines.facts import Drafts
from modelgen.engines.vllm.repositories import DRAFT, draft_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

TABLES = Names("vllm_tables.json", 2)
_CHECKED_SINCE = (0, 12)
_COMPILATION_SINCE = (0, 13)
# The first release whose class validates its Literal (pydantic's dataclass).
_METHODS_SINCE = (0, 9, 2)
_WITHOUT_WEIGHTS = ("ngram", "[ngram]")
_WITH_WEIGHTS = ("draft_model", "eagle", "eagle3", "medusa", "mlp_speculator")
# Families for which `hf_config_override` makes no draft of the model's own layers (0.11.0 to 0.33.0). Families that are
# not here may have such layers.
_WITHOUT_LAYERS = frozenset(
    {"gemma2", "gemma3", "gemma3_text", "gpt_oss", "granite", "llama", "mistral", "mixtral", "olmo2", "phi3", "phimoe"}
    | {"qwen2", "qwen2_5_vl", "qwen2_moe", "qwen2_vl", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_vl_moe", "starcoder2"}
)
# The keys with the number of such layers, in the order of the sources.
_LAYERS = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules", "num_mtp_layers")
_FAMILIAR = {
    **dict.fromkeys(("num_spec_tokens", "num_draft_tokens", "spec_tokens", "draft_max", "k"), "num_speculative_tokens"),
    **dict.fromkeys(("draft", "draft_model", "speculative_model", "spec_model"), "model"),
    **dict.fromkeys(("type", "algorithm", "speculative_method"), "method"),
}


def unknown_name(version: Version, name: str, *, is_method: bool) -> tuple[str, frozenset[str]] | None:
    """Return since or until when releases know a key or a method, and those that this release knows.

    None for one that it knows, or may know.
    """
    kind, text = ("methods", name) if is_method else ("keys", name.replace("-", "_"))
    known = TABLES.known(kind, version)
    is_open = known is None or (is_method and (version.release < _METHODS_SINCE or name in _WITHOUT_WEIGHTS))
    if is_open or known is None or text in known:
        return None
    return TABLES.life(kind, text, version), known


def missing_key(version: Version | None, args: Mapping[str, Any]) -> str:
    """Return the key that a speculative config lacks, so that vLLM stops at its start; empty if it lacks none.

    From `SpeculativeConfig.__post_init__` and `_verify_args` (vllm/config/speculative.py, 0.12.0 and 0.32.0).
    """
    draft = draft_of(args)
    method, model = draft.get("method"), draft.get("model")
    if not draft or version is None or version.release < _CHECKED_SINCE:
        return ""
    if method in _WITHOUT_WEIGHTS or (method is None and model in _WITHOUT_WEIGHTS):
        return "" if "num_speculative_tokens" in draft else "num_speculative_tokens"
    return "model" if method in _WITH_WEIGHTS and model is None else ""


def lacks_layers(args: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a speculative config needs the model's own layers for it (MTP), and the model has none."""
    draft = draft_of(args)
    method = draft.get("method")
    if not isinstance(method, str) or not (method == "mtp" or method.endswith("_mtp")) or draft.get("model"):
        return False
    text = config.get("text_config")
    tables = [config, text] if isinstance(text, dict) else [config]
    counts = [table[key] for table in tables for key in _LAYERS if key in table]
    if counts:
        return not any(counts)
    return config.get("model_type") in _WITHOUT_LAYERS


def unknown_compilation_key(version: Version, key: str) -> tuple[str, frozenset[str]] | None:
    """Return since or until when releases know a key, and those that this release knows; None for a known one.

    CompilationConfig refuses other keys since 0.13 ("Unexpected keyword argument"); before, they have no effect.
    """
    text = key.replace("-", "_")
    known = TABLES.known("compilation", version) if version.release >= _COMPILATION_SINCE else None
    return None if known is None or text in known else (TABLES.life("compilation", text, version), known)


DRAFTS = Drafts(DRAFT, "model", "method", _FAMILIAR, unknown_name, missing_key, lacks_layers)
