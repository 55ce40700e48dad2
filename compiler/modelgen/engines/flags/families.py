"""Recognize families of models by the names of their repositories, as far as their parsers differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.facts import Family

if TYPE_CHECKING:
    from collections.abc import Mapping

# The beginnings of names in lower case. Names of fine-tunes that put another name first are no member.
_BEGINNINGS = {
    "qwen3-coder": r"qwen3-coder",
    "qwen3.5": r"qwen3\.[568]-",
    "qwen3": r"(?:qwen3-(?:next-)?\d|qwq-|qwen2\.5-\d)",
    "qwen3 reasoning": r"qwen3(?:\.[568])?-(?!coder)",
    "hermes": r"hermes-[234]-",
    "gemma-4": r"(?:diffusion)?gemma-?4-",
    "functiongemma": r"functiongemma",
    "llama-3": r"(?:meta-)?llama-3\.[123]-\d+b-instruct",
    "llama-4": r"llama-4-",
    "mistral": r"(?:mistral-(?:7b-instruct-v0\.3|nemo|small|medium|large)|ministral-|devstral|magistral)",
    "mistral reasoning": r"magistral|mistral-(?:small-4|medium-3\.5)|ministral-3-.*reasoning",
    "deepseek-v3": r"deepseek-v3(?:-0324)?$|deepseek-r1(?:-0528)?$",
    "deepseek-r1": r"deepseek-r1(?:-0528)?$",
    "deepseek-v3.1": r"deepseek-v3\.1",
    "deepseek-v3.2-exp": r"deepseek-v3\.2-exp",
    "deepseek-v3.2": r"deepseek-v3\.2",
    "deepseek-v4": r"deepseek-v4-",
    "kimi-k2": r"kimi-k2",
    "kimi-k3": r"kimi-k3",
    "glm-4.5": r"glm-4\.[56]",
    "glm-4.7": r"glm-(?:4\.7|5)",
    "gpt-oss": r"gpt-oss-",
    "granite-3": r"granite-3\.[0-3]-.*instruct",
    "granite-3 reasoning": r"granite-3\.2-.*instruct",
    "granite-4": r"granite-4\.[01]-",
    "hunyuan-a13b": r"hunyuan-a13b-",
    "internlm": r"internlm(?:2_5|3)-.*(?:chat|instruct)",
    "jamba": r"(?:ai21-)?jamba-",
    "longcat": r"longcat-flash-",
    "olmo-3": r"olmo-3(?:\.\d)?-",
    "gigachat-3": r"gigachat3-",
    "apertus": r"apertus-",
    "ernie-4.5": r"ernie-4\.5-.*thinking",
    "deepseek-v3.1 reasoning": r"deepseek-v3\.1",
    "minimax-m1": r"minimax-m1",
    "minimax-m2": r"minimax-m2",
    "minimax-m3": r"minimax-m3",
    "seed-oss": r"seed-oss-",
    "step-3.5": r"step-3\.[57]-",
    "lfm2.5": r"lfm2\.5-",
    "nemotron-3": r"nvidia-nemotron-3",
    "mimo-v2.5": r"mimo-v2\.5",
    "laguna": r"laguna-",
}


def families(parsers: Mapping[str, tuple[str, ...]], *others: str) -> tuple[Family, ...]:
    """Return families with the parsers of an engine for each, the recommended one first.

    Args:
        parsers: The name of a family → the parsers for it.
        others: Parsers that suit every family.
    """
    return tuple(Family(_BEGINNINGS[name], (*known, *others)) for name, known in parsers.items())
