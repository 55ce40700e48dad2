"""Define the value types of Compose's service keys, as strict as Compose itself.

Sources: compose-spec.json of the Compose specification, and what docker-compose 2.40 refuses beyond it (sizes,
durations, devices and hosts are parsed after the schema).
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from modelgen.config.table import Table

_SIZE = r"\d+(?:\.\d+)? ?(?:[kmgtpKMGTP]i?)?[bB]?"
_DURATION = r"(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+"
# YAML keys have at most 1,024 characters.
_LONGEST_KEY = 255
_NAME = rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_KEY - 1}}}"
# Compose reads a single letter as a Windows drive, not as a volume's name.
_SOURCE = r"(?:[A-Za-z]:[/\\][^:]*|[./~][^:]*|[A-Za-z0-9][A-Za-z0-9_.-]+)"
_VOLUME_MODE = r"(?:ro|rw|z|Z|nocopy|cached|delegated|consistent|r?(?:shared|slave|private))"


def _refuse(expected: str) -> PydanticCustomError:
    return PydanticCustomError("bad-value", "must be {expected}", {"expected": expected})


def _text(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _matching(pattern: str, expected: str, *, keep_numbers: bool = False) -> BeforeValidator:
    """Return a validator for strings that match, and for numbers whose digits match.

    Args:
        pattern: Matches the whole text.
        expected: What the value should be.
        keep_numbers: Keep numbers as numbers where Compose allows them; it refuses `user: 1000` ("must be a string").
    """
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any) -> str | int | float:  # noqa: ANN401 - whatever TOML holds
        is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
        if not is_scalar or not compiled.fullmatch(str(value)):
            raise _refuse(expected)
        return value if keep_numbers else str(value)

    return BeforeValidator(check)


def _number(pattern: str, expected: str) -> BeforeValidator:
    return _matching(pattern, expected, keep_numbers=True)


def _pairs(value: Any) -> dict[str, str]:  # noqa: ANN401
    """Return a mapping, or Compose's list of `KEY=VALUE`, as a mapping of strings."""
    if isinstance(value, list) and all(isinstance(item, str) and "=" in item for item in value):
        value = dict(item.split("=", 1) for item in value)
    if not isinstance(value, dict) or not all(isinstance(item, str | int | float) for item in value.values()):
        raise _refuse('a table of strings, or a list of "KEY=VALUE" strings')
    if not all(0 < len(key) <= _LONGEST_KEY for key in value):
        raise _refuse(f"a table whose keys have 1 to {_LONGEST_KEY} characters")
    return {key: _text(item) for key, item in value.items()}


def _strings(value: Any) -> Any:  # noqa: ANN401
    """Return a string or a list as a list without duplicates, which Compose refuses."""
    if isinstance(value, str):
        return [value]
    is_flat = isinstance(value, list) and all(isinstance(item, str | int) for item in value)
    return list({str(item): item for item in value}.values()) if is_flat else value


