"""Change a bundle: to get out of the folder that it is loaded into, or as a bad copy would."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import TYPE_CHECKING, Any

from bundles import Written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTED = bytes(range(256)) * 16
SHA = "a" * 64
NAMES = (
    *(
        "..",
        "../../outside/x",
        "a/../../outside/x",
        "/etc/x",
        "//server/share",
        "C:\\x",
        "C:/x",
        "\\\\?\\C:\\x",
        "..\\..\\x",
    ),
    *(
        "",
        ".",
        "./x",
        "a//b",
        "a/",
        "/",
        "~",
        "~/x",
        "-rf",
        "--help",
        "$HOME",
        "`id`",
        "%2e%2e/x",
        "x" * 256,
        "d/" * 600 + "x",
    ),
    *(
        "a\0b",
        "a\nb",
        "a\rb",
        "\x1b[2J",
        "\x7f",
        "\ud800",
        "\u202e",
        "ﬀ",
        "CON",
        "con.txt",
        "aux/x",
        "NUL",
        "LPT1",
        "x.",
        "x ",
        "a:b",
        "a*",
    ),
    *(
        "models.lock",
        "MODELS.toml",
        "build",
        "models/hub",
        ".modelgen/bundle/current/bundle.json",
        ".MODELGEN/x",
        ".git/hooks/post-checkout",
    ),
    *("blobs", "refs/main", "snapshots", "main\n", "refs/../../x", "modelgen/" + "0" * 40, "\u00e9", "e\u0301"),
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2**53,
    2**59,
    2**63,
    10**400,
    1.5,
    [],
    {},
    [[]],
    {"": ""},
    SHA,
    "sha256:" + SHA,
    "f" * 40,
    *NAMES,
)
TEXTS = (
    *(
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b"{}" * 2,
        b"\0" * 64,
    ),
    *(b'{"format": 2}', b'{"format": 1}', b'{"format": 1e400}', b'{"format": NaN}', b'{"format": true}'),
    b'{"format": ' + b"9" * 5000 + b"}",
)


def good() -> Written:
    """Return a small bundle that has one of everything."""
    made = Written(
        {
            "models.toml": b"[project]\n",
            "models.lock": b"",
            "build/docker-compose.yml": b"services: {}\n",
            "modelgen": b"#!/bin/sh\n",
        }
    )
    made.snapshot({"config.json": b"{}", "model.safetensors": PARTED, "sub/b.json": b"[]"})
    made.snapshot({"config.json": b'{"a": 1}'}, repo="org/more", commit="f" * 40)
    made.asset("o200k.tiktoken", b"words")
    members = {
        "manifest.json": b"[]",
        "config": b'{"architecture": "amd64", "rootfs": {"diff_ids": []}}',
        "layer.tar": b"layer",
    }
    made.image("engine:v1", members, "config")
    return made


def places(table: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - JSON
    """Yield the path of each value in JSON."""
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(data: bytes, seed: int) -> bytes:
    """Return a bundle.json with one to three changes, determined by a seed."""
    chance = random.Random(seed)
    table = json.loads(data)
    if seed % 40 == 0:
        return chance.choice(TEXTS)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        path = chance.choice([*places(table)])
        container: Any = table
        for key in path[:-1]:
            container = container[key]
        _change(chance, container, path[-1], table)
    text = json.dumps(table).encode("utf-8", "surrogatepass")
    if seed % 11 == 0:
        at = chance.randrange(len(text))
        text = chance.choice(
            (
                text[:at],
                text[:at] + b"\0" + text[at:],
                text + text[at:],
                text.replace(b'"path"', b'"path": "x", "path"', 1),
            )
        )
    return text


def _change(chance: random.Random, container: Any, key: str | int, table: Any) -> None:  # noqa: ANN401 - JSON
    kind = chance.randrange(8)
    if kind < 4:
        fits = [value for value in VALUES if type(value) is type(container[key])]
        container[key] = copy.deepcopy(chance.choice(fits if fits and kind < 3 else VALUES))
    elif kind == 4:
        del container[key]
    elif kind == 5 and isinstance(container, dict):
        container[chance.choice(NAMES)] = container.pop(key)
    elif kind == 6 and isinstance(container, list):
        container.append(copy.deepcopy(chance.choice(container)))
    else:
        other = chance.choice([*places(table)])
        value: Any = table
        for step in other:
            value = value[step]
        container[key] = copy.deepcopy(value)


def write_changed(folder: Path, data: bytes, *, other_sums: bool = False) -> None:
    """Replace bundle.json of a written bundle; its hash is that of SHA256SUMS unless `other_sums`."""
    (folder / "bundle.json").write_bytes(data)
    sums = folder / "SHA256SUMS"
    if not other_sums:
        lines = [line for line in sums.read_text().splitlines() if not line.endswith("  bundle.json")]
        lines.append(f"{hashlib.sha256(data).hexdigest()}  bundle.json")
        sums.write_text("\n".join(lines) + "\n")
