"""Read all GPUs once a second in a thread, and let starts wait for memory that is still occupied.

NVML may block for as long as a broken driver likes, so nothing waits for the thread. What it has not renewed is stale.
"""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, NamedTuple

from modelgen_runtime.gpus.nvml import Nvml, NvmlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen_runtime.gpus.nvml import Reading

_GIB = 2**30
_ALL = ""
"""In place of the name of a GPU, for a fault of the library."""


class Pace(NamedTuple):
    """Times in seconds, and a number of readings.

    Args:
        every: Between two readings.
        again: After the library could not be opened.
        stale: Age from which a reading no longer counts.
        longest: The longest wait of a start.
        steady: Readings without more free memory after which a start no longer waits: nothing is being freed.
    """

    every: float = 1.0
    again: float = 10.0
    stale: float = 5.0
    longest: float = 30.0
    steady: int = 3


class Shortage(NamedTuple):
    """A GPU on which less is free than a model reserves, in bytes."""

    gpu: str
    free: int
    needed: int

    def __str__(self) -> str:
        free, needed = self.free / _GIB, self.needed / _GIB
        return f"{self.gpu} had {free:.1f} GiB free before the start of the model, which reserves {needed:.1f} GiB"


class Gauge:
    """The last reading of each GPU.

    Args:
        devices: Index or UUID of each GPU by its name.
        open_library: Opens NVML.
        pace: Its times.
    """

    def __init__(
        self, devices: Mapping[str, str], open_library: Callable[[], Nvml] = Nvml, pace: Pace | None = None
    ) -> None:
        self.devices, self._open, self._pace = dict(devices), open_library, pace or Pace()
        self._loop = asyncio.get_running_loop()
        self._readings: dict[str, tuple[Reading, float]] = {}
        self._faults: dict[str, str] = {}
        self._heard = self._loop.time()
        self._renewed = asyncio.Event()
        self._hurry, self._is_closed = threading.Event(), False
        # A daemon, since a thread that hangs in the driver must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="read GPUs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after its current call, without waiting for it."""
        self._is_closed = True
        self._hurry.set()

    def last(self, gpu: str) -> tuple[Reading, float] | None:
        """Return the last reading of a GPU and its age in seconds, or None."""
        if (found := self._readings.get(gpu)) is None:
            return None
        return found[0], max(0.0, self._loop.time() - found[1])

    def is_stale(self, age: float) -> bool:
        """Return whether a reading is too old to count."""
        return age > self._pace.stale

    def warnings(self) -> list[str]:
        """Return why GPUs are not measured, a sentence each. Serving does not depend on it."""
        silence = self._loop.time() - self._heard
        if silence > self._pace.stale + (self._pace.again if _ALL in self._faults else 0.0):
            return [f"`gpu_stats`: the driver has not answered for {silence:.0f} s, so what the GPUs hold is stale"]
        return [f"`gpu_stats`: {place}{why}" for place, why in self._faults.items()]

    async def wait_free(self, needed: Mapping[str, int]) -> list[Shortage]:
        """Wait until this many bytes are free on each GPU, as long as more and more is being freed.

        Returns:
            What is short nevertheless; empty if all is free, or not known.
        """
        if not (short := self._short(needed)):
            return []
        least, steady = math.inf, 0
        end = self._loop.time() + self._pace.longest
        self._hurry.set()  # the last reading may be older than the end of the engine that left
        while short and steady < self._pace.steady:
            missing = sum(one.needed - one.free for one in short)
            least, steady = min(least, missing), 0 if missing < least else steady + 1
            self._renewed.clear()
            try:
                async with asyncio.timeout_at(min(end, self._loop.time() + self._pace.stale)):
                    await self._renewed.wait()
            except TimeoutError:
                return self._short(needed)
            short = self._short(needed)
        return short

    def _short(self, needed: Mapping[str, int]) -> list[Shortage]:
        lasts = {gpu: self.last(gpu) for gpu in needed}
        return [
            Shortage(gpu, found[0].free, needed[gpu])
            for gpu, found in lasts.items()
            if found is not None and not self.is_stale(found[1]) and found[0].free < needed[gpu]
        ]

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        library: Nvml | None = None
        while not self._is_closed:
            readings, faults = dict[str, "Reading"](), dict[str, str]()
            try:
                library = library or self._open()
                for name, device in self.devices.items():
                    try:
                        readings[name] = library.read(device)
                    except NvmlError as error:
                        faults[f"{name}: "] = str(error)
                if faults and not readings:  # the driver was replaced or the GPUs are lost: only a new start helps
                    library.close()
                    library = None
            except NvmlError as error:
                faults[_ALL] = str(error)
            try:
                self._loop.call_soon_threadsafe(self._note, readings, faults)
            except RuntimeError:  # the loop is closed
                return
            self._hurry.wait(self._pace.again if _ALL in faults else self._pace.every)
            self._hurry.clear()
        if library is not None:
            library.close()

    def _note(self, readings: dict[str, Reading], faults: dict[str, str]) -> None:
        self._heard = self._loop.time()
        self._readings |= {name: (reading, self._heard) for name, reading in readings.items()}
        self._faults = faults
        self._renewed.set()
