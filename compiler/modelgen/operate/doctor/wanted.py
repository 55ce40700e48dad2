"""Collect what models.toml needs from a host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from modelgen.config.tables import Host
from modelgen.engines.host.addresses import DEFAULT_LISTEN, parse_address
from modelgen.engines.images.properties import cuda_of
from modelgen.resolve.cards import Card, cards
from modelgen.resolve.runs import run_models

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.config import Gpu
    from modelgen.ir import Address
    from modelgen.load import Document
    from modelgen.resolve import ModelRun

_NVIDIA_DEVICES = "nvidia.com/"


@dataclass(frozen=True)
class Wanted:
    """The needs of models.toml; empty if the file cannot be read.

    Args:
        document: The user's file.
        hub: The hub directory on this host.
        is_without_cards: Whether the user's override removes all GPUs.
    """

    document: Document | None = None
    hub: Path | None = None
    is_without_cards: bool = False

    @cached_property
    def runs(self) -> dict[str, ModelRun]:
        """The engine and image of each model, by id."""
        return run_models(self.document) if self.document else {}

    @property
    def project(self) -> str | None:
        """The Compose project, the prefix of containers' names."""
        if self.document is None or self.document.is_refused("project", "name"):
            return None
        return self.document.config.project.name

    @property
    def host(self) -> Host:
        """`[host]` as written; empty without one."""
        written = self.document.config.host if self.document else None
        return written or Host.model_construct(set())

    def memory_of(self, gpu: str) -> int:
        """Return the memory of a GPU of `[gpus]` in bytes; 0 if it is not known."""
        card = self._cards.get(gpu)
        return card.memory if card else 0

    def limit_of(self, gpu: str) -> float:
        """Return the share of a GPU of `[gpus]` that models may reserve together; 1 if it is not known."""
        card = self._cards.get(gpu)
        return card.limit if card else 1.0

    @cached_property
    def _cards(self) -> dict[str, Card]:
        return cards(self.document.config) if self.document else {}

    @property
    def needs_hub(self) -> bool:
        """Return whether any model reads weights; True if models.toml cannot be read."""
        return self.document is None or any(run.needs_hub for run in self.runs.values())

    @property
    def has_orchestrator(self) -> bool:
        """Return whether the orchestrator runs in Docker, and so uses its socket and listens."""
        if self.document is None:
            return False
        table = self.document.config.orchestrator
        return table is None or table.enabled is not False

    @property
    def gpus(self) -> dict[str, Gpu]:
        """The GPUs by name; none if the override removes them."""
        if self.is_without_cards:
            return {}
        return (self.document.config.gpus or {}) if self.document else {}

    @property
    def nvidia(self) -> dict[str, Gpu]:
        """The GPUs of NVIDIA's driver."""
        return {
            name: gpu
            for name, gpu in self.gpus.items()
            if gpu.kind in (None, "nvidia") or (gpu.kind == "cdi" and gpu.device.startswith(_NVIDIA_DEVICES))
        }

    @property
    def jetsons(self) -> dict[str, Gpu]:
        """The GPUs that models.toml names as those of a Jetson."""
        known = {name: card.known for name, card in self._cards.items()}
        return {name: gpu for name, gpu in self.gpus.items() if (card := known.get(name)) and card.is_jetson}

    @cached_property
    def cuda(self) -> dict[str, tuple[int, int]]:
        """The images that run on NVIDIA's GPUs, with the CUDA version of each, if known."""
        found = {}
        for run in self.runs.values():
            cuda = cuda_of(run.image, run.version) if run.image else None
            if run.reference and cuda and any(gpu in self.nvidia for gpu in run.model.gpus or ()):
                found[run.reference] = cuda
        return found

    @cached_property
    def addresses(self) -> dict[str, Address]:
        """The addresses to listen on, by the line of models.toml that sets each, without duplicates."""
        written: dict[str, str] = {}
        if self.document and self.has_orchestrator and not self.document.is_refused("orchestrator", "listen"):
            table = self.document.config.orchestrator
            written["[orchestrator] listen"] = (table and table.listen) or DEFAULT_LISTEN
        for name, model in self.document.models.items() if self.document else ():
            if model.publish:
                written[f"[models.{name}] publish"] = model.publish
        found = {line: parse_address(text) for line, text in written.items()}
        return {line: address for line, address in found.items() if address is not None}
