"""Draw the tables of a models.toml in which there is nothing to find: everything that the language has, at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from compose_keys import COMPOSE
from hypothesis import strategies as st
from snapshot_engines import COMMIT, SNAPSHOT_ENGINES, engines_for
from toml_strings import PLAIN, texts

if TYPE_CHECKING:
    from toml_writer import Table

SHARES = st.integers(5000, 10000).map(lambda part: part / 10000)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
ORIGINS = ["http://localhost:5173", "https://[::1]:8443", "app://obsidian.md", "chrome-extension://abcdefghijklmnop"]
DURATIONS = st.sampled_from(["90s", "15m", "1h30m", "2h"])
_CARDS = {"24GiB": 24576, "16384MiB": 16384, "80 GB": 76293, "0.5TiB": 524288}
# Cards of at least this memory, which every image drawn here supports.
_NAMES = {"24GiB": "RTX 3090", "16384MiB": "A10", "80 GB": "A100 80GB"}
# Newer than the data.
_FUTURE = ("vllm/vllm-openai:v9.9.9", "lmsysorg/sglang:v9.9.9")
_IMAGES = {
    "vllm": [
        *("vllm/vllm-openai:v0.8.5", "vllm/vllm-openai:v0.11.0", "docker.io/vllm/vllm-openai:v0.30.0-cu129"),
        _FUTURE[0],
    ],
    "sglang": ["lmsysorg/sglang:v0.5.5-cu129", "lmsysorg/sglang:v0.5.23", _FUTURE[1]],
}
_ROCM_IMAGES = {
    "vllm": ["vllm/vllm-openai-rocm:v0.20.0", "rocm/vllm:rocm6.4.1_vllm_0.10.1_20250909"],
    "sglang": ["lmsysorg/sglang:v0.5.9-rocm700-mi30x"],
}

# What a flag may hold: all that TOML has, save dates, which no engine takes.
NESTED: st.SearchStrategy[Any] = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(max_size=2), inner, max_size=3),
    max_leaves=6,
)


def _is_flag_value(value: object) -> bool:
    """A list becomes several arguments: one at least, and none that reads as a flag."""
    if not isinstance(value, list):
        return True
    return bool(value) and not any(isinstance(item, str) and item.startswith("-") for item in value)


ENV = st.dictionaries(st.from_regex(r"X_[A-Z0-9_]{0,6}", fullmatch=True), texts(min_size=1), max_size=3)
# Flags of no release, which only a version newer than the data may have: there everything goes.
FREE_ARGS = st.dictionaries(
    st.from_regex(r"x-[a-z]{1,4}|y-[a-z]{1,4}\.[a-z_]{1,3}", fullmatch=True),
    NESTED.filter(_is_flag_value),
    max_size=4,
)
# Files beside models.toml, and texts that only begin alike.
_FILES = st.sampled_from(["./x.jinja", "../$a b/x.jinja", ".\\y\\x.jinja", "./", "./..", "./a/../x.jinja", ".x", "..."])
# Flags that every release has, with what they take.
KNOWN_ARGS = st.fixed_dictionaries(
    {},
    optional={
        "chat-template": texts(min_size=1) | _FILES,
        "dtype": st.sampled_from(["auto", "half", "bfloat16"]),
        "enforce_eager": st.booleans(),
        "hf-overrides": st.dictionaries(texts(max_size=2), NESTED, max_size=3),
        "max-num-seqs": st.integers(1, 1024),
        "seed": st.integers(-3, 3),
        "tokenizer-mode": st.just("auto"),
    },
)
KNOWN_SGLANG_ARGS = st.fixed_dictionaries(
    {},
    optional={
        "chat-template": texts(min_size=1) | _FILES,
        "chunked_prefill_size": st.integers(1, 8192),
        "disable-radix-cache": st.booleans(),
        "dtype": st.sampled_from(["auto", "half", "bfloat16"]),
        "json-model-override-args": st.just("{}") | st.dictionaries(texts(max_size=2), NESTED, max_size=3),
        "random-seed": st.integers(-3, 3),
    },
)
_ANY_ENGINE = {
    "start_timeout": DURATIONS,
    "idle_timeout": DURATIONS,
    "concurrency": st.integers(1, 10**6),
    "warmup": st.booleans(),
    "env": ENV,
    "compose": COMPOSE,
    "switch": st.just("restart"),
}


@st.composite
def valid_files(draw: st.DrawFn, *, crowded: bool = False) -> Table:
    """Draw a file without errors; warnings it may have.

    Args:
        draw: Hypothesis'.
        crowded: Only files with several models on one card, in profiles that overlap, and nothing to order the starts.
    """
    kind = draw(st.sampled_from(["nvidia", "nvidia", "cdi", "amd"]))
    host: Table = draw(_HOSTS) if draw(st.booleans()) else {}
    is_wsl2 = host.get("platform") == "wsl2"
    cards = draw(st.lists(st.sampled_from([*_CARDS]), min_size=int(crowded), max_size=3))
    limits = [draw(SHARES) if draw(st.booleans()) else None for _ in cards]
    gpus = {
        # Older engines take no UUID on WSL2.
        f"gpu{number}": _gpu(number, memory, limits[number], kind, has_uuid=number % 2 == 1 and not is_wsl2)
        for number, memory in enumerate(cards)
    }
    ids = draw(st.lists(IDS, min_size=3 if crowded else 0, max_size=5, unique_by=_service))
    images = {
        engine: draw(st.sampled_from(choice)) for engine, choice in (_ROCM_IMAGES if kind == "amd" else _IMAGES).items()
    }
    file: Table = {
        "project": {"name": draw(st.sampled_from(["demo", "0-a_b"])), "hub": draw(st.sampled_from(_HUBS))},
        "host": host,
        "gpus": gpus,
        "engines": {engine: {"image": image, "env": draw(ENV)} for engine, image in images.items()},
        "models": {},
        "profiles": _profiles(draw, ids, fewest=2 if crowded else 0),
    }
    usual = 0.85 if is_wsl2 else 0.95
    # What a model may claim of a card that all of them are on.
    shares = {name: gpu.get("limit", usual) / max(len(ids), 1) for name, gpu in gpus.items()}
    file["models"] = {name: _model(draw, number, gpus, shares, images) for number, name in enumerate(ids)}
    if draw(st.booleans()):
        file["defaults"] = draw(st.fixed_dictionaries({}, optional=_ANY_ENGINE))
    tables: list[Table] = [*file["models"].values(), file.get("defaults", {})]
    if not any({"cpus", "mem_limit"} & {*table.get("compose", {})} for table in tables):
        for table in file["models"].values():
            table.update(draw(_LIMITS))
    if crowded or draw(st.booleans()):
        file["orchestrator"] = draw(_ORCHESTRATORS) | ({"enabled": False} if crowded else {})
        if all(gpu.get("kind", "nvidia") == "nvidia" and "card" not in gpu for gpu in gpus.values()):
            file["orchestrator"]["gpu_stats"] = draw(st.booleans())
    return {name: table for name, table in file.items() if table or draw(st.booleans())}


_LIMITS = st.fixed_dictionaries({}, optional={"cpus": st.sampled_from([0.01, 2.5, 8]), "host_memory": st.just("1GiB")})
_HOSTS = st.fixed_dictionaries(
    {},
    optional={
        "platform": st.sampled_from(["linux", "wsl2", "wsl2"]),
        "arch": st.just("amd64"),
        "driver": st.sampled_from(["580.65.06", "600"]),
        "docker": st.sampled_from(["28.2", "29.0.1"]),
        "memory": st.just("64GiB"),
        "selinux": st.booleans(),
        "docker_socket": st.just("/run/user/1000/docker.sock"),
    },
)
_HUBS = ["./models/hub", "/srv/hub", "~/.cache/huggingface/hub", "..\\hub", "C:/hub", "./$HOME/a b/漢字", "."]
_ORCHESTRATORS = st.fixed_dictionaries(
    {"enabled": st.sampled_from([False, False, True])},
    optional={
        "listen": st.sampled_from(["127.0.0.1:8080", "[::1]:65535"]),
        "keys_file": texts(min_size=1).filter(lambda text: ".." not in text).map(lambda text: f"./keys/k{text}"),
        "allowed_hosts": st.lists(texts(), max_size=2),
        "allowed_origins": st.lists(st.sampled_from(ORIGINS), max_size=3),
        "queue_limit": st.integers(1, 10**9),
        "network_aliases": st.lists(st.sampled_from(["old-name", "llm.internal"]), max_size=2, unique=True),
        "buffer_limit": st.sampled_from(["64MiB", "1GiB"]),
        "drain_timeout": DURATIONS,
        "shutdown_timeout": DURATIONS,
        "capture": st.integers(0, 1000),
        "count_tokens": st.sampled_from([False]),  # few releases can
        "loading_messages": st.sampled_from(["comments", "reasoning", "off"]),
        "compose": COMPOSE,
    },
)


def _gpu(number: int, memory: str, limit: float | None, kind: str, *, has_uuid: bool) -> Table:
    devices = {
        "nvidia": f"GPU-3faa8e2c-1c9e-4c93-8a6f-{number:012}" if has_uuid else str(number),
        "cdi": f"nvidia.com/gpu={number}",
        "amd": f"/dev/dri/renderD{128 + number}",
    }
    card: Table = {"memory": memory, "device": devices[kind]} | ({} if limit is None else {"limit": limit})
    if kind == "amd":
        card["groups"] = [44, 990 + number]
    if kind != "amd" and memory in _NAMES and number % 2 == 1:
        card["card"] = _NAMES[memory]
    elif kind == "amd" and number % 2 == 1:
        card |= {"capability": "gfx942", "unified": False}
    return card if kind == "nvidia" else card | {"kind": kind}


def _model(
    draw: st.DrawFn, number: int, gpus: dict[str, Table], shares: dict[str, float], images: dict[str, str]
) -> Table:
    model: Table = draw(st.fixed_dictionaries({}, optional=_ANY_ENGINE))
    cards: list[str] = draw(st.lists(st.sampled_from([*gpus]), unique=True)) if gpus else []
    if cards:
        model |= {
            "gpus": cards,
            "gpu_memory": _claim(draw, [gpus[card] for card in cards], min(shares[card] for card in cards)),
        }
    if draw(st.booleans()):
        # Engines ask for no key: an address that others reach is a warning, not an error.
        host = draw(st.sampled_from(["127.0.0.1", "[::1]", "192.0.2.1"]))
        model["publish"] = f"{host}:{9000 + number}"
    if draw(st.booleans()):
        model["service"] = f"own-{number}"
    has_room = not cards or _leaves_room(model["gpu_memory"], [gpus[card] for card in cards])
    kinds = {gpus[card].get("kind", "nvidia") for card in cards}
    engine = draw(
        st.sampled_from(["vllm", "vllm", "sglang" if has_room else "vllm", "command", *engines_for(kinds, cards)])
    )
    if engine in SNAPSHOT_ENGINES:
        return model | draw(SNAPSHOT_ENGINES[engine](kinds))
    if engine == "command":
        program = draw(st.lists(texts() | st.sampled_from(["{port}", "--name={model}", "{hub}/x"]), max_size=4))
        model |= {"engine": "command", "image": "registry.example/server:1.0", "port": draw(st.integers(1, 65535))}
        launches = [{}, {"command": ["serve", *program]}, {"entrypoint": ["serve"], "command": program}]
        model |= draw(st.sampled_from([*launches, {"entrypoint": [], "command": program}]))
        optional = {"upstream_name": texts(min_size=1), "health": st.just("/h"), "offline": st.booleans()}
        optional["cache"] = st.sampled_from([[], ["/root/.cache"], ["/a/b c", "/$x"]])
        return model | draw(st.fixed_dictionaries({}, optional=optional))
    model["repo"] = draw(st.sampled_from(["Qwen/Qwen3-4B", "openai/gpt-oss-20b", "A/b.C_d"]))
    is_future = images[engine] in _FUTURE
    if engine == "vllm":
        model["args"] = {"max-model-len": 16384} | draw(FREE_ARGS if is_future else KNOWN_ARGS)
        adapters = {f"lora-{number}": "A/lora", f"{number}.Lora_x": "A/b.C_d"}
        model |= draw(st.fixed_dictionaries({}, optional={"loras": st.sampled_from([adapters, {}])}))
    else:
        model |= {"engine": engine, "args": draw(FREE_ARGS if is_future else KNOWN_SGLANG_ARGS)}
    if len(cards) > 1:
        model["args"]["tensor_parallel_size"] = len(cards)
    model |= draw(st.fixed_dictionaries({}, optional={"revision": st.sampled_from([COMMIT, "main", "refs/pr/1"])}))
    model |= draw(st.fixed_dictionaries({}, optional={"trust_remote_code": st.booleans()}))
    if draw(st.booleans()):
        model["aliases"] = [f"alias/{number}", f"alias:{number}"]
    if draw(st.booleans()):
        parameters = st.dictionaries(st.sampled_from(["seed", "$x", 'a"b']), NESTED, max_size=2)
        stripped = st.lists(st.just("top_p"), max_size=1)
        tables = {"defaults": parameters, "strip_params": stripped, "name": st.just(f"variant-{number}")}
        model["variants"] = {"fast": draw(st.fixed_dictionaries({}, optional=tables))}
    model |= draw(st.fixed_dictionaries({}, optional={"title": texts(), "description": texts()}))
    return model


def _claim(draw: st.DrawFn, cards: list[Table], most: float) -> str | float:
    """Draw a part of each card that leaves room for all the other models."""
    if len({card["memory"] for card in cards}) == 1 and draw(st.booleans()):
        return f"{draw(st.integers(500, math.floor(most * _CARDS[cards[0]['memory']]) - 1))}MiB"
    return draw(st.integers(100, math.floor(most * 10000))) / 10000


def _leaves_room(claim: str | float, cards: list[Table]) -> bool:
    """Tell whether a claim is more than SGLang ever sets aside beside weights: a prefill chunk is 16,384 at most."""
    mebibytes = [_CARDS[card["memory"]] for card in cards]
    least = [30_000 if memory > 150_000 else 17_000 if memory > 50_000 else 14_000 for memory in mebibytes]
    parts = [int(claim[:-3]) if isinstance(claim, str) else claim * memory for memory in mebibytes]
    return all(part > need for part, need in zip(parts, least, strict=True))


def _profiles(draw: st.DrawFn, ids: list[str], fewest: int) -> dict[str, Table]:
    """Draw sets that overlap, under names that are longer than any id."""
    if not ids:
        return {}
    members = st.lists(st.sampled_from(ids), min_size=fewest or 1, unique=True)
    sets = draw(st.lists(members, min_size=fewest, max_size=3))
    profiles: dict[str, Table] = {f"the-profile-{number}": {"models": models} for number, models in enumerate(sets)}
    for name in [*profiles][:1]:
        profiles[name] |= draw(st.fixed_dictionaries({}, optional={"default": st.sampled_from([True])}))
    return profiles


def _service(name: str) -> str:
    return name.lower().replace(".", "-").replace("_", "-")
