"""Write what this machine has into the starter file: GPUs, driver, and the newest image that the driver runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.checks.engines.releases import runs_on_host
from modelgen.cli.configuration.suggested import text
from modelgen.cli.reading import printable
from modelgen.engines import ENGINES
from modelgen.engines.host.cards import find_known
from modelgen.engines.images import properties
from modelgen.engines.images.versions import parse_image, parse_version
from modelgen.load import DEFAULT_ENGINE
from modelgen.resolve.cards import LIMIT, LIMIT_BESIDE_DESKTOP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.engine import Engine
    from modelgen.operate.doctor import Host, smi

_GPU_TABLE = re.compile(r"\[gpus\.gpu0\]\n(?:.+\n)*?(?=# limit|\n)")
_IMAGE = re.compile(r'^image = "([^"]+)"(?: *# .*)?$', re.MULTILINE)
_HOST_TABLE = re.compile(r"^# \[host\]\n(?:# .+\n)+", re.MULTILINE)
_MODEL_MEMORY = re.compile(r'^gpu_memory = "(\d+)GiB".*\n', re.MULTILINE)
_NAMED = re.compile(r"`([^`\s]+:[^`\s]+)`")
_USUAL = {"platform": "linux", "arch": "amd64", "selinux": False}
"""Facts that are not written: models.toml means them where it has none."""
_TOLERANCE = 0.99


class Card(NamedTuple):
    """A GPU that was found.

    Args:
        name: The product name.
        memory: In bytes; None if the driver does not report it.
        device: `device` in models.toml.
        more: Further lines of its table.
    """

    name: str
    memory: int | None
    device: str
    more: tuple[str, ...] = ()


class Machine(NamedTuple):
    """The result of looking at a machine.

    Args:
        vendor: `nvidia` or `amd`.
        cards: The GPUs; empty if none was found.
        host: Facts for `[host]`.
    """

    vendor: str
    cards: tuple[Card, ...]
    host: dict[str, str | bool]

    @property
    def sentences(self) -> list[str]:
        """The GPUs as a person reads them."""
        driver = f", driver {self.host['driver']}" if "driver" in self.host else ""
        sizes = [f"{_gib(card.memory)} GiB" if card.memory else "memory not reported" for card in self.cards]
        return [f"{printable(card.name)} ({size}{driver})" for card, size in zip(self.cards, sizes, strict=True)]


def look_at(host: Host) -> Machine:
    """Return what a host has, within a few seconds."""
    from modelgen.operate.doctor import describe
    from modelgen.operate.doctor.rocm import find_rocm_cards
    from modelgen.operate.doctor.smi import find_capabilities, find_cards

    nvidia = find_cards(host)
    amd = [] if nvidia else find_rocm_cards(host)
    facts = {key: value for key, value in describe(host).items() if key in ("platform", "arch", "driver", "selinux")}
    facts = {key: value for key, value in facts.items() if value is not None and value != _USUAL.get(key)}
    # An index may be another GPU after a reboot, which matters if they differ.
    has_one_kind = len({card.memory for card in nvidia}) == 1
    is_known = all(len(find_known(card.name, card.memory)) == 1 for card in nvidia)
    capabilities = {} if is_known else find_capabilities(host)
    cards = [
        Card(card.name, card.memory, card.index if has_one_kind else card.uuid, _capability(card, capabilities))
        for card in nvidia
    ]
    cards += [Card(card.name, card.memory, card.device, ('kind = "amd"', *_groups(card.groups))) for card in amd]
    return Machine("amd" if amd else "nvidia", tuple(cards), {k: v for k, v in facts.items() if v is not None})


def _capability(card: smi.Card, capabilities: Mapping[str, str]) -> tuple[str, ...]:
    """Return the line with the capability of a GPU that is not in the list of known ones."""
    if len(find_known(card.name, card.memory)) == 1 or card.uuid not in capabilities:
        return ()
    return (f"capability = {text(capabilities[card.uuid])}",)


def _groups(groups: tuple[int, ...]) -> tuple[str, ...]:
    return (f"groups = [{', '.join(map(str, groups))}] # they can open the device files",) if groups else ()


def with_machine(starter: str, machine: Machine) -> str:
    """Return the starter file for a machine; a comment marks what stays an example."""
    if not machine.cards:
        note = "# No GPU was found on this machine: the GPU and the image below are examples.\n"
        return _GPU_TABLE.sub(lambda found: note + found[0], starter, count=1)
    tables = [_table(number, card) for number, card in enumerate(machine.cards)]
    filled = _GPU_TABLE.sub(lambda _: tables[0], starter, count=1)
    first, comment, rest = filled.partition("# limit")
    line, _, rest = rest.partition("\n")
    filled = first + comment + line + "\n" + "".join(f"\n{table}" for table in tables[1:]) + rest
    filled = _IMAGE.sub(lambda found: _image_line(found, machine), filled, count=1)
    if machine.host:
        filled = _HOST_TABLE.sub(lambda _: _host_table(machine.host), filled, count=1)
    return _MODEL_MEMORY.sub(lambda found: found[0] if _fits(int(found[1]), machine) else "", filled, count=1)


def _table(number: int, card: Card) -> str:
    name = printable(card.name).strip()
    lines = [f"[gpus.gpu{number}]" + (f" # {name}" if name else "")]
    known = find_known(card.name, card.memory)
    whole = known[0].mebibytes * 2**20 if len(known) == 1 else 0
    if whole:
        lines.append(f"card = {text(known[0].name)}")
    # A virtual GPU has a part of the memory only.
    if not whole or (card.memory is not None and card.memory < whole * _TOLERANCE):
        lines.append(_memory_line(card.memory))
    return "\n".join([*lines, f"device = {text(card.device)}", *card.more]) + "\n"


def _memory_line(memory: int | None) -> str:
    if memory is None:
        return 'memory = "24GiB" # an example: the driver does not report it'
    return f'memory = "{_gib(memory)}GiB"'


def _gib(memory: int) -> str:
    """Return the memory as its product has it: drivers report a little less."""
    whole = round(memory / 2**30)
    return f"{whole if memory >= whole * 2**30 * _TOLERANCE else int(memory / 2**30 * 10) / 10:g}"


def _image_line(found: re.Match[str], machine: Machine) -> str:
    driver, arch = machine.host.get("driver"), str(machine.host.get("arch", "amd64"))
    engine = ENGINES[DEFAULT_ENGINE]
    image = newest_image(engine, machine.vendor, driver if isinstance(driver, str) else None, arch)
    if image is None:
        return f'image = "{found[1]}" # an example: no known release runs on driver {driver}; update it'
    why = f"the newest that driver {driver} runs" if machine.vendor == "nvidia" else "the newest for AMD"
    return f'image = "{image}" # {why}; images of others need `version = "…"`'


def newest_image(
    engine: Engine, vendor: str, driver: str | None, arch: str, capability: str | None = None
) -> str | None:
    """Return the image of the newest known release that runs on a driver, an architecture and a GPU; None without one.

    Args:
        engine: The engine.
        vendor: The vendor of the GPU.
        driver: The driver's version; None if it is not known.
        arch: The architecture of the processor.
        capability: The capability of the GPU, such as `8.6` or `gfx1100`; None for any.
    """
    return next((image for image in _images(engine, vendor) if _runs(image, driver, arch, capability)), None)


def _images(engine: Engine, vendor: str) -> Iterator[str]:
    """Yield the images of an engine, the newest first, each before its variant with an older CUDA."""
    for name in reversed(engine.catalogue().names if engine.catalogue else ()):
        version = parse_version(name)
        advice = engine.for_cards({vendor}, version) if engine.for_cards else ""
        if (named := _NAMED.search(advice)) is not None:
            yield named[1]
            image = parse_image(named[1])
            if image is not None and (older := properties.older_cuda_tag(image, version)):
                yield older


def _runs(reference: str, driver: str | None, arch: str, capability: str | None) -> bool:
    image = parse_image(reference)
    if image is None:
        return False
    version = properties.version_of(image)
    has_kernels = capability is None or properties.runs_on(image, version, capability) is not False
    return has_kernels and runs_on_host(image, version, driver, arch)


def _host_table(facts: dict[str, str | bool]) -> str:
    lines = [f"{key} = {text(value) if isinstance(value, str) else str(value).lower()}" for key, value in facts.items()]
    return "\n".join(["[host]", *lines]) + "\n"


def _fits(gib: int, machine: Machine) -> bool:
    """Return whether the example's reservation fits the first GPU."""
    memory = machine.cards[0].memory
    limit = LIMIT_BESIDE_DESKTOP if machine.host.get("platform") == "wsl2" else LIMIT
    return memory is None or gib * 2**30 <= float(_gib(memory)) * 2**30 * limit
