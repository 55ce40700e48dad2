"""Define programs in images whose exit code shows whether an engine is up."""

from __future__ import annotations


def http_probe(port: int, path: str, timeout: int) -> tuple[str, ...]:
    """Return a Python program that exits with 0 if `path` answers 200 on the container's loopback address.

    http.client starts faster than urllib and never uses a proxy. Not every image has curl.
    """
    return (
        "python3",
        "-c",
        (
            f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout={timeout}); "
            f"c.request('GET', '{path}'); raise SystemExit(c.getresponse().status != 200)"
        ),
    )


def curl_probe(port: int, path: str, timeout: int) -> tuple[str, ...]:
    """Return the same for an image that has curl and no Python. It ignores the user's proxy for 127.0.0.1."""
    quiet = ("--fail", "--silent", "--noproxy", "*", "--max-time", str(timeout))
    return ("curl", *quiet, f"http://127.0.0.1:{port}{path}")
