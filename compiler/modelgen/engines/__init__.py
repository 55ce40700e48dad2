"""Inference engines: one file each, data and how to launch."""

from modelgen.engines import command, sglang, vllm

ENGINES = {engine.name: engine for engine in (vllm.ENGINE, sglang.ENGINE, command.ENGINE)}
SUPPORTED = tuple(ENGINES)
PLANNED = ("tei", "llamacpp")
