"""Find the proxy of the environment that applies to an address, and check that it can be used."""

from __future__ import annotations

import urllib.request
from importlib.util import find_spec
from urllib.parse import urlsplit

from modelgen.files import ModelgenError
from modelgen.hub.connection.settings import without_secrets

_SOCKS = ("socks5", "socks5h")


def check_proxies() -> None:
    """Refuse proxies that the client cannot use at all.

    Raises:
        ModelgenError: A proxy is not an address, has an unknown kind, or needs a package that is not installed.
    """
    found = urllib.request.getproxies()
    if "*" in [host.strip() for host in found.get("no", "").split(",")]:
        return
    for scheme in ("http", "https", "all"):
        if not (proxy := found.get(scheme)):
            continue
        variable, shown = f"{scheme.upper()}_PROXY", without_secrets(proxy)[:100]
        kind = _kind(proxy)
        if kind is None:
            raise ModelgenError(
                f"{variable} is `{shown}`, which is not the address of a proxy; set one such as "
                "http://proxy.example:3128, or unset it"
            )
        if kind in _SOCKS and find_spec("socksio") is None:
            raise ModelgenError(
                f"{variable} is the SOCKS proxy {shown}, which needs the package socksio; run `pip install socksio` in "
                "modelgen's environment, or unset it and set an HTTP proxy"
            )


def proxy_for(url: str) -> str | None:
    """Return the proxy for an address, in words; None without one."""
    if (found := _found(url)) is None:
        return None
    variable, proxy = found
    return f"the proxy {without_secrets(proxy)} of {variable}"


def is_through_socks(url: str) -> bool:
    """Return whether an address has a SOCKS proxy, which the standard library does not support."""
    found = _found(url)
    return found is not None and _kind(found[1]) in _SOCKS


def _found(url: str) -> tuple[str, str] | None:
    """Return the environment variable and its proxy."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    return (f"{parts.scheme.upper()}_PROXY" if proxies.get(parts.scheme) else "ALL_PROXY"), proxy


def _kind(proxy: str) -> str | None:
    """Return the scheme of a proxy's address; None if it is not one."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_address = parts.scheme in ("http", "https", *_SOCKS) and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return None
    return parts.scheme if is_address else None
