"""Check the files of a tokenizer, by its class."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.hub.loading.findings import REPOSITORY, Defect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

FAST, SETTINGS = "tokenizer.json", "tokenizer_config.json"
_MISTRAL = ("tekken.json", "tokenizer.model.v*", "tokenizer.model", "tokenizer.mm.model.v*")
_PAIRS = ("vocab.json", "merges.txt")
_WORDS = ("vocab.txt",)
_PIECES = (
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "source.spm",
    "*.vocab",
    "*.tiktoken",
    "tiktoken.model",
)
# The files of transformers' slow tokenizers (vocab_files_names), by the class without "Tokenizer".
_BY_CLASS = (
    (r"(GPT2|Qwen2|Qwen3|Roberta|Bart|Longformer|CLIP|Codegen|Whisper|Blenderbot|Led|GPTNeo.*)", _PAIRS),
    (r"(Bert|DistilBert|MPNet|Electra|MobileBert|LayoutLM.*|Funnel|Lxmert|Splinter)", _WORDS),
    (
        r"(Llama|CodeLlama|T5|MT5|XLMRoberta|Camembert|Gemma|Albert|DebertaV2|MBart.*|Pegasus|BigBird|XLNet|Rembert)",
        _PIECES,
    ),
)
_HELP = "set `{flag}` in the model's `args` to a repository that has one"


def missing_tokenizer(plan: Plan, files: Files, config: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield a defect for each missing file of the tokenizer.

    Args:
        plan: The plan of the model.
        files: The snapshot that has the tokenizer.
        config: The model's config.json.
    """
    flag = plan.opens.tokenizer_flag
    otherwise = _HELP.format(flag=flag) if flag else ""
    mode = plan.text("tokenizer-mode")
    if mode == "mistral":
        if not any(files.matching(pattern) for pattern in _MISTRAL):
            yield Defect("tokenizer", _MISTRAL[0], "is missing, and so is tokenizer.model", otherwise)
        return
    settings = files.table(SETTINGS)
    if SETTINGS in files and not isinstance(files.json(SETTINGS), dict):
        yield Defect("tokenizer", SETTINGS, "is not JSON, or not a table", keys=REPOSITORY)
    if FAST in files and mode != "slow":
        if not isinstance(files.json(FAST), dict):
            yield Defect("tokenizer", FAST, "is not JSON, or not a table", keys=REPOSITORY)
        return
    if plan.opens.fast_tokenizer:
        yield Defect("tokenizer", FAST, f"is missing: {plan.title} reads no other form of a tokenizer")
        return
    if _is_custom(settings, plan):
        return  # its own code determines the files
    if mode == "auto" and config.get("model_type") is None and any(files.matching(name) for name in _MISTRAL):
        return
    yield from _missing_by_class(files, _class(settings, config), otherwise, slow=mode == "slow")


def _is_custom(settings: Mapping[str, Any], plan: Plan) -> bool:
    written = settings.get("auto_map")
    return plan.trust_remote_code and isinstance(written, dict) and "AutoTokenizer" in written


def _class(settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    name = settings.get("tokenizer_class") or config.get("tokenizer_class")
    return re.sub(r"Tokenizer(Fast)?$", "", name) if isinstance(name, str) else ""


def _missing_by_class(files: Files, name: str, otherwise: str, *, slow: bool) -> Iterator[Defect]:
    needed = next((paths for pattern, paths in _BY_CLASS if re.fullmatch(pattern, name, re.IGNORECASE)), None)
    kind = f" ({name}Tokenizer)" if needed else ""
    if needed == _PAIRS:
        lost = [path for path in _PAIRS if path not in files]
    elif needed is not None:
        lost = [] if any(files.matching(path) for path in needed) else [needed[0]]
    else:
        has_pair = all(path in files for path in _PAIRS)
        lost = [] if has_pair or any(files.matching(path) for path in (*_WORDS, *_PIECES)) else ["*.model"]
    if not lost:
        return
    if slow:
        yield Defect("tokenizer", lost[0], f"is missing: a slow tokenizer{kind} reads it", otherwise)
    elif lost == ["*.model"]:
        yield Defect("tokenizer", FAST, "is missing, and so is every other form of a tokenizer", otherwise)
    else:
        yield Defect("tokenizer", FAST, f"is missing, and so is {' and '.join(lost)}{kind}", otherwise)
