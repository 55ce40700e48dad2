"""Read a host file: the host that a bundle is for, as `modelgen doctor --describe` printed it there."""

import codecs
import tomllib
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from modelgen.config.phrases import phrase
from modelgen.config.table import Table
from modelgen.config.tables import Gpu, Host
from modelgen.config.units import Dotted
from modelgen.files import InputError

FORMAT = 1
_MOST_BYTES = 64 * 2**20
"""Maximum size of a host file; 200,000 names of contents take 14 MB."""
_AGAIN = "run `modelgen doctor --describe`, or importer/describe.py, on that host again"

_Bytes = Annotated[int, Field(ge=0, lt=2**63)]
_Text = Annotated[str, Field(max_length=300)]
_Names = Annotated[list[_Text], Field(max_length=1000)]
_Blob = Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
_Image = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Facts(Table):
    """The table `[destination]`; a fact that is not known is None.

    `system` is Python's name of the platform. `toolkit` is how Docker gives NVIDIA's GPUs to containers, `cdi` the
    devices of CDI, `uuids` the ids of the GPUs in the order of `[gpus]`. `account` is the user and the group that load
    the bundle. Of the three places `project`, `hub` and `docker`, `free_` has the free bytes, and those with the same
    number in `disk_` share them. What the hub's file system holds: symbolic `links`, permissions (`modes`), names that
    differ in case only (`ignores_case`), and the longest name (bytes), path (characters) and file (bytes). `blobs` are
    names of contents in the hub directory, `images` the ids of images.
    """

    format: int
    system: _Text | None = None
    compose: Dotted | None = None
    image_store: Literal["classic", "containerd"] | None = None
    toolkit: Literal["runtime", "cdi", "none"] | None = None
    cdi: _Names | None = None
    uuids: _Names = Field(default_factory=list)
    rootless: bool | None = None
    userns_remap: bool | None = None
    account: _Text | None = None
    disk_project: _Bytes | None = None
    disk_hub: _Bytes | None = None
    disk_docker: _Bytes | None = None
    free_project: _Bytes | None = None
    free_hub: _Bytes | None = None
    free_docker: _Bytes | None = None
    links: bool | None = None
    modes: bool | None = None
    ignores_case: bool | None = None
    longest_name: _Bytes | None = None
    longest_path: _Bytes | None = None
    largest_file: _Bytes | None = None
    blobs: Annotated[list[_Blob], Field(max_length=1_000_000)] = Field(default_factory=list)
    images: Annotated[list[_Image], Field(max_length=100_000)] = Field(default_factory=list)


class Destination(Table):
    """The host that a bundle is for: `[host]` and `[gpus]` as in models.toml, and what concerns bundles only."""

    host: Host = Field(default_factory=Host)
    gpus: dict[str, Gpu] = Field(default_factory=dict)
    destination: Facts


def read_destination(data: bytes, path: str) -> Destination:
    """Read a host file, which is untrusted input.

    Args:
        data: Its bytes; PowerShell 5 writes UTF-16.
        path: Its name, for messages.

    Raises:
        InputError: It is no host file, or of a newer modelgen.
    """
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES // 2**20} MiB, so it is no host file; {_AGAIN}")
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        tables = tomllib.loads(data.decode(encoding).replace("\r\n", "\n"))
    except RecursionError:
        raise InputError(f"{path} is nested too deep; {_AGAIN}") from None
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}; {_AGAIN}") from None
    facts = tables.get("destination")
    written = facts.get("format") if isinstance(facts, dict) else None
    if isinstance(written, int) and written > FORMAT:
        raise InputError(f"{path} has format {written}, and this modelgen reads {FORMAT}; update modelgen here")
    try:
        return Destination.model_validate(tables)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_fault(error)}; {_AGAIN}") from None


def _first_fault(error: ValidationError) -> str:
    fault: Any = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])[:100]
    return f"`{place}` {phrase(fault)}"
