"""Inference engines: one file each, data and how to launch."""

from modelgen.engines import command, llamacpp, sglang, tei, vllm

ENGINES = {engine.name: engine for engine in (vllm.ENGINE, sglang.ENGINE, llamacpp.ENGINE, tei.ENGINE, command.ENGINE)}
SUPPORTED = tuple(ENGINES)
