"""Add up the buffers that llama.cpp prints while it loads a model, by GPU.

Forms of public logs of builds since b4000 (src/llama-model.cpp, llama-kv-cache.cpp, llama-memory-recurrent.cpp and
llama-context.cpp), with `--log-prefix` and without. Windows and states have buffers of their own beside the others,
which add up; the compute buffer is printed again when it grows.
"""

from __future__ import annotations

import re

_PREFIX = r"(?:[0-9.]{7,20} [A-Z] )?"
_BUFFER = re.compile(
    _PREFIX + r"(?:llm_load_tensors|load_tensors|llama_[a-z_]{2,40}|sched_reserve|init): {1,20}"
    r"(?P<device>[A-Za-z0-9_-]{2,40}) (?P<kind>model |KV |RS |compute |)buffer size"
    r" = {1,12}(?P<size>[0-9]{1,9}\.[0-9]{2}) MiB"
)
_NUMBER = re.compile(
    _PREFIX
    + r"(?:llama_context|llama_new_context_with_model): (?P<name>n_ctx|n_seq_max) {1,12}= (?P<number>[0-9]{1,12})\b"
)
_LOADS = re.compile(_PREFIX + r"(?:srv {1,6}load_model|main): loading model\b")
READY = "server is listening on"
_PARTS = {"": "weights", "model ": "weights", "KV ": "cache", "RS ": "cache", "compute ": "activations"}
_NAMES = {"n_ctx": "tokens", "n_seq_max": "requests"}


class Buffers:
    """The buffers of one start, by what they are for and by GPU."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, str], float] = {}
        self._numbers: dict[str, float] = {}

    def read(self, line: str) -> bool:
        """Take over a line; return whether it is the first of another start."""
        if _LOADS.match(line):
            self._sizes, self._numbers = {}, {}
            return True
        if (found := _BUFFER.match(line)) is not None and not _is_of_host(found["device"]):
            part, size = _PARTS[found["kind"]], float(found["size"]) * 2**20
            key = part, found["device"].partition("_")[0]
            before = self._sizes.get(key, 0.0)
            self._sizes[key] = max(before, size) if part == "activations" else before + size
        elif (found := _NUMBER.match(line)) is not None:
            self._numbers.setdefault(_NAMES[found["name"]], float(found["number"]))
        return False

    def table(self) -> dict[str, float]:
        """Return the sizes on the GPU that has the most of each; empty if no GPU has any."""
        sizes: dict[str, float] = {}
        for (part, _), size in self._sizes.items():
            sizes[part] = max(sizes.get(part, 0.0), size)
        return sizes | self._numbers if sizes else {}


def _is_of_host(device: str) -> bool:
    return device.startswith("CPU") or device.endswith("_Host") or device == "BLAS"
