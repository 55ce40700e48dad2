"""Inference engines: one module each, with the engine's data and its launch form."""

from modelgen.engines import command, llamacpp, sglang, tei, vllm

ENGINES = {engine.name: engine for engine in (vllm.ENGINE, sglang.ENGINE, llamacpp.ENGINE, tei.ENGINE, command.ENGINE)}
SUPPORTED = tuple(ENGINES)
