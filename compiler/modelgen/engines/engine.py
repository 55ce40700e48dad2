"""Define the record of an inference engine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelgen.engines.api.warmup import chat, transcribes
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.engines.catalogues import Catalogue, Release
    from modelgen.engines.catalogues.architectures import Architectures
    from modelgen.engines.catalogues.models import Models
    from modelgen.engines.catalogues.variables import Variables
    from modelgen.engines.facts import (
        AtMost,
        Attention,
        Companion,
        Drafts,
        Family,
        GgufServing,
        Instead,
        MemoryFacts,
        Opens,
        PoolServing,
        ServerLine,
        Starter,
    )
    from modelgen.engines.images import Published
    from modelgen.engines.images.versions import Image, Version
    from modelgen.ir import Launch
    from modelgen.loader import Loader


class Run(NamedTuple):
    """One model as its engine serves it: the input of `Engine.launch`.

    Args:
        version: The engine's version in the image; None if it is not known.
        repo: Repository id on the hub; None for a program that needs no weights.
        revision: Commit, tag or branch; None follows `refs/main` of the hub directory.
        snapshot: Path of the snapshot in the container if the engine loads that path; None if it loads the id.
        file: The GGUF file of the snapshot.
        mmproj: The vision part that belongs to `file`.
        draft: Path of the draft model's file in the container.
        served_names: All names that clients may use. The first is the model's id, and the one in answers.
        upstream_name: The name for an engine that has only one.
        share: Share of the GPU, as text with at most 4 decimals; None without a GPU.
        reservations: Memory and reserved memory of each GPU, in bytes.
        trust_remote_code: Whether code from the repository may run.
        args: The user's flags by canonical name, in their order.
        env: The user's variables.
        loras: Adapters: name → repository id, or path of the snapshot in the container.
        length: Context length in tokens, from config.json if no flag sets it; None if it is not known.
        lora_limit: The rank to allow, from the adapters' adapter_config.json; None if it is not known.
        entrypoint: The entry point, for the engine `command`; None where `command` begins with it.
        command: The program and its arguments, for the engine `command`.
        hub: Path of the hub directory.
        listen: Address and port to listen on, as arguments.
        on_host: Whether it is a program that is installed on the host, and not one of an image.
        eager_reads: Whether to read weights at once instead of mapping them (hubs on a Windows drive).
    """

    version: Version | None
    repo: str | None
    revision: str | None
    snapshot: str | None
    file: str | None
    mmproj: str | None
    draft: str | None
    served_names: tuple[str, ...]
    upstream_name: str
    share: str | None
    reservations: tuple[tuple[int, int], ...]
    trust_remote_code: bool
    args: Mapping[str, Any]
    env: Mapping[str, str]
    loras: Mapping[str, str]
    length: int | None
    lora_limit: int | None
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...]
    hub: str
    listen: tuple[str, str]
    on_host: bool
    eager_reads: bool

    @property
    def has_cards(self) -> bool:
        """Return whether the model runs on a GPU."""
        return bool(self.reservations)


class Pin(NamedTuple):
    """The commit of a locked repository, and the path of its snapshot in the container."""

    commit: str
    snapshot: str


Pins: TypeAlias = "Mapping[tuple[str, str], Pin]"
"""The locked repositories that a model needs, by role and id."""


class Engine(NamedTuple):
    """Everything that the compiler uses of an engine.

    Args:
        name: The name in models.toml.
        title: The name in prose, as its project writes it.
        launch: Returns entry point and arguments.
        port: The port inside the container.
        health: Path that answers 200 when the engine is up.
        keys: Keys of a model's table that this engine takes, of those that not every engine takes.
        needs_repo: Whether it serves a repository. A user's program may need none.
        on_host: Whether it also runs as a program installed on the host, without a container.
        images: The known published images, including forks and plugins with known properties.
        repository: The repository of `images` that messages recommend, whose tags are the releases of the catalogue.
        for_processors: Images for a processor; completes "an image for processors: ".
        for_cards: Vendors of a model's GPUs, and version → advice which image to use.
        starter: What `modelgen init` writes for a kind of checkpoint that this engine serves best.
        lists: Path whose JSON lists the served names, or None.
        probe: A program in its images that exits with 0 when the engine is up; None if the images are not known.
        compiled_for: Flags whose values are part of what the engine compiles, so that others compile anew.
        caches: Variables that place compile caches → folder below the model's own volume; None for an engine that
            compiles nothing.
        line: How its server is started by hand; None if files of other tools are not read for it.
        environment: Further variables that are always set.
        defaults: Variables that are set unless the user sets them.
        hub: Where its images expect the hub; None if HF_HUB_CACHE determines it.
        variables: Prefix of the variables that set flags, for an engine that reads flags from variables too.
        owned_variables: Variables that modelgen sets, or that must not be set → the reason, or the key to write.
        known_variables: The variables that each release reads; None if they are not known.
        on_wsl2: Version → variables that it needs in WSL2.
        reads_uuids_since: The first release that accepts UUIDs in CUDA_VISIBLE_DEVICES; None if all do.
        several_names: Whether it answers to several names. If not, the gateway replaces the name in requests.
        routes: Paths of its API that clients may call. None of them loads, sleeps or profiles.
        warmup: Flags by canonical name, and config.json → route of the warmup request.
        opens: What it opens in the hub directory; None if that is not known.
        asks_template: Whether it answers chats with an error if no chat template is found.
        catalogue: Its flags by release; None if they are not known.
        models: The architectures that its releases serve; None if that is not known.
        model_types: Each `model_type` of config.json that its releases serve on NVIDIA GPUs, where none other starts.
        architectures: The architectures of GGUF files that its builds load; None if that is not known.
        image_choices: Tag of the image → flags whose choices are fewer in it than in the data.
        plain_flags: Its flags by release, of an engine with `short_flags`. Its version need not be known.
        short_flags: Short flag → long flag, for an engine without a catalogue; None if it takes no flags.
        file_flags: Flags of such an engine whose value is a file or folder in the container.
        build_line: Pattern of the line with the build, as first group, that its program prints with `--version`; None
            if that takes long.
        package: The Python package that installs its program on a host, and has its version.
        short_forms: Abbreviations of flags that the project's own documentation writes.
        constant_args: The `owned_args` that modelgen always writes, with their value; the same value in `args` is no
            fault.
        named_values: Names that a flag takes in place of a text or a path of the user, in any release.
        json_flags: Flags of such an engine whose value is a JSON object; a table is written as one.
        flags_file: The flag that names a YAML file of flags; empty without one.
        repeats_flags: Whether such an engine takes a list as one flag per value.
        from_config: Whether it loads a checkpoint that a config.json describes.
        from_snapshot: Whether it serves offline only from a snapshot's path, not by repository id.
        needs_snapshot: Whether it never starts by repository id, not even online.
        follows_speculators: Whether it serves the `verifier` in a speculator's config.json.
        one_card: Whether it uses at most one GPU.
        owned_args: Flags that modelgen writes → the reason, or the key to write.
        instead: Replacements for removed flags.
        companions: Flags that require another flag.
        idle_alone: Flags that have no effect on requests without another flag.
        parsers: Flag for a parser of outputs → families of models, each with the parsers for it.
        drafts: The flag for speculative decoding; None if what it takes is not known.
        tables: Further flags whose value is a table: canonical name → version and key → since or until when releases
            know the key, and those that this release knows; None for a key that it knows, or may know.
        at_most: Flags that limit each other.
        takes: Release, canonical name and value → whether the release accepts a value that its catalogue does not list.
        adapter_choices: Canonical name → what it accepts for a model with adapters, if its parser lists no choices.
        advice: Canonical name and value → remedy for a refused value; empty without one.
        rewritten: Canonical name and a refused value → the flags that have the same effect; empty if none are known.
        length: The flag for the context length.
        length_keys: Keys of config.json that limit the context if no other does, besides `max_position_embeddings`.
        slots: The flag for the number of requests that share this length; empty if they do not.
        needs_length: Whether that flag must be written, since the default may not fit the GPU.
        iec_lengths: Whether `16k` is 16,000 and `16Ki` 16,384.
        overrides: Flags that replace values of config.json.
        dtype: The flag for the type of the weights, for an engine that refuses `bfloat16` below capability 8.0.
        chooses_dtype_since: The first release that takes another type by itself there.
        quantization: The flag for the quantization.
        quantizations_since: The first release that refuses checkpoints of methods other than the flag's values and
            `other_quantizations`; None if that is not known.
        other_quantizations: Methods that it loads besides the flag's values.
        amd_refuses: Version and method → whether the release refuses it on AMD's GPUs, but not on others.
        refuses_float16: Version and `model_type` → whether the release refuses float16 for the model.
        only_dtype: Version and quantization → the only type of weights that the release takes with it; None otherwise.
        least_capability: Version, quantization and the checkpoint's `quantization_config` → its name, and the least
            capability for it as a number such as 80; None if that is not known.
        unsupported_on: Version, environment, quantization, `quantization_config` and capability → the name of the
            quantization if the release does not support it on GPUs of this and newer generations; None otherwise.
        attention: The GPUs that its attention runs on; None if that is not known.
        tags_for: Tag and capability → tags of the same repository for the GPU, the best first, for an engine that has
            an image for each generation.
        long_lengths: Variables that allow a context longer than config.json does.
        tensor_parallel: The flag that splits a model over its GPUs.
        parallel_sizes: Flags that count GPUs.
        counted_sizes: Flags by canonical name → the parallel sizes that multiply to the number of GPUs.
        split_obstacle: Version, flags by canonical name, config.json, and tensor-parallel size → what of the model
            (beside its attention heads) cannot be split so; None if nothing is known.
        scoring_flag: Version and architecture → the flag with which a reranker that is stored as a generator returns
            scores, or nothing; None for an engine that needs no such flag.
        embedding_flag: The flag for an embedding model that has the architecture of a generator; empty without one.
        audio: Architectures whose input is audio.
        audio_beside_text: Architectures that take audio beside text and images.
        lacks_audio: Version and image → whether the image lacks the packages for audio; None if that is not known.
        missing_packages: Image and imports of code → those that the image lacks, each with its name for pip; None if
            that is not known.
        missing_sequences: Version, flags by canonical name, and config.json → the flag for the number of sequences, if
            its default may be too many for the model; else empty.
        lora_rank: The flag that limits the rank of LoRA adapters.
        rank_limit: Release and rank → the least value of that flag that allows the rank; None without one.
        refused_features: Version, flags by canonical name, and adapter_config.json → features of the adapter that the
            release refuses; None if that is not known.
        ignored_features: adapter_config.json → what every release loads and does not apply; None if that is not known.
        lora_paths: The flag that names LoRA adapters, for an engine without the key `loras`.
        beside_weights: Version, memory and reserved memory of each GPU, and flags by canonical name → bytes that it
            needs beside the weights if the reserved memory leaves nothing for weights; None if it does.
        static_share: The flag with the share of a GPU for weights and KV cache, for an engine that needs more memory
            besides; empty for one whose share is everything.
        memory: Version, bytes of a GPU and its name → what sizes the memory of a start; None if that is not known.
        counts_others: Version and variables → the first release that does not count the memory of other programs on a
            GPU as its own, if this one does.
        reports_apart: Version and flags by canonical name → whether a stream that is asked for its tokens has one more
            event, and is otherwise the same.
        apart: The releases for which that holds, for messages.
        pools: Version, memory and reserved memory of each GPU, and flags by canonical name → its share for weights and
            KV cache, or why that is not known; None for an engine that sizes its cache otherwise.
        gguf: Version, flags by canonical name, and variables → how it uses a GPU for a GGUF file, or why that is not
            known; None for an engine without such files.
        cache_flags: The flags for the types of cached keys and values.
        repos: Flags by canonical name → role, id and revision of further repositories. Values that are not repository
            ids may be among them.
        loader: Version, flags by canonical name, and image → how it finds the weights; None if that is not known.
        pin: Flags by canonical name, locked repositories, and whether to use paths instead of ids → the flags with
            commits.
    """

    name: str
    title: str
    launch: Callable[[Run], Launch]
    port: int
    health: str
    keys: tuple[str, ...] = ()
    needs_repo: bool = True
    on_host: bool = False
    images: tuple[Published, ...] = ()
    repository: str = ""
    for_processors: str = ""
    for_cards: Callable[[set[str], Version | None], str] | None = None
    starter: Starter | None = None
    lists: str | None = None
    probe: tuple[str, ...] | None = None
    caches: Mapping[str, str] | None = None
    compiled_for: tuple[str, ...] = ()
    line: ServerLine | None = None
    environment: Mapping[str, str] = MappingProxyType({})
    defaults: Mapping[str, str] = MappingProxyType({})
    hub: str | None = None
    variables: str | None = None
    owned_variables: Mapping[str, str] = MappingProxyType({})
    known_variables: Variables | None = None
    on_wsl2: Callable[[Version], Mapping[str, str]] | None = None
    reads_uuids_since: tuple[int, ...] | None = None
    several_names: bool = False
    routes: tuple[str, ...] = ()
    warmup: Callable[[Mapping[str, Any], Mapping[str, Any]], str] = chat
    opens: Opens | None = None
    asks_template: bool = False
    catalogue: Callable[[], Catalogue] | None = None
    models: Models | None = None
    model_types: Models | None = None
    architectures: Architectures | None = None
    image_choices: Callable[[str], Mapping[str, tuple[str, ...]]] | None = None
    plain_flags: Callable[[], Catalogue] | None = None
    short_flags: Mapping[str, str] | None = None
    file_flags: frozenset[str] = frozenset()
    build_line: re.Pattern[str] | None = None
    package: str = ""
    short_forms: frozenset[str] = frozenset()
    constant_args: Mapping[str, Any] = MappingProxyType({})
    named_values: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    json_flags: frozenset[str] = frozenset()
    flags_file: str = ""
    repeats_flags: bool = False
    from_config: bool = False
    from_snapshot: bool = False
    needs_snapshot: bool = False
    follows_speculators: bool = False
    one_card: bool = False
    owned_args: Mapping[str, str] = MappingProxyType({})
    instead: Mapping[str, Instead] = MappingProxyType({})
    companions: tuple[Companion, ...] = ()
    idle_alone: tuple[Companion, ...] = ()
    parsers: Mapping[str, tuple[Family, ...]] = MappingProxyType({})
    drafts: Drafts | None = None
    tables: Mapping[str, Callable[[Version, str], tuple[str, frozenset[str]] | None]] = MappingProxyType({})
    at_most: tuple[AtMost, ...] = ()
    takes: Callable[[Release | None, str, Any], bool] | None = None
    adapter_choices: Callable[[str], tuple[str, ...]] | None = None
    advice: Callable[[str, Any], str] | None = None
    rewritten: Callable[[str, Any], Mapping[str, Any]] | None = None
    length: str = ""
    slots: str = ""
    length_keys: tuple[str, ...] = ()
    needs_length: bool = False
    iec_lengths: bool = False
    overrides: tuple[str, ...] = ()
    dtype: str = ""
    chooses_dtype_since: tuple[int, ...] = ()
    quantization: str = ""
    quantizations_since: tuple[int, ...] | None = None
    other_quantizations: frozenset[str] = frozenset()
    amd_refuses: Callable[[Version, str], bool] | None = None
    refuses_float16: Callable[[Version, str], bool] | None = None
    only_dtype: Callable[[Version, str], str | None] | None = None
    least_capability: Callable[[Version, str, Mapping[str, Any]], tuple[str, int] | None] | None = None
    unsupported_on: Callable[[Version, Mapping[str, Any], str, Mapping[str, Any], int], str | None] | None = None
    attention: Attention | None = None
    tags_for: Callable[[str, str], tuple[str, ...] | None] | None = None
    long_lengths: tuple[str, ...] = ()
    tensor_parallel: str = ""
    parallel_sizes: tuple[str, ...] = ()
    counted_sizes: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    split_obstacle: Callable[[Version, Mapping[str, Any], Mapping[str, Any], int], str | None] | None = None
    scoring_flag: Callable[[Version | None, str], str] | None = None
    embedding_flag: str = ""
    audio: frozenset[str] = frozenset()
    audio_beside_text: frozenset[str] = frozenset()
    lacks_audio: Callable[[Version, Image], bool] | None = None
    missing_packages: Callable[[Image, Iterable[str]], Mapping[str, str]] | None = None
    missing_sequences: Callable[[Version, Mapping[str, Any], Mapping[str, Any]], str] | None = None
    lora_rank: str = ""
    rank_limit: Callable[[Release | None, int], int | None] | None = None
    refused_features: Callable[[Version, Mapping[str, Any], Mapping[str, Any]], Iterable[str]] | None = None
    ignored_features: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    lora_paths: str = ""
    beside_weights: Callable[[Version | None, tuple[tuple[int, int], ...], Mapping[str, Any]], int | None] | None = None
    static_share: str = ""
    memory: Callable[[Version, int, str], MemoryFacts] | None = None
    counts_others: Callable[[Version, Mapping[str, str]], str | None] | None = None
    reports_apart: Callable[[Version, Mapping[str, Any]], bool] | None = None
    apart: str = ""
    pools: Callable[[Version, tuple[tuple[int, int], ...], Mapping[str, Any]], PoolServing | str] | None = None
    gguf: Callable[[Version | None, Mapping[str, Any], Mapping[str, str]], GgufServing | str] | None = None
    cache_flags: tuple[str, ...] = ()
    repos: Callable[[Mapping[str, Any]], Iterable[tuple[str, str, str | None]]] | None = None
    loader: Callable[[Version | None, Mapping[str, Any], str | None], Loader | None] | None = None
    pin: Callable[[Mapping[str, Any], Pins, bool], dict[str, Any]] | None = None


def parallel_size(engine: Engine, args: Mapping[str, Any]) -> tuple[int, tuple[str, ...]] | None:
    """Return the number of GPUs that the parallel sizes need, and the flags that say it; None if one is not a number.

    Args:
        engine: The model's engine.
        args: The flags by canonical name.
    """
    counted = engine.counted_sizes(args) if engine.counted_sizes else ()
    flags = tuple(name for name in counted if name in args)
    product = 1
    for name in flags:
        size = whole_number(args[name])
        if size is None:
            return None
        product *= size
    return product, flags


def warmup_route(engine: Engine, args: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return the route of the warmup request; None for a model that accepts only audio.

    Args:
        engine: The model's engine.
        args: Flags by canonical name.
        config: The model's config.json; empty if it is not known.
    """
    return None if transcribes(config) else engine.warmup(args, config)
