"""GPUs are measured, starts wait for memory that is being freed, and a broken driver stops nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from fake_nvml import make_nvml
from modelgen_runtime.failures.explanation import explain_failure
from modelgen_runtime.failures.occupation import name_occupation
from modelgen_runtime.failures.root_cause import find_cause
from modelgen_runtime.gpus.gauge import Gauge, Pace, Shortage
from modelgen_runtime.gpus.nvml import Nvml, NvmlError, Reading
from modelgen_runtime.manifest import write_manifest
from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GIB = 2**30
QUICK = Pace(every=0.01, again=0.01)
NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="compiles a library")


class Driver:
    """A driver in place of NVML: each reading takes the next of these used GiB; the last one stays."""

    def __init__(self, *used: float | Exception) -> None:
        self.used, self.reads, self.opened = [*used], 0, 0
        self.gate = threading.Event()
        self.gate.set()

    def open(self) -> Driver:
        self.opened += 1
        return self

    def read(self, device: str) -> Reading:
        assert device == "0"
        self.gate.wait()
        now = self.used.pop(0) if len(self.used) > 1 else self.used[0]
        self.reads += 1
        if isinstance(now, Exception):
            raise now
        used = int(now * GIB)
        return Reading(24 * GIB, 24 * GIB - used, used, None, None, None)

    def close(self) -> None:
        pass


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what changes is in a thread
            await asyncio.sleep(0.001)


def gauge(driver: Driver, pace: Pace = QUICK) -> Gauge:
    return Gauge({"gpu0": "0"}, driver.open, pace)  # type: ignore[arg-type]


async def wait(driver: Driver, gib: float, pace: Pace = QUICK) -> list[Shortage]:
    measuring = gauge(driver, pace)
    try:
        await until(lambda: measuring.last("gpu0"))
        return await measuring.wait_free({"gpu0": int(gib * GIB)})
    finally:
        measuring.close()


def test_a_start_waits_while_memory_is_being_freed() -> None:
    driver = Driver(22, 22, 22, 15, 15, 9, 4)
    assert asyncio.run(wait(driver, 18)) == []
    assert driver.used == [4]


def test_a_start_waits_for_the_slower_of_two_gpus() -> None:
    async def run() -> list[Shortage]:
        driver = Driver(22, 22, 4, 21.5, 4, 21, 4, 20.5, 4, 20, 4)
        measuring = Gauge({"gpu0": "0", "gpu1": "0"}, driver.open, QUICK)  # type: ignore[arg-type]
        try:
            await until(lambda: measuring.last("gpu1"))
            return await measuring.wait_free({"gpu0": 18 * GIB, "gpu1": 18 * GIB})
        finally:
            measuring.close()

    assert asyncio.run(run()) == []


def test_a_start_waits_for_nothing_if_there_is_room() -> None:
    assert asyncio.run(wait(Driver(4), 18, Pace(every=60))) == []


def test_memory_of_others_ends_the_wait_and_is_named() -> None:
    [short] = asyncio.run(wait(Driver(21), 18))
    assert str(short) == "gpu0 had 3.0 GiB free before the start of the model, which reserves 18.0 GiB"


def test_the_wait_has_an_end() -> None:
    driver = Driver(*(23 - number * 1e-6 for number in range(10**4)))
    assert asyncio.run(wait(driver, 18, QUICK._replace(longest=0.05))) != []


def test_a_driver_that_hangs_ends_the_wait_and_says_so() -> None:
    async def run() -> tuple[list[Shortage], list[str], bool]:
        driver = Driver(22)
        measuring = gauge(driver, QUICK._replace(stale=0.05))
        await until(lambda: measuring.last("gpu0"))
        driver.gate.clear()
        try:
            short = await measuring.wait_free({"gpu0": 18 * GIB})
            await until(measuring.warnings)
            last = measuring.last("gpu0")
            assert last is not None
            return short, measuring.warnings(), measuring.is_stale(last[1])
        finally:
            measuring.close()
            driver.gate.set()

    short, [warning], is_stale = asyncio.run(run())
    assert (short, is_stale) == ([], True), "what is not known for sure is no shortage"
    assert "has not answered" in warning


def test_a_gpu_that_is_lost_is_named_and_found_again() -> None:
    async def run() -> tuple[list[str], int]:
        driver = Driver(NvmlError("GPU is lost"))
        measuring = gauge(driver)
        try:
            await until(measuring.warnings)
            said = measuring.warnings()
            driver.used[:] = [3]
            await until(lambda: measuring.last("gpu0"))
            await until(lambda: not measuring.warnings())
            return said, driver.opened
        finally:
            measuring.close()

    said, opened = asyncio.run(run())
    assert said == ["`gpu_stats`: gpu0: GPU is lost"]
    assert opened > 1, "a replaced driver needs a new start of the library"


def test_a_host_without_the_library_says_so() -> None:
    async def run() -> list[str]:
        measuring = Gauge({"gpu0": "0"}, lambda: Nvml("/nowhere/libnvidia-ml.so.1"), QUICK)
        try:
            await until(measuring.warnings)
            assert await measuring.wait_free({"gpu0": GIB}) == []
            return measuring.warnings()
        finally:
            measuring.close()

    [warning] = asyncio.run(run())
    assert "/nowhere/libnvidia-ml.so.1 cannot be opened" in warning


def test_only_a_failure_for_want_of_memory_gets_another_meaning() -> None:
    short = [str(Shortage("gpu0", 3 * GIB, 18 * GIB))]
    full = explain_failure("vllm", 1, find_cause(["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate"]))
    assert full is not None
    named = name_occupation(full, short)
    assert named is not None
    assert (named.name, named.line) == ("card-occupied", full.line)
    assert "gpu0 had 3.0 GiB free before" in named.text
    other = explain_failure("vllm", 1, find_cause(["vllm: error: unrecognized arguments: --nope"]))
    assert other is not None
    assert name_occupation(other, short) is other
    assert name_occupation(None, short) is None


@pytest.fixture(scope="module")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_nvml(tmp_path_factory.mktemp("nvml"))


@NEEDS_CC
def test_the_library_is_read_by_index_and_uuid(nvml: tuple[Path, Path]) -> None:
    library, says = nvml
    says.write_text("600")
    opened = Nvml(str(library))
    reading = opened.read("0")
    assert reading == Reading(24 * GIB, 24 * GIB - 600 * 2**20, 600 * 2**20, 37, 61, None)
    assert opened.read("GPU-1") == reading
    says.write_text("-15")
    with pytest.raises(NvmlError, match="nvmlDeviceGetMemoryInfo: GPU is lost"):
        opened.read("0")
    with pytest.raises(NvmlError, match="nvmlDeviceGetHandleByIndex_v2"):
        opened.read("1")
    opened.close()
    says.write_text("-9")
    with pytest.raises(NvmlError, match="nvmlInit_v2: Driver Not Loaded"):
        Nvml(str(library))


@NEEDS_CC
def test_status_and_metrics_show_what_is_measured(nvml: tuple[Path, Path], tmp_path: Path) -> None:
    library, says = nvml
    says.write_text("9216")
    content = manifest(engine("tiny", gib=4), gpu_stats={"gpu0": "0"})
    with serving(tmp_path, content, is_fresh=True, also={"LD_LIBRARY_PATH": str(library.parent)}) as served:
        assert served.chat("tiny")[0] == 200
        [gpu] = served.ask("/status")[1]["gpus"]
        assert (gpu["measured"]["used"], gpu["measured"]["unreserved"]) == (9 * GIB, 5 * GIB)
        metrics = served.ask("/metrics")[1]
        assert 'modelgen_gpu_unreserved_bytes{gpu="gpu0"} 5.36870912e+09' in metrics
        assert 'modelgen_gpu_utilization_ratio{gpu="gpu0"} 0.37' in metrics
        says.write_text("hang")
        asyncio.run(until(lambda: served.ask("/status")[1]["gpus"][0]["measured"]["age"] > 1.5))
        assert served.chat("tiny")[0] == 200, "a driver that hangs stops neither requests nor the shutdown"


@NEEDS_CC
def test_a_model_that_fails_beside_another_program_says_what_was_free(nvml: tuple[Path, Path], tmp_path: Path) -> None:
    library, says = nvml
    says.write_text(str(20 * 1024))
    full = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    content = manifest(engine("tiny", "--say", full, "--exit-at-start", "1", gib=6), gpu_stats={"gpu0": "0"})
    with serving(tmp_path, content, is_fresh=True, also={"LD_LIBRARY_PATH": str(library.parent)}) as served:
        status, answer = served.chat("tiny")
        assert status == 503
        assert "gpu0 had 4.0 GiB free before the start of the model, which reserves 6.0 GiB" in json.dumps(answer)
        [model] = served.ask("/status")[1]["models"]
        assert (model["failure"]["name"], model["failure"]["places"]) == ("card-occupied", ["models.tiny.gpu_memory"])


def test_nothing_is_measured_without_the_key(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("tiny", gib=4))) as served:
        assert served.ask("/status")[1]["gpus"][0]["measured"] is None
        assert "modelgen_gpu_used_bytes" not in served.ask("/metrics")[1]
        changed = manifest(engine("tiny", gib=4), gpu_stats={"gpu0": "0"})
        (tmp_path / "manifest.json").write_bytes(write_manifest(changed))
        assert served.ask("/reload", {})[1]["needs_restart"] == ["gpu_stats"]
