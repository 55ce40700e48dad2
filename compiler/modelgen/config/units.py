"""Parse sizes, shares and durations: strings with a unit in the file, plain numbers in the code."""

import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_FACTORS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_DURATION = re.compile(r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
# Docker's smallest quota is 1 ms in 100 ms. A limit above the host's processors is refused only by the host.
_FEWEST_CPUS = 0.01
_MOST_CPUS = 100_000
_DOTTED = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}", re.ASCII)
_CAPABILITY = re.compile(r"\d{1,2}\.\d|gfx[0-9a-f]{3,4}", re.ASCII)
CAPABILITY_PATTERN = r"^(\d{1,2}\.\d|gfx[0-9a-f]{3,4})$"
DOTTED_PATTERN = r"^\d{1,6}(\.\d{1,6}){0,3}$"
SIZE_PATTERN = r"^\d+(\.\d+)? ?([KMGT]i?)?B$"
DURATION_PATTERN = r"^(?=\d)(\d+h)?(\d+m)?(\d+s)?$"


def parse_size(value: Any) -> int:  # noqa: ANN401 - whatever TOML holds
    """Return the bytes that a string such as `"24GiB"` or `"10 GB"` means."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    size = int(Decimal(match[1]) * _FACTORS[match[2]]) if match else 0
    if not 0 < size < 2**60:
        raise PydanticCustomError(
            "bad-size", 'is not a size: write a positive number and a unit, such as "24GiB" or "10 GB"'
        )
    return size


def parse_duration(value: Any) -> int:  # noqa: ANN401
    """Return the seconds that a string such as `"90s"`, `"15m"` or `"1h30m"` means."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise PydanticCustomError(
            "bad-duration", 'is not a duration: write a positive number and a unit, such as "90s", "15m" or "1h30m"'
        )
    return total


def parse_share(value: Any) -> float:  # noqa: ANN401
    """Return a share of a GPU, a float above 0 and at most 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 < value <= 1):
        raise PydanticCustomError("bad-share", "is not a share: write a number above 0 and at most 1, such as 0.95")
    return float(value)


def parse_memory(value: Any) -> int | float | Literal["auto"]:  # noqa: ANN401
    """Return bytes (an int) for a size, a share (a float) for a number, and `auto`."""
    if value == "auto":
        return "auto"
    if isinstance(value, str):
        return parse_size(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 < value <= 1):
        raise PydanticCustomError(
            "bad-size",
            'is neither a size such as "10GiB" nor a share of the GPU above 0 and at most 1, such as 0.42, nor "auto"',
        )
    return float(value)


def parse_cpus(value: Any) -> int | float:  # noqa: ANN401
    """Return a number of processors, no smaller than Docker's smallest and no larger than what Compose can count."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (_FEWEST_CPUS <= value <= _MOST_CPUS):
        raise PydanticCustomError(
            "bad-value", "is not a number of processors: write a number of at least 0.01, such as 8 or 2.5"
        )
    return value


def parse_dotted(value: Any) -> str:  # noqa: ANN401
    """Return a version of numbers and dots, such as `570.195.03`."""
    if not isinstance(value, str) or not _DOTTED.fullmatch(value):
        raise PydanticCustomError("bad-value", 'is not a version: write numbers and dots, such as "28.3"')
    return value


def parse_capability(value: Any) -> str:  # noqa: ANN401
    """Return NVIDIA's compute capability, such as `8.6`, or AMD's gfx name, such as `gfx1151`."""
    if not isinstance(value, str) or not _CAPABILITY.fullmatch(value):
        raise PydanticCustomError(
            "bad-value",
            'is no compute capability: write "8.6", as `nvidia-smi --query-gpu=compute_cap --format=csv` prints it, or '
            '"gfx1151", as `rocminfo` prints it',
        )
    return value


_SIZE_SCHEMA = {"type": "string", "pattern": SIZE_PATTERN, "examples": ["24GiB", "10 GB"]}
_SHARE_SCHEMA = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}

Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)]
Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "15m", "1h30m"]}),
]
Dotted = Annotated[str, BeforeValidator(parse_dotted), WithJsonSchema({"type": "string", "pattern": DOTTED_PATTERN})]
Capability = Annotated[
    str, BeforeValidator(parse_capability), WithJsonSchema({"type": "string", "pattern": CAPABILITY_PATTERN})
]
Cpus = Annotated[
    int | float,
    BeforeValidator(parse_cpus),
    WithJsonSchema({"type": "number", "minimum": _FEWEST_CPUS, "maximum": _MOST_CPUS, "examples": [8, 2.5]}),
]
Share = Annotated[float, BeforeValidator(parse_share), WithJsonSchema(_SHARE_SCHEMA)]
Memory = Annotated[
    int | float | Literal["auto"],
    BeforeValidator(parse_memory),
    WithJsonSchema({"anyOf": [_SIZE_SCHEMA, _SHARE_SCHEMA, {"type": "string", "const": "auto"}]}),
]
