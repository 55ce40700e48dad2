"""Describe models that vLLM serves for their purpose only with a flag, or with packages that its images lack.

Sources: vllm/model_executor/models/config.py (Qwen3ForSequenceClassificationConfig since 0.9.2, Qwen3VL… since
0.14.0); docker/Dockerfile, requirements/*.txt and the calls of `librosa` and `soundfile`, 0.8.5 to 0.24.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.images import ON_DOCKER_HUB

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Image, Version

_OFFICIAL = re.compile(rf"{ON_DOCKER_HUB}vllm/vllm-openai")
# Newer images have torchcodec.
_AUDIO_SINCE = (0, 25)
# Models whose input is audio (docs/models/supported_models.md).
AUDIO = frozenset(
    {"CohereAsrForConditionalGeneration", "FireRedASR2ForConditionalGeneration", "FunASRForConditionalGeneration"}
    | {"GlmAsrForConditionalGeneration", "GraniteSpeechForConditionalGeneration", "Qwen2AudioForConditionalGeneration"}
    | {"Qwen3ASRForConditionalGeneration", "UltravoxModel", "VoxtralForConditionalGeneration"}
    | {"WhisperForConditionalGeneration", "AudioFlamingo3ForConditionalGeneration", "MiDashengLMModel"}
    | {"GraniteSpeechPlusForConditionalGeneration", "KimiAudioForConditionalGeneration", "MossAudioModel"}
    | {"MusicFlamingoForConditionalGeneration"}
)
# Models that take audio beside text and images (docs/models/supported_models.md).
AUDIO_BESIDE_TEXT = frozenset(
    {"Gemma3nForConditionalGeneration", "MiMoV2OmniForCausalLM", "MiniCPMO", "Phi4MMForCausalLM"}
    | {"Phi4MultimodalForCausalLM", "Qwen2_5OmniForConditionalGeneration", "Qwen2_5OmniModel"}
    | {"Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeForConditionalGeneration"}
    | {"Qwen3OmniMoeThinkerForConditionalGeneration"}
)
_SCORING = {
    "Qwen3ForCausalLM": ("Qwen3ForSequenceClassification", (0, 9, 2)),
    "Qwen3VLForConditionalGeneration": ("Qwen3VLForSequenceClassification", (0, 14)),
}


def lacks_audio(version: Version, image: Image) -> bool:
    """Return whether an official image lacks the packages that decode audio: `vllm[audio]`."""
    return _OFFICIAL.fullmatch(image.name) is not None and version.release < _AUDIO_SINCE


def scoring_flag(version: Version | None, architecture: str) -> str:
    """Return the flag with which a reranker that is stored as a generator returns scores; empty if not known."""
    name, since = _SCORING.get(architecture, ("", ()))
    if not name or version is None or version.release < since:
        return ""
    tokens = 'classifier_from_token = ["no", "yes"], is_original_qwen3_reranker = true'
    return f'hf-overrides = {{ architectures = ["{name}"], {tokens} }}'
