"""Apply what-if options of `modelgen fit` to a start."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from modelgen.fit.estimate import Start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.host.known_cards import KnownCard
    from modelgen.fit.estimate import AnyStart
    from modelgen.fit.gguf import GgufStart
    from modelgen.fit.pools import PoolStart
    from modelgen.resolve import ModelRun

_TOKENS = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([kKmM]?)")


class Changes(NamedTuple):
    """Differences from models.toml.

    Args:
        length: The longest request in tokens.
        card: The GPU of every model.
        args: Flags.
    """

    length: int | None
    card: KnownCard | None
    args: dict[str, str | int]

    @classmethod
    def read(cls, context: str | None, gpu: str | None, flags: Mapping[str, str | int | None]) -> Changes:
        """Return the changes that options name; a flag that is None stays as it is.

        Raises:
            UsageError: A value has no meaning.
        """
        args = {flag: value for flag, value in flags.items() if value is not None}
        return cls(_tokens(context) if context is not None else None, _card(gpu) if gpu is not None else None, args)

    def apply(self, start: AnyStart, run: ModelRun) -> AnyStart:
        """Return the start with the changes; a share of the memory is the same share of the other GPU."""
        if not isinstance(start, Start):
            args, length = self._args_of(start, run), self.length or start.length
            return self._with_card(start, run)._replace(args=args, length=length)
        if self.card is not None and run.version is not None and run.engine is not None and run.engine.memory:
            memory = self.card.mebibytes * 2**20
            reserved = start.share * start.memory if isinstance(run.model.gpu_memory, int) else start.share * memory
            facts = run.engine.memory(run.version, memory, self.card.name)
            start = start._replace(
                memory=memory, visible=self.card.visible, share=min(1.0, round(reserved / memory, 4)), facts=facts
            )
        if self.card is not None or self.args:
            start = start._replace(measured=None)  # which counts for one GPU and its flags
        return start._replace(args={**start.args, **self.args}, length=self.length or start.length)

    def _with_card(self, start: GgufStart | PoolStart, run: ModelRun) -> GgufStart | PoolStart:
        if isinstance(gpus := self.args.get("tensor-parallel-size"), int):
            start = start._replace(gpus=gpus)
        if self.card is None:
            return start
        memory = self.card.mebibytes * 2**20
        reserved = start.share * start.memory if isinstance(run.model.gpu_memory, int) else start.share * memory
        return start._replace(memory=memory, share=min(1.0, round(reserved / memory, 4)))

    def _args_of(self, start: GgufStart | PoolStart, run: ModelRun) -> dict[str, Any]:
        """Return the flags by the names that the engine has for them."""
        slots = (run.engine.slots,) if run.engine is not None and run.engine.slots else ()
        flags = {"kv-cache-dtype": run.engine.cache_flags if run.engine else (), "max-num-seqs": slots}
        return {**start.args, **{own: value for flag, value in self.args.items() for own in flags.get(flag, ())}}


def _tokens(text: str) -> int:
    """Return a number of tokens: `32k` is 32,768, as models count."""
    found = _TOKENS.fullmatch(text)
    number = float(found[1]) * {"": 1, "k": 1024, "m": 1024**2}[found[2].lower()] if found else 0
    if not 1 <= number < 2**31:
        raise click.UsageError(f"--context {text[:40]} is not a number of tokens: write 32768 or 32k")
    return int(number)


def _card(name: str) -> KnownCard:
    from modelgen.diagnostics import did_you_mean
    from modelgen.engines.host.cards import find_known
    from modelgen.engines.host.known_cards import CARDS

    found = [card for card in find_known(name, None) if card.mebibytes]
    if len(found) != 1:
        names = [card.name for card in found] or [card.name for card in CARDS]
        meant = f"choose one of {', '.join(names)}" if found else did_you_mean(name, names)
        raise click.UsageError(f"--gpu {name[:60]} is not one known GPU: {meant}")
    return found[0]
