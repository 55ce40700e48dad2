"""The list of known GPUs: the names that people and drivers write, and values that can be right."""

from __future__ import annotations

import pytest

from modelgen.engines.host.cards import find_known, similar_names
from modelgen.engines.host.known_cards import CARDS, KnownCard
from modelgen.engines.images.versions import parse_capability

GIB = 2**30


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("RTX 3090", "RTX 3090"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("RTX 3090 24GB", "RTX 3090"),
        ("4090", "RTX 4090"),
        ("rtx4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "RTX 4090 Laptop"),
        ("RTX 5090D", "RTX 5090 D"),
        ("4060Ti 16 GB", "RTX 4060 Ti 16GB"),
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB"),
        ("A100 40GB", "A100 40GB"),
        ("NVIDIA H100 80GB HBM3", "H100 80GB"),
        ("H100", "H100 80GB"),
        ("NVIDIA H20", "H20 96GB"),
        ("NVIDIA GH200 480GB", "GH200 96GB"),
        ("B200 192GB", "B200"),
        ("NVIDIA B300 SXM6 AC", "B300"),
        ("Tesla T4", "T4"),
        ("Tesla P40", "P40"),
        ("V100 32GB", "V100 32GB"),
        ("Tesla V100-SXM2-16GB", "V100 16GB"),
        ("Tesla P100-PCIE-16GB", "P100 16GB"),
        ("GTX 1080 Ti", "GTX 1080 Ti"),
        ("NVIDIA TITAN V", "TITAN V"),
        ("Quadro P4000", "Quadro P4000"),
        ("NVIDIA L40S", "L40S"),
        ("Quadro RTX 6000", "Quadro RTX 6000"),
        ("NVIDIA RTX PRO 5000 Blackwell Generation Laptop GPU", "RTX PRO 5000 Laptop"),
        ("AMD Instinct MI250X / MI250", "MI250X"),
        ("AMD Radeon 780M Graphics", "Radeon 780M"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000"),
        ("DGX Spark", "GB10"),
        ("NVIDIA GB10", "GB10"),
        ("Jetson AGX Orin 64GB", "Jetson AGX Orin 64GB"),
        ("AMD Instinct MI300X OAM", "MI300X"),
        ("AMD INSTINCT MI250 (MCM) OAM AC MBA", "MI250"),
        ("Radeon RX 7900 XTX", "RX 7900 XTX"),
        ("7900xtx", "RX 7900 XTX"),
        ("Radeon 8060S Graphics", "Strix Halo"),
        ("Ryzen AI Max+ 395", "Strix Halo"),
    ],
)
def test_names_as_people_and_drivers_write_them(written: str, name: str) -> None:
    assert [card.name for card in find_known(written)] == [name]


def test_a_name_with_several_sizes() -> None:
    assert [card.name for card in find_known("A100")] == ["A100 40GB", "A100 80GB"]
    assert [card.name for card in find_known("RTX 3060")] == ["RTX 3060 8GB", "RTX 3060 12GB"]
    assert [card.name for card in find_known("NVIDIA GeForce RTX 3060", 12288 * 2**20)] == ["RTX 3060 12GB"]


@pytest.mark.parametrize("written", ["", "gpu", "RTX", "NVIDIA", "banana", "RTX 6000", "A100 60GB", "RTX 9999", "24GB"])
def test_a_name_that_means_none(written: str) -> None:
    assert find_known(written) == ()


def test_a_misspelt_name() -> None:
    assert similar_names("RTX 3090 Tie") == "did you mean `RTX 3090 Ti`?"
    assert similar_names("RTX 30900") == "did you mean `RTX 3090`?"
    assert similar_names("MI300Y") == "did you mean `MI300X`?"
    assert similar_names("banana") == ""
    assert similar_names("RTX 6000") == "did you mean `Quadro RTX 6000` or `RTX 6000 Ada` or `RTX PRO 6000`?"


def test_a_misspelt_name_is_of_the_same_vendor() -> None:
    assert similar_names("RX 7900 XTTX") == "did you mean `RX 7900 XTX`?"
    assert similar_names("RX 970 XT") == "did you mean `RX 9070 XT`?"
    assert similar_names("7900 XTZ", "nvidia") == ""
    assert similar_names("RTX 309") == "did you mean `RTX 3090`?"


@pytest.mark.parametrize(
    "written",
    ["GTX 960", "M10", "Quadro M4000", "Titan X", "K80", "P41", "RX 580", "580", "RX 5300 XT", "MX250", "MI25"],
)
def test_another_number_is_another_card(written: str) -> None:
    assert find_known(written) == ()
    assert similar_names(written) == ""


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_name_finds_its_own_card(card: KnownCard) -> None:
    assert card in CARDS
    assert [find_known(name) for name in (card.name, *card.also)] == [(card,)] * (1 + len(card.also))


def test_values_can_be_right() -> None:
    for card in CARDS:
        assert card.capability.startswith("gfx") or (5, 2) <= parse_capability(card.capability) <= (12, 1)
        assert card.unified or 1.8 * GIB <= card.mebibytes * 2**20 <= 288 * GIB, card
