"""Find a GPU by its name in the table of known GPUs."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from modelgen.diagnostics import did_you_mean
from modelgen.engines.images.versions import vendor_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from modelgen.engines.host.known_cards import KnownCard

# Words that do not distinguish GPUs, as people and drivers write them.
_NOISE = frozenset(
    {
        "nvidia",
        "amd",
        "geforce",
        "tesla",
        "rtx",
        "gtx",
        "radeon",
        "rx",
        "instinct",
        "jetson",
        "gpu",
        "graphics",
        "series",
    }
    | {
        "generation",
        "gen",
        "edition",
        "workstation",
        "server",
        "blackwell",
        "max",
        "q",
        "pcie",
        "sxm",
        "oam",
        "developer",
    }
    | {"kit", "module", "mcm", "ac", "mba", "w", "with", "embedded"}
)
_FAMILIES = frozenset({"ada", "pro", "quadro"})
"""Words of NVIDIA's GPUs for workstations: an `RTX 6000` exists with each."""
_SHORTEST = 3
"""The shortest word that can be a misspelt one: every letter is near to `rx`."""
_BUS_OR_MEMORY = re.compile(r"sxm\d*|hbm\d?e?|gddr\d?x?")
_SIZE = re.compile(r"(\d+)(?:gb|gib|g)")
_JOINED = re.compile(r"(?<=\d{4})(ti|super|xtx|xt|gre|d)(?![a-z0-9])")
_MARKS = re.compile(r"[a-z]*\d+|\b[a-z]\b")
_BRAND = re.compile(r"\b(rtx|gtx|rx|quadro|mi(?=\d))(?![a-z])")
_FEWEST_DIGITS = 4
"""The digits that a bare number needs to be a misspelt one: `580` may be a GTX 580, an RX 580, or an `RTX 5080`."""
# As in `nvidia-smi -L` and PyTorch:
# `MIG 1g.5gb`, `1g.10gb+me`. The first number counts slices, the second is rounded up.
_PROFILE = re.compile(r"\s*(?:\bmig\s+)?\b\d+g\.(\d+)gb\b\S*", re.IGNORECASE | re.ASCII)
# GB of a profile's name → MiB that `nvidia-smi mig -lgip` shows, the least of the GPUs and drivers that were seen: A100
# 40GB and 80GB (NVIDIA's MIG User Guide), H100 80GB (jbarrow.ai, "Nvidia MIG"), H200 (outputs in public repositories).
_OF_PROFILE = {5: 4864, 10: 9728, 18: 16384, 20: 19968, 35: 33280, 40: 40192, 80: 81152, 141: 143360}
_LEAST_OF_PROFILE = 88
"""The percentage that the memory of other profiles has of their names, by the least known: 16 GiB of a `1g.18gb`."""
# A card has less than its name says: an L40S of 48 GB 45, a GB10 of 128 GB 119.
_LEAST_OF_NAME, _MOST_OF_NAME = 0.88, 1.02


@cache
def find_known(name: str, memory: int | None = None) -> tuple[KnownCard, ...]:
    """Return the known GPUs that a name means: several if they differ in memory, none for an unknown name.

    Args:
        name: As people write it or as the driver prints it: `4090`, `NVIDIA GeForce RTX 4090`, `A100-SXM4-80GB`.
        memory: The memory in bytes that the driver reports, which decides between several sizes; None without it.
    """
    # Imported here: most files name no card.
    from modelgen.engines.host.known_cards import BY_NAME, CARDS

    if name in BY_NAME:
        return (BY_NAME[name],)
    words, size = _read(name)
    named = [card for card in CARDS if (words, size) in map(_read, (card.name, *card.also))]
    if named and (size is not None or len(named) == 1):
        return tuple(named)
    same = [card for card in CARDS if any(_read(other)[0] == words for other in (card.name, *card.also))]
    if size is not None:
        same = [card for card in same if _is_size(card, size)]
    if memory is not None and len(same) > 1:
        same = sorted(same, key=lambda card: abs(card.mebibytes * 2**20 - memory))[:1]
    return tuple(same)