def _hosts(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return [f"{host}={address}" for host, address in value.items()]
    return _strings(value)


def _attachments(value: Any) -> Any:  # noqa: ANN401
    return {name: {} for name in value} if isinstance(value, list) and all(isinstance(n, str) for n in value) else value


def _names(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if not re.fullmatch(_NAME, name):
            raise _refuse("named by letters, digits, `.`, `_` and `-`")
    return value


_SCALAR = WithJsonSchema({"type": ["string", "number"]})
_TEXT_OR_LIST = WithJsonSchema({"type": ["string", "number", "array"], "items": {"type": ["string", "number"]}})
_TABLE_OR_LIST = WithJsonSchema({"type": ["object", "array"]})

Size = Annotated[str | int | float, _number(_SIZE, 'a size such as "16gb"'), _SCALAR]
Swap = Annotated[str | int | float, _number(rf"-1|{_SIZE}", 'a size such as "16gb", or -1'), _SCALAR]
GoDuration = Annotated[str | int | float, _matching(_DURATION, 'a duration such as "30s" or "1m30s"'), _SCALAR]
Cpus = Annotated[str | int | float, _number(r"\d+(?:\.\d+)?", "a number of processors such as 1.5"), _SCALAR]
CpuSet = Annotated[str | int | float, _matching(r"\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*", 'processors such as "0-3"'), _SCALAR]
Shares = Annotated[str | int | float, _number(r"\d+", "an integer"), _SCALAR]
_Group = Annotated[str | int | float, _number(r"\w[\w.-]*", "a group's name or number"), _SCALAR]
Name = Annotated[str | int | float, _matching(_NAME, "letters, digits, `.`, `_` and `-`"), _SCALAR]
Platform = Annotated[
    str | int | float, _matching(r"[a-z0-9]+(?:/[a-z0-9]+){0,2}", 'a platform such as "linux/amd64"'), _SCALAR
]
User = Annotated[str | int | float, _matching(r"(?!-)[\w.-]+(?::(?!-)[\w.-]+)?", 'a user such as "1000:1000"'), _SCALAR]
_Device = Annotated[
    str | int | float,
    _matching(r"[^:=]+(?::[^:]+(?::[rwm]{1,3})?)?|[^:=]+=[^:=]+", 'a device such as "/dev/fuse"'),
    _SCALAR,
]
_Host = Annotated[
    str | int | float, _matching(r"[^\s:=]+[:=]\S+", 'a host and its address such as "name=10.0.0.1"'), _SCALAR
]
_Tmpfs = Annotated[str | int | float, _matching(r"/[^:]*(?::\S+)?", 'a path such as "/tmp" or "/tmp:exec"'), _SCALAR]
_Port = Annotated[
    str | int | float,
    _number(r"\d+(?:-\d+)?(?:/(?:tcp|udp|sctp))?", 'a port such as "9000"'),
    _SCALAR,
]
_ShortVolume = Annotated[
    str,
    _matching(
        rf"/[^:]*|{_SOURCE}:/[^:]*(?::{_VOLUME_MODE}(?:,{_VOLUME_MODE})*)?", 'a volume such as "./data:/data:ro"'
    ),
    Tag("[text]"),
]

Pairs = Annotated[dict[str, str], BeforeValidator(_pairs), _TABLE_OR_LIST]
Strings = Annotated[list[str], BeforeValidator(_strings), _TEXT_OR_LIST]
Devices = Annotated[list[_Device], BeforeValidator(_strings), _TEXT_OR_LIST]
Hosts = Annotated[list[_Host], BeforeValidator(_hosts), _TABLE_OR_LIST]
TmpfsMounts = Annotated[list[_Tmpfs], BeforeValidator(_strings), _TEXT_OR_LIST]
Groups = Annotated[list[_Group], BeforeValidator(_strings)]
Ports = Annotated[
    list[_Port], BeforeValidator(lambda value: value if isinstance(value, list) else [value]), _TEXT_OR_LIST
]


class BindOptions(Table):
    """Options of a bind mount."""

    propagation: Literal["private", "rprivate", "shared", "rshared", "slave", "rslave"] | None = Field(
        None, description="How mounts below it propagate between host and container.", examples=["rslave"]
    )
    create_host_path: bool | None = Field(None, description="Create a missing folder on the host.", examples=[False])
    selinux: Literal["z", "Z"] | None = Field(
        None, description="Relabel the path for SELinux: `z` shared, `Z` private.", examples=["z"]
    )


class VolumeOptions(Table):
    """Options of a named volume."""

    nocopy: bool | None = Field(None, description="Do not copy the image's files into a new volume.", examples=[True])
    subpath: str | None = Field(None, description="Path inside the volume to mount.", examples=["checkpoints"])


class TmpfsOptions(Table):
    """Options of a tmpfs mount."""

    size: Size | None = Field(None, description="Size of the file system.", examples=["1gb"])
    mode: int | None = Field(
        None, description="Mode of its root, as a number; write 0o1777 for octal.", examples=[1023]
    )


class Volume(Table):
    """A volume in Compose's long form."""

    type: Literal["bind", "volume", "tmpfs"] = Field(description="Kind of the mount.", examples=["bind"])
    source: str | None = Field(None, description="Path on the host, or name of the volume.", examples=["./data"])
    target: str = Field(pattern=r"^/", description="Path in the container.", examples=["/data"])
    read_only: bool | None = Field(None, description="Mount it read-only.", examples=[True])
    bind: BindOptions | None = Field(None, description="Options of a bind mount.")
    volume: VolumeOptions | None = Field(None, description="Options of a named volume.")
    tmpfs: TmpfsOptions | None = Field(None, description="Options of a tmpfs mount.")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.type == "bind" and not self.source:
            raise _refuse("a bind mount with a `source`")
        if self.type == "volume" and self.source is not None and not re.fullmatch(_NAME, self.source):
            raise _refuse("a volume whose `source` is a name")
        return self


class Attachment(Table):
    """The options of a service on a network."""

    aliases: list[str] | None = Field(
        None, description="Further names of the service on the network.", examples=[["text"]]
    )
    ipv4_address: str | None = Field(None, description="Fixed IPv4 address.", examples=["172.28.0.10"])
    ipv6_address: str | None = Field(None, description="Fixed IPv6 address.", examples=["2001:db8::10"])
    link_local_ips: list[str] | None = Field(None, description="Link-local addresses.", examples=[["169.254.8.8"]])
    mac_address: str | None = Field(None, description="MAC address on the network.", examples=["02:42:ac:11:00:03"])
    driver_opts: Pairs | None = Field(
        None,
        description="Options of the network driver.",
        examples=[{"com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1"}],
    )
    priority: int | None = Field(
        None, description="Order in which networks are joined; the highest is first.", examples=[100]
    )


class LimitPair(Table):
    """A soft and a hard limit."""

    soft: int = Field(description="The limit that applies.", examples=[65535])
    hard: int = Field(description="The limit up to which a process may raise the soft one.", examples=[65535])


def _form(value: Any) -> str:  # noqa: ANN401
    """Return "table" or "plain", so that faults refer to the form that was written."""
    return "[table]" if isinstance(value, dict | Table) else "[text]"


Networks = Annotated[dict[str, Attachment], BeforeValidator(_attachments), AfterValidator(_names), _TABLE_OR_LIST]
Ulimits = dict[
    Annotated[str, Field(pattern=r"^[a-z]{1,64}$")],
    Annotated[Annotated[int, Tag("[text]")] | Annotated[LimitPair, Tag("[table]")], Discriminator(_form)],
]
Volumes = list[Annotated[_ShortVolume | Annotated[Volume, Tag("[table]")], Discriminator(_form)]]


class Logging(Table):
    """The logging driver of the container and its options."""

    driver: str | None = Field(None, description="Name of the logging driver.", examples=["json-file"])
    options: Pairs | None = Field(None, description="Options of the driver.", examples=[{"max-size": "10m"}])
