"""Define the small records that an `Engine` consists of."""

from __future__ import annotations

from typing import NamedTuple


class Instead(NamedTuple):
    """The replacement for a removed flag: `help`, and the flags that it names."""

    help: str
    flags: tuple[str, ...] = ()


class Companion(NamedTuple):
    """A flag that the engine refuses without `other`; `help` completes the sentence "write … too"."""

    flag: str
    other: str
    help: str


class AtMost(NamedTuple):
    """Two flags: the engine refuses a `small` value above the `large` one.

    Args:
        small: The flag whose value must not be larger.
        large: The flag whose value limits it.
        where_off: The flag that must be false for this limit to apply; empty if it always applies.
    """

    small: str
    large: str
    where_off: str = ""


class Family(NamedTuple):
    """Models whose repositories have the same beginning of their names, a pattern in lower case, and their parsers."""

    begin: str
    parsers: tuple[str, ...]


class Opens(NamedTuple):
    """The files that an engine opens in the hub directory at startup; `modelgen verify --load` looks for them.

    Args:
        gguf: Whether it opens one GGUF file instead of a checkpoint.
        embeds_only: Whether it serves no model that generates text.
        tokenizer_flag: The flag that names another repository for the tokenizer; empty without one.
        fast_tokenizer: Whether tokenizer.json is the only form of a tokenizer that it reads.
        config_formats: Whether `config-format` selects between config.json and params.json.
        processor: Whether it opens the processor of a model that accepts images or audio.
        pooling: Whether it needs the pooling of sentence-transformers, or the flag `pooling`.
        code_revision: Whether `code-revision` pins code in another repository.
        others_by_path: Whether it accepts repositories other than the model's own by path only.
        look_ups: Whether `hub.loading.inside` can make the look-ups with the engine's own functions.
    """

    gguf: bool = False
    embeds_only: bool = False
    tokenizer_flag: str = ""
    fast_tokenizer: bool = False
    config_formats: bool = False
    processor: bool = True
    pooling: bool = False
    code_revision: bool = False
    others_by_path: bool = False
    look_ups: bool = False


class Starter(NamedTuple):
    """The engine and image that `modelgen init` and `modelgen add` write for one kind of checkpoint.

    Args:
        kind: The kind of checkpoint: `embedding`, `gguf`.
        image: The image.
    """

    kind: str
    image: str
