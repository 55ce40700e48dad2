"""List the paths of the engines' APIs that clients may call.

Only what takes a model's name in its body and answers with tokens, vectors or scores. Everything else stays closed:
vLLM's and SGLang's development routes load adapters and weights, put the engine to sleep and run code on its workers.
"""

from __future__ import annotations

_OPENAI = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")
_AUDIO = ("/v1/audio/transcriptions", "/v1/audio/translations")
_ANTHROPIC = ("/v1/messages", "/v1/messages/count_tokens")
_RERANK = ("/rerank", "/v1/rerank", "/v2/rerank")
_SCORE = ("/score", "/v1/score")
_TOKENS = ("/tokenize", "/detokenize")

# vllm/entrypoints of 0.11.0 to 0.33.0; an older one answers 404 to what it does not have.
VLLM = (*_OPENAI, *_AUDIO, *_ANTHROPIC, *_RERANK, *_SCORE, *_TOKENS, "/classify", "/pooling")
SGLANG = (*_OPENAI, *_ANTHROPIC, *_AUDIO[:1], "/v1/rerank", "/v1/score", "/v1/tokenize", "/v1/detokenize")
LLAMACPP = (*_OPENAI, *_ANTHROPIC, *_RERANK[:2], *_TOKENS, "/infill")
TEI = ("/v1/embeddings", "/embed", "/embed_sparse", "/predict", "/rerank", "/similarity", "/tokenize")
ANY = tuple(dict.fromkeys((*VLLM, "/v1/audio/speech", "/v1/images/generations", "/v1/images/edits")))
