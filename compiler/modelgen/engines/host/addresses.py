"""Parse host addresses to listen on."""

from __future__ import annotations

import re

from modelgen.ir import Address

DEFAULT_LISTEN = "127.0.0.1:8080"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESS = re.compile(
    rf"(?:(?P<v4>{_OCTET}(?:\.{_OCTET}){{3}})|\[(?P<v6>[0-9A-Fa-f:.]+)\]):(?P<port>[1-9]\d{{0,4}})", re.ASCII
)


def parse_address(text: str) -> Address | None:
    """Return the address of a text such as `127.0.0.1:8080` or `[::1]:8080`, or None."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        return None
    host = match["v4"]
    if host is None:
        from ipaddress import AddressValueError, IPv6Address

        try:
            host = str(IPv6Address(match["v6"]))
        except AddressValueError:
            return None
    return Address(host, int(match["port"]))


def is_loopback(address: Address) -> bool:
    """Return whether only this host can reach the address."""
    return address.host.startswith("127.") or address.host == "::1"


def overlap(one: Address, other: Address) -> bool:
    """Return whether two addresses cannot be listened on at once; a wildcard uses its port on all addresses."""
    wildcards = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return one.port == other.port and (one.host == other.host or one.host in wildcards or other.host in wildcards)
