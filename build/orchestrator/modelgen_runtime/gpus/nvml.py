"""Read GPUs by NVML, the library of NVIDIA's driver, by nine of its functions.

The types and constants are those of nvml.h. ctypes calls the library, so that the image needs no further package.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

LIBRARY = "libnvidia-ml.so.1"
_CORE_SENSOR = 0  # NVML_TEMPERATURE_GPU


class NvmlError(Exception):
    """NVML cannot be opened, or one of its calls failed; the message is its reason."""


class Reading(NamedTuple):
    """One GPU, in bytes, percent, °C and W; None for what it does not report.

    Args:
        total: Its memory.
        free: Memory that is free.
        used: All other memory, with what the driver itself needs.
        utilization: Share of the last moments in which a kernel ran.
        temperature: Temperature of its core.
        power: What it draws.
    """

    total: int
    free: int
    used: int
    utilization: int | None
    temperature: int | None
    power: float | None


class _Memory(ctypes.Structure):
    """Corresponds to nvmlMemory_t."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]  # type: ignore[mutable-override]


class _Utilization(ctypes.Structure):
    """Corresponds to nvmlUtilization_t."""

    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]  # type: ignore[mutable-override]


class Nvml:
    """The opened library.

    Args:
        library: Its name or path.

    Raises:
        NvmlError: It is not here, or the driver does not answer.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            self._library = ctypes.CDLL(library)
            self._library.nvmlErrorString.restype = ctypes.c_char_p
        except (OSError, AttributeError) as error:
            raise NvmlError(f"{library} cannot be opened: {error}") from error
        self._call("nvmlInit_v2")

    def read(self, device: str) -> Reading:
        """Read one GPU.

        Args:
            device: Its index, or its UUID.

        Raises:
            NvmlError: It is not here, or its memory cannot be read.
        """
        handle, memory = self._find(device), _Memory()
        self._call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
        utilization, temperature, power = _Utilization(), ctypes.c_uint(), ctypes.c_uint()
        has_utilization = self._reports("nvmlDeviceGetUtilizationRates", handle, ctypes.byref(utilization))
        has_temperature = self._reports("nvmlDeviceGetTemperature", handle, _CORE_SENSOR, ctypes.byref(temperature))
        has_power = self._reports("nvmlDeviceGetPowerUsage", handle, ctypes.byref(power))
        return Reading(
            memory.total,
            memory.free,
            memory.used,
            utilization.gpu if has_utilization else None,
            temperature.value if has_temperature else None,
            power.value / 1000 if has_power else None,
        )

    def close(self) -> None:
        """Release the driver."""
        self._library.nvmlShutdown()

    def _find(self, device: str) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        if device.isdecimal():
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(device)), ctypes.byref(handle))
        else:
            self._call("nvmlDeviceGetHandleByUUID", device.encode(), ctypes.byref(handle))
        return handle

    def _reports(self, name: str, *arguments: object) -> bool:
        """Return whether a call succeeded. GPUs that are shared or have no sensor lack some of them."""
        try:
            self._call(name, *arguments)
        except NvmlError:
            return False
        return True

    def _call(self, name: str, *arguments: object) -> None:
        try:
            code = getattr(self._library, name)(*arguments)
        except AttributeError as error:
            raise NvmlError(f"the driver has no {name}") from error
        if code:
            said = self._library.nvmlErrorString(code)
            raise NvmlError(f"{name}: {said.decode(errors='replace') if said else code}")
