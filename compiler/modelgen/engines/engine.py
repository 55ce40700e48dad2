"""What the compiler has to know of an inference engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from modelgen.engines.flag_values import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.engines.catalogue import Catalogue
    from modelgen.engines.versions import Version
    from modelgen.ir import Launch
    from modelgen.loader import Loader


@dataclass(frozen=True, slots=True)
class Run:
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


@dataclass(frozen=True, slots=True)
class Pin:
    """A repository that is locked: its commit, and where that snapshot is in the container."""

    commit: str
    snapshot: str


class Instead(NamedTuple):
    """What to write for a flag that is gone: `help`, and the flags that it names."""

    help: str
    flags: tuple[str, ...] = ()


Pins: TypeAlias = "Mapping[tuple[str, str], Pin]"
"""What is locked of the repositories that a model needs, by role and id."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine's contract with its container and with its clients.

    Args:
        name: As models.toml calls it.
        title: As its project writes itself.
        launch: How a model is started.
        port: On which it listens inside the container.
        health: Path that answers 200 when it is up.
        lists: Path whose JSON lists the served names, or None.
        probe: A program inside its images that exits 0 then; None where nothing is known of the images.
        caches: Variables that place compile caches, each below the folder that is the model's own volume; None for an
            engine that compiles nothing.
        environment: Further variables that are always set.
        defaults: Variables that are set unless the user writes others.
        hub: Where its images look for the hub; None where HF_HUB_CACHE tells it.
        variables: What its variables for flags begin with, for an engine that reads flags from variables too.
        several_names: Whether it answers to several names; else the gateway replaces what a client wrote.
        loras: Whether it serves LoRA adapters that models.toml declares.
        routes: Paths of its API that clients may call; none that loads, sleeps or profiles.
        catalogue: Its flags by release; None for an engine whose flags are not known.
        short_flags: For an engine whose flags are taken as they are written: what its short ones are short for.
        repeats_flags: Whether such an engine takes a list as the flag once for each value.
        from_config: Whether it loads a checkpoint, which a config.json describes.
        from_snapshot: Whether it serves offline only from a snapshot's path, never by repository id.
        one_card: Whether it uses no more than one card.
        owned_args: Flags that modelgen writes, and where their meaning belongs.
        instead: What to write for flags that are gone.
        length: The flag for the longest context, where the model's own config.json limits it.
        overrides: Flags by which that config.json is not what counts.
        long_lengths: Variables that allow a longer context nevertheless.
        tensor_parallel: The flag that splits a model over its cards.
        parallel_sizes: Flags that count cards.
        counted_sizes: Which of these multiply to the number of cards, for flags by canonical name.
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
    lists: str | None = None
    probe: tuple[str, ...] | None = None
    caches: Mapping[str, str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    hub: str | None = None
    variables: str | None = None
    several_names: bool = False
    loras: bool = False
    routes: tuple[str, ...] = ()
    catalogue: Callable[[], Catalogue] | None = None
    short_flags: Mapping[str, str] | None = None
    repeats_flags: bool = False
    from_config: bool = False
    from_snapshot: bool = False
    one_card: bool = False
    owned_args: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, Instead] = field(default_factory=dict)
    length: str = ""
    overrides: tuple[str, ...] = ()
    long_lengths: tuple[str, ...] = ()
    tensor_parallel: str = ""
    parallel_sizes: tuple[str, ...] = ()
    counted_sizes: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
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


def http_probe(port: int, path: str, timeout: int) -> tuple[str, ...]:
    """Return a program of Python's that exits 0 when `path` answers 200 on the container's own loopback.

    http.client rather than urllib: it starts faster and never asks a proxy about 127.0.0.1. curl is not in every image.
    """
    return (
        "python3",
        "-c",
        (
            f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout={timeout}); "
            f"c.request('GET', '{path}'); raise SystemExit(c.getresponse().status != 200)"
        ),
    )


def curl_probe(port: int, path: str, timeout: int) -> tuple[str, ...]:
    """Return the same for an image that has curl and no Python; a proxy of the user's is not for 127.0.0.1."""
    quiet = ("--fail", "--silent", "--noproxy", "*", "--max-time", str(timeout))
    return ("curl", *quiet, f"http://127.0.0.1:{port}{path}")
