"""Inference engines: one module each, with the engine's data and its launch form."""

from modelgen.engines import command, infinity, llamacpp, sglang, tei, vllm

ENGINES = {
    engine.name: engine
    for engine in (
        vllm.ENGINE,
        sglang.ENGINE,
        llamacpp.ENGINE,
        tei.ENGINE,
        infinity.ENGINE,
        command.ENGINE,
    )
}
SUPPORTED = tuple(ENGINES)
TAKERS = {
    key: tuple(name for name, engine in ENGINES.items() if key in engine.keys)
    for key in dict.fromkeys(key for engine in ENGINES.values() for key in engine.keys)
}
"""The keys of models.toml that not every engine takes, each with the engines that do."""
