"""Define an inference engine: everything that the compiler knows about it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelgen.engines.api.warmup import chat, transcribes
from modelgen.engines.flags import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.engines.catalogues import Catalogue, Release
    from modelgen.engines.catalogues.variables import Variables
    from modelgen.engines.facts import AtMost, Companion, Instead, Opens, Starter
    from modelgen.engines.images import Published
    from modelgen.engines.images.versions import Version
    from modelgen.ir import Launch
    from modelgen.loader import Loader


class Run(NamedTuple):
    """One model as its engine is told to serve it.

    Args:
        version: Of the engine in the image; None where the engine has none that matters.
        repo: Repository id on the hub; None for a program that needs no weights.
        revision: Commit, tag or branch; None follows what `refs/main` says in the hub directory.
        snapshot: Where the snapshot is in the container, for an engine that is to take that and not the id; else None.
        file: The GGUF file of the snapshot that is loaded, and `mmproj` its vision part.
        served_names: All names that clients may use, the id first: answers carry the first.
        upstream_name: The one name of an engine that has one only.
        share: Of the card, as text with at most 4 decimals; None without a card.
        reservations: Memory and reserved memory of each card, in bytes.
        trust_remote_code: Whether code from the repository may run.
        args: The user's own flags by canonical name, in their order.
        loras: Adapters, name → repository id, or where its snapshot is in the container.
        length: Tokens of the context, from the model's own config.json, where no flag says it; None where unknown.
        lora_limit: The rank to allow, from the adapters' own adapter_config.json; None where unknown.
        command: The program and its arguments, of the engine `command`.
        hub: Where it finds the hub directory.
        listen: Address and port to listen on, as its arguments have them.
        eager_reads: Whether weights are better read in one go than mapped (hubs on a Windows drive).
    """

    version: Version | None
    repo: str | None
    revision: str | None
    snapshot: str | None
    file: str | None
    mmproj: str | None
    served_names: tuple[str, ...]
    upstream_name: str
    share: str | None
    reservations: tuple[tuple[int, int], ...]
    trust_remote_code: bool
    args: Mapping[str, Any]
    loras: Mapping[str, str]
    length: int | None
    lora_limit: int | None
    command: tuple[str, ...]
    hub: str
    listen: tuple[str, str]
    eager_reads: bool

    @property
    def has_cards(self) -> bool:
        """Return whether it runs on a card at all."""
        return bool(self.reservations)


class Pin(NamedTuple):
    """A repository that is locked: its commit, and where that snapshot is in the container."""

    commit: str
    snapshot: str


Pins: TypeAlias = "Mapping[tuple[str, str], Pin]"
"""What is locked of the repositories that a model needs, by role and id."""


class Engine(NamedTuple):
    """An engine's contract with its container and with its clients.

    Args:
        name: As models.toml calls it.
        title: As its project writes itself.
        launch: How a model is started.
        port: On which it listens inside the container.
        health: Path that answers 200 when it is up.
        keys: The keys of a model's table that it takes, of those that not every engine takes.
        needs_repo: Whether it serves a repository; a program of the user's may do without.
        on_host: Whether it runs without a container too, as a program that is installed on the host.
        images: The published images that are known; those of forks and plugins too, if they tell something.
        for_processors: Which images are for a processor, to be read after "an image for processors: ".
        for_cards: The vendors of a model's GPUs, and the version → which image to take for them.
        starter: What `modelgen init` writes for a kind of checkpoint that this engine serves best.
        lists: Path whose JSON lists the served names, or None.
        probe: A program inside its images that exits 0 then; None where nothing is known of the images.
        caches: Variables that place compile caches, each below the folder that is the model's own volume; None for an
            engine that compiles nothing.
        environment: Further variables that are always set.
        defaults: Variables that are set unless the user writes others.
        hub: Where its images look for the hub; None where HF_HUB_CACHE tells it.
        variables: What its variables for flags begin with, for an engine that reads flags from variables too.
        owned_variables: Variables that modelgen sets, or that must not be set, and where their meaning belongs.
        known_variables: The variables that its releases read; None where that is not known.
        on_wsl2: The variables that a version needs in WSL2.
        reads_uuids_since: The first release that takes GPUs by their UUIDs in CUDA_VISIBLE_DEVICES; None if all do.
        several_names: Whether it answers to several names; else the gateway replaces what a client wrote.
        routes: Paths of its API that clients may call; none that loads, sleeps or profiles.
        warmup: Flags by canonical name, and the model's config.json → the route of the warmup request.
        opens: What it opens of the hub directory; None where that is not known.
        catalogue: Its flags by release; None for an engine whose flags are not known.
        short_flags: For an engine whose flags are taken as they are written: what its short ones are short for.
        repeats_flags: Whether such an engine takes a list as the flag once for each value.
        from_config: Whether it loads a checkpoint, which a config.json describes.
        from_snapshot: Whether it serves offline only from a snapshot's path, never by repository id.
        needs_snapshot: Whether it is never started by repository id, not even online.
        follows_speculators: Whether it serves the `verifier` that a speculator's config.json names.
        one_card: Whether it uses no more than one card.
        owned_args: Flags that modelgen writes, and where their meaning belongs.
        instead: What to write for flags that are gone.
        companions: Flags that need another.
        at_most: Flags that limit each other.
        takes: Whether a release takes a value of a flag by canonical name that its catalogue does not tell.
        advice: What to write for a value of a flag that is refused; empty without advice.
        length: The flag for the longest context.
        needs_length: Whether that flag must be written, since the default may not fit the GPU.
        iec_lengths: Whether `16k` is 16,000 and `16Ki` 16,384.
        overrides: Flags by which that config.json is not what counts.
        long_lengths: Variables that allow a longer context nevertheless.
        tensor_parallel: The flag that splits a model over its cards.
        parallel_sizes: Flags that count cards.
        counted_sizes: Which of these multiply to the number of cards, for flags by canonical name.
        lora_rank: The flag that limits the rank of LoRA adapters.
        rank_limit: The release's least value of that flag which allows a rank; None where none does.
        beside_weights: Memory and reserved memory of each GPU, and flags by canonical name → the bytes that it needs
            beside weights, where the reserved memory leaves nothing for weights; None where it does.
        repos: The further repositories that flags by canonical name ask for: role, id and revision; a value that is
            no repository id may be among them.
        loader: The version, flags by canonical name, and the image → how it finds the weights; None where that is not
            known.
        pin: Flags by canonical name → the same with the commits of further repositories, given by role and id, and
            whether paths are wanted where ids would do.
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
    for_processors: str = ""
    for_cards: Callable[[set[str], Version | None], str] | None = None
    starter: Starter | None = None
    lists: str | None = None
    probe: tuple[str, ...] | None = None
    caches: Mapping[str, str] | None = None
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
    catalogue: Callable[[], Catalogue] | None = None
    short_flags: Mapping[str, str] | None = None
    repeats_flags: bool = False
    from_config: bool = False
    from_snapshot: bool = False
    needs_snapshot: bool = False
    follows_speculators: bool = False
    one_card: bool = False
    owned_args: Mapping[str, str] = MappingProxyType({})
    instead: Mapping[str, Instead] = MappingProxyType({})
    companions: tuple[Companion, ...] = ()
    at_most: tuple[AtMost, ...] = ()
    takes: Callable[[Release | None, str, Any], bool] | None = None
    advice: Callable[[str, Any], str] | None = None
    length: str = ""
    needs_length: bool = False
    iec_lengths: bool = False
    overrides: tuple[str, ...] = ()
    long_lengths: tuple[str, ...] = ()
    tensor_parallel: str = ""
    parallel_sizes: tuple[str, ...] = ()
    counted_sizes: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    lora_rank: str = ""
    rank_limit: Callable[[Release | None, int], int | None] | None = None
    beside_weights: Callable[[tuple[tuple[int, int], ...], Mapping[str, Any]], int | None] | None = None
    repos: Callable[[Mapping[str, Any]], Iterable[tuple[str, str, str | None]]] | None = None
    loader: Callable[[Version | None, Mapping[str, Any], str | None], Loader | None] | None = None
    pin: Callable[[Mapping[str, Any], Pins, bool], dict[str, Any]] | None = None


def parallel_size(engine: Engine, args: Mapping[str, Any]) -> tuple[int, dict[str, str]] | None:
    """Return how many cards the parallel sizes ask for, and the keys that say so; None where they are no numbers.

    Args:
        engine: Whose flags they are.
        args: As written.
    """
    written = {engine.catalogue().canonical(key): key for key in args} if engine.catalogue else {}
    counted = engine.counted_sizes({name: args[key] for name, key in written.items()}) if engine.counted_sizes else ()
    keys = {name: written[name] for name in counted if name in written}
    product = 1
    for key in keys.values():
        size = whole_number(args[key])
        if size is None:
            return None
        product *= size
    return product, keys


def warmup_route(engine: Engine, args: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return the route of the warmup request; None for a model that takes nothing but sound.

    Args:
        engine: Of the model.
        args: By canonical name.
        config: The model's config.json; empty where it is not known.
    """
    return None if transcribes(config) else engine.warmup(args, config)
