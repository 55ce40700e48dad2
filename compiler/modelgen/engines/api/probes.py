"""Define programs inside images whose exit code shows whether an engine is up."""

from __future__ import annotations


def http_probe(port: int, path: str, timeout: int) -> tuple[str, ...]:
    """Return a program of Python's that exits 0 when `path` answers 200 on the container's own loopback.

    http.client rather than urllib: it starts faster and never asks a proxy about 127.0.0.1. curl is not in every image.
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
    """Return the same for an image that has curl and no Python; a proxy of the user's is not for 127.0.0.1."""
    quiet = ("--fail", "--silent", "--noproxy", "*", "--max-time", str(timeout))
    return ("curl", *quiet, f"http://127.0.0.1:{port}{path}")
