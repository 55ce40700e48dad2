"""List the chat templates that releases of SGLang have by name.

Sources: srt/conversation.py of 0.4.6, and srt/parser/conversation.py of 0.5.9, 0.5.15 and 0.5.23.
"""

from __future__ import annotations

_NAMES = """
    Hermes-2 chatml chatml-llava deepseek-ocr deepseek-vl2 devstral gemma-it gme-qwen2-vl internlm2-chat
    internvl-2-5 internvl2_5 janus-pro kimi-vl llama-2 llama-4 llama_3_vision llava_llama_3 minicpmo minicpmv
    mistral moss-vl neo1_0 paddle-ocr phi-4-mm phi3-chat points-v15-chat qwen2-audio qwen2-vl unlimited-ocr
    vicuna_v1.1 whisper
"""
TEMPLATES = tuple(_NAMES.split())
