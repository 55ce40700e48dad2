"""Group the paths of the engines' APIs that clients may call.

Each engine lists its own in `Engine.routes`: only paths that take a model's name in the body and answer with tokens,
vectors or scores. All other paths stay closed. The development routes of vLLM and SGLang load adapters and weights,
put the engine to sleep, and run code on its workers.
"""

from __future__ import annotations

OPENAI = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")
TRANSCRIPTIONS = "/v1/audio/transcriptions"
AUDIO = (TRANSCRIPTIONS, "/v1/audio/translations")
ANTHROPIC = ("/v1/messages", "/v1/messages/count_tokens")
RERANK = ("/rerank", "/v1/rerank")
TOKENS = ("/tokenize", "/detokenize")
