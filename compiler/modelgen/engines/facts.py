"""Define the small records that an `Engine` consists of."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from modelgen.engines.images.versions import Image, Version
    from modelgen.engines.runners import LeanRunner


class Unknown(Protocol):
    """Look up a name that a release does not know: see `Drafts`."""

    def __call__(self, version: Version, name: str, *, is_method: bool) -> tuple[str, frozenset[str]] | None:
        """Return since or until when releases know it, and the names that this release knows."""


class Instead(NamedTuple):
    """The replacement for a removed flag or variable.

    Args:
        help: What to write.
        flags: The flags that it names.
        by_value: What to write in place of one value, where that differs.
        becomes: A value → the flags with their values that have the same effect, none if nothing is to be written; None
            where that needs a decision. A table is merged with one that is written already.
    """

    help: str
    flags: tuple[str, ...] = ()
    by_value: Mapping[str, str] = MappingProxyType({})
    becomes: Callable[[Any], Mapping[str, Any]] | None = None

    def help_for(self, value: Any) -> str:  # noqa: ANN401 - any TOML value
        """Return what to write in place of the flag with a value."""
        return self.by_value.get(value, self.help) if isinstance(value, str) else self.help


def removed(why: str, *flags: str) -> Instead:
    """Return the replacement for a flag that is not needed any more."""
    return Instead(f"remove it: {why}", flags, becomes=lambda _: {})


def renamed(name: str) -> Instead:
    """Return the replacement for a flag that has another name."""
    return Instead(f"write `{name}`", (name,), becomes=lambda value: {name: value})


def inside(flag: str, key: str) -> Instead:
    """Return the replacement for a flag that became a key of another flag's table."""
    return Instead(f"write it inside `{flag} = {{ … }}`", (flag,), becomes=lambda value: {flag: {key: value}})


class Companion(NamedTuple):
    """A flag that the engine refuses without `other`; `help` completes the sentence "write … too"."""

    flag: str
    other: str
    help: str


class Drafts(NamedTuple):
    """The flag for speculative decoding, whose value is a table.

    Args:
        flag: Its canonical name.
        model: The key of the table that names a draft model.
        method: The key of the table that names the method.
        familiar: Names that other tools have for keys → the key.
        unknown: Version, name, and whether it is a method or a key → since or until when releases know it, and the
            names that this release knows; None for a name that it knows, or may know.
        missing: Version and flags by canonical name → the key that the table lacks; empty if it lacks none.
        lacks_layers: Flags by canonical name, and config.json → whether the method needs layers that the model lacks.
    """

    flag: str
    model: str
    method: str
    familiar: Mapping[str, str]
    unknown: Unknown
    missing: Callable[[Version | None, Mapping[str, Any]], str]
    lacks_layers: Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


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


class Attention(NamedTuple):
    """The GPUs that an engine's attention runs on; capabilities are numbers such as 80.

    Args:
        backend_flag: The flag for the backend.
        needed_for_backend: Version, backend and capability → what the backend needs instead, such as `8.0`; None if it
            runs on the capability, or if that is not known.
        backend_variable: The variable that older releases have instead.
        variable_until: The first release without this variable.
        kernels_variable: The variable for the version of FlashAttention.
        needed_for_kernels: Its value and capability → what this version needs instead; None if it runs there.
        cache_flag: The flag for the type of the KV cache.
        least_for_cache: Version, type of the KV cache, and backend (empty for the release's choice) → likewise.
    """

    backend_flag: str
    needed_for_backend: Callable[[Version, str, int], str | None]
    backend_variable: str = ""
    variable_until: tuple[int, ...] = ()
    kernels_variable: str = ""
    needed_for_kernels: Callable[[str, int], str | None] = lambda *_: None
    cache_flag: str = ""
    least_for_cache: Callable[[Version, str, str], int | None] = lambda *_: None


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


class MemoryFacts(NamedTuple):
    """The defaults of a release that size the memory of a start, and how it counts.

    Args:
        block: The tokens of a block of the KV cache.
        batch: The tokens of a batch.
        sequences: The sequences that run at the same time, never more than the tokens of a batch.
        batches: The batches that are scheduled at the same time, which a sliding window must hold.
        raises_batch: Whether the default batch is raised to the largest input that a model reads at once.
        mixes: Whether layers with a sliding window have blocks of their own.
        resizes_pages: Whether layers with smaller pages get more tokens in a block.
        pads_pages: Whether layers whose pages cannot be resized get unused bytes.
        pads_below: Kinds of layers are padded to the largest kind if that has less than so many times the smallest.
        latent_alignment: The tokens that a block of a latent cache beside states is a multiple of.
        tokens_follow_length: Whether the printed tokens are the concurrency times the length.
        states: The blocks of a request for each group of layers with a state.
        sampler: Bytes that the sampler uses for each sequence and token of the vocabulary.
        sorts: Whether it sorts the vocabulary.
        profile: The name of the way in which releases profile; starts of the same name can be compared.
        counts_graphs: Whether CUDA graphs are counted before the cache.
        lean: The runner that some of its models use; None if the release has one runner.
        takes_stored_cache: Whether `kv-cache-dtype = auto` takes the type that a checkpoint has scales for; None if
            that is not known.
    """

    block: int
    batch: int
    sequences: int
    batches: int
    raises_batch: bool
    mixes: bool
    resizes_pages: bool
    pads_pages: bool
    pads_below: float
    latent_alignment: int
    tokens_follow_length: bool
    states: int
    sampler: int
    sorts: bool
    profile: str
    counts_graphs: bool
    lean: LeanRunner | None
    takes_stored_cache: bool | None