def similar_names(name: str, vendor: str | None = None) -> str:
    """Return `did you mean …?` for an unknown name; empty if none is near.

    A name with another number is another generation, so a name with the same numbers and letters is near, or one whose
    number has a digit too many, too few, or in the place of its neighbour. A name with a brand, such as `RX`, is a GPU
    of that brand.

    Args:
        name: As written.
        vendor: `nvidia` or `amd`, the vendor that the GPU must have; None for any.
    """
    from modelgen.engines.host.known_cards import CARDS

    alone = _read(name)[0]
    families = [card.name for card in CARDS if alone and _read(card.name)[0] - _FAMILIES == alone]
    if len(families) > 1 and vendor in (None, "nvidia"):
        return f"did you mean {' or '.join(f'`{family}`' for family in families)}?"
    brand = _BRAND.search(name.lower())
    names = ((other, card) for card in CARDS for other in (card.name, *card.also))
    by_shape = {
        known: card.name
        for other, card in names
        if (known := _shape(other))
        and vendor in (None, vendor_of(card.capability))
        and (brand is None or brand[0] in card.name.lower())
    }
    shape = _shape(_spelled(name, {word for known in by_shape for word in known.split()}))
    if shape in by_shape:
        return f"did you mean `{by_shape[shape]}`?"
    alike = {known: card for known, card in by_shape.items() if _MARKS.findall(known) == _MARKS.findall(shape)}
    found = did_you_mean(shape, alike, list_known=False)
    near = alike.get(found.removeprefix("did you mean `").removesuffix("`?"))
    near = near or _by_number(shape, by_shape, has_brand=brand is not None)
    return f"did you mean `{near}`?" if near else ""


def _spelled(name: str, known: Collection[str]) -> str:
    """Return a name with digits for the letters that look like them, and without misspelt noise such as `RXT`."""
    from difflib import get_close_matches

    def is_noise(word: str) -> bool:
        is_word = word.isalpha() and len(word) >= _SHORTEST and word.lower() not in known
        return is_word and bool(get_close_matches(word.lower(), _NOISE, cutoff=0.6))

    text = re.sub(r"(?<=\d)o(?=\d|\b)", "0", name, flags=re.IGNORECASE)
    return " ".join(word for word in text.split() if not is_noise(word))


def _by_number(shape: str, by_shape: Mapping[str, str], *, has_brand: bool) -> str:
    """Return the only card whose number differs by one slip of a finger, else the one of this number alone."""
    numbers = {number for known in by_shape for number in re.findall(r"\d{4}", known)}
    written = re.search(r"\d{3,5}", shape)
    if written is None or (not has_brand and len(written[0]) < _FEWEST_DIGITS):
        return ""
    near = {number for number in numbers if number in _slips(written[0]) or written[0] in _slips(number)}
    found = {card for number in near if (card := by_shape.get(_shape(shape.replace(written[0], number))))}
    return found.pop() if len(found) == 1 else by_shape.get(written[0], "")


def _slips(number: str) -> set[str]:
    """Return a number with one digit left out, and with two neighbours exchanged."""
    without = {number[:at] + number[at + 1 :] for at in range(len(number))}
    return without | {number[:at] + number[at + 1] + number[at] + number[at + 2 :] for at in range(len(number) - 1)}


def with_other_memory(name: str) -> tuple[KnownCard, int] | None:
    """Return the known GPU of a name with a size that it is not sold with, as `RTX 4090 48GB`, and that size in GB."""
    from modelgen.engines.host.known_cards import CARDS

    words, size = _read(name)
    same = [card for card in CARDS if any(_read(other)[0] == words for other in (card.name, *card.also))]
    return (same[0], size) if same and size is not None else None


def without_profile(name: str) -> tuple[str, int] | None:
    """Return the name of a GPU without its MIG profile, and the GB of the profile; None for a name without one."""
    found = _PROFILE.search(name)
    return (_PROFILE.sub("", name).strip(), int(found[1])) if found else None


def memory_of_profile(size: int) -> int:
    """Return the MiB of a MIG profile by the GB in its name: what the driver reports, else a careful estimate."""
    return _OF_PROFILE.get(size, size * 1024 * _LEAST_OF_PROFILE // 100)


@cache
def _read(name: str) -> tuple[frozenset[str], int | None]:
    """Return the words that distinguish a GPU, and the size in its name."""
    text = re.sub(r"(\d+) +(?=gi?b\b)", r"\1", name.lower().replace("mobile", "laptop"))
    text = re.sub(r"\b(rtx|gtx|rx)(?=\d)", r"\1 ", _JOINED.sub(r" \1", text))
    words = re.findall(r"[a-z0-9]+", text)
    sizes = [int(found[1]) for word in words if (found := _SIZE.fullmatch(word))]
    noise = (_SIZE.fullmatch, _BUS_OR_MEMORY.fullmatch, _NOISE.__contains__)
    return frozenset(word for word in words if not any(is_noise(word) for is_noise in noise)), next(iter(sizes), None)


def _shape(name: str) -> str:
    """Return the words that distinguish a GPU as one text."""
    return " ".join(sorted(_read(name)[0]))


def _is_size(card: KnownCard, size: int) -> bool:
    """Return whether a card is sold as one with that many GB."""
    return not card.mebibytes or size * _LEAST_OF_NAME <= card.mebibytes / 1024 <= size * _MOST_OF_NAME
