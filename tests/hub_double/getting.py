"""`python -m hub_double.getting '[PATIENCE, [[URL, HEADERS], …]]'`: GET each, and print the answers as JSON."""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request

Got = tuple[int, dict[str, str], str, str]


def get(url: str, headers: dict[str, str], patience: float) -> Got:
    body = b""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=patience) as response:
            while block := response.read1():
                body += block
            missing = int(response.headers["Content-Length"]) - len(body)
            error = f"{missing} bytes are missing" if missing else ""
            return response.status, dict(response.headers), encoded(body), error
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), encoded(error.read()), ""
    except OSError as error:
        return 0, {}, encoded(body), type(error).__name__


def encoded(body: bytes) -> str:
    return base64.b64encode(body).decode()


if __name__ == "__main__":
    patience, requests = json.loads(sys.argv[1])
    print(json.dumps([get(url, headers, patience) for url, headers in requests]))