class GgufServing(NamedTuple):
    """The use of a GPU by an engine that loads a GGUF file, by its release and flags.

    Args:
        tokens: The tokens of the context, of all sequences together.
        sequences: The sequences that run at the same time.
        shares: Whether all sequences share these tokens.
        keys: Bytes of 32 cached values of keys.
        values: Bytes of 32 cached values of values.
        layers: The layers on the GPU, counted from the last, with the output as one; None for all.
        experts_on_host: The layers, counted from the first, whose experts stay on the processor; None for all.
        batch: The tokens that are computed at once.
        fuses: Whether attention is computed without its scores in memory (flash attention).
        full_windows: Whether layers with a sliding window cache all tokens.
        on_gpu: Whether the cache of a layer on the GPU is there too.
        doubles_latent: Whether the values of a latent cache (MLA) are stored beside its keys.
        computes_all: Whether memory for the logits of every token of a batch is reserved.
        stretches: Whether flags change positions, for contexts longer than in training.
    """

    tokens: int
    sequences: int
    shares: bool
    keys: int
    values: int
    layers: int | None
    experts_on_host: int | None
    batch: int
    fuses: bool
    full_windows: bool
    on_gpu: bool
    doubles_latent: bool
    computes_all: bool
    stretches: bool


class PoolServing(NamedTuple):
    """The use of a GPU by an engine that reserves one share of it for weights and KV cache.

    Args:
        static: This share of the memory that is free when the engine starts.
        tensor: The GPUs of a tensor-parallel group.
        value: The bytes of one cached value.
        sequences: The sequences that run at the same time; None if the memory alone decides.
    """

    static: float
    tensor: int
    value: int
    sequences: int | None = None


class Starter(NamedTuple):
    """The engine and image that `modelgen init` and `modelgen add` write for one kind of checkpoint.

    Args:
        kind: The kind of checkpoint: `embedding`, `gguf`.
        image: The image for NVIDIA GPUs.
        amd: The image for AMD GPUs; None if there is none.
    """

    kind: str
    image: str
    amd: str | None = None


class Program(NamedTuple):
    """A program that starts an engine's server.

    Args:
        words: Its first words: the program without its folder, `python` for any Python, and what selects the server.
        reads_positional: Whether it takes the model from an argument without a flag; None where versions differ.
    """

    words: tuple[str, ...]
    reads_positional: bool | None = None


class ServerLine(NamedTuple):
    """The ways in which an engine's server is started by hand; used to read files of other tools.

    Args:
        programs: The programs that start it.
        model: The flags that name its model.
        image_names: Pattern of the names of forks' images, without registry and folder.
        own_program: Image and version → the program that the image starts by itself; None if that is not known.
        refuses_model_flag: Version and program → whether it stops at the flag for the model.
        fork_flags: Flags of plugins, with which a program is a fork.
        names: The flag for the names that clients use.
        share: The flag for the share of a GPU that it takes; empty without one.
        default_share: Version → the share without that flag, at least; 0 if that is not known.
        unset_share: Flags with which the share does not count.
        several_hosts: Flags that spread a model over several hosts.
        shm_since: The first release that does not start with Docker's 64 MiB of shared memory; None if all do.
        images_lack_health: Whether no image of its project has a health check.
        several_models: Whether the flag for the model may be repeated, for several models.
        bare_pairs_since: The first release whose flags `--x` and `--no-x` take no value; None if it is not known.
        is_local: Whether it listens on 127.0.0.1 without a flag, in its images too.
    """

    programs: tuple[Program, ...]
    model: tuple[str, ...]
    image_names: re.Pattern[str]
    own_program: Callable[[Image, Version | None], Program | None] = lambda *_: None
    refuses_model_flag: Callable[[Version, Program], bool] = lambda *_: False
    fork_flags: tuple[str, ...] = ()
    names: str = ""
    share: str = ""
    default_share: Callable[[Version | None], float] = lambda _: 0
    unset_share: tuple[str, ...] = ()
    several_hosts: tuple[str, ...] = ()
    shm_since: tuple[int, ...] | None = None
    images_lack_health: bool = False
    several_models: bool = False
    bare_pairs_since: tuple[int, ...] | None = None
    is_local: bool = False
