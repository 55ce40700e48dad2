"""The guard that reads every docker-compose.yml back before it is given out sees whatever is wrong in it.

What was rendered is spoilt place by place. The places that may be spoilt unseen are listed here and no others.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from compiling import check, complete
from modelgen.pipeline import compile_source
from modelgen.targets.compose import PATH
from modelgen.targets.compose_orchestrator_readback import _OF_ORCHESTRATOR, _OF_SOCKET_PROXY
from modelgen.targets.compose_readback import _TABLE, check_readback
from modelgen.targets.readback import RenderingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.ir import Fleet

Path = tuple[str | int, ...]

EVERYTHING = """
[models.a]
repo = "a/b"
gpus = ["gpu0"]
publish = "127.0.0.1:8001"
args = { max-model-len = 8, chat-template = "./t.jinja" }
env = { X = "$1" }

[models.a.compose]
labels = { mine = "1" }
networks = { outer = {} }
volumes = ["/data:/data", "named:/n"]
group_add = [44]
devices = ["/dev/x"]
tmpfs = ["/t"]

[host]
selinux = true

[orchestrator]
keys_file = "./keys/keys.txt"
gpu_stats = true

[orchestrator.compose]
cap_add = ["SYS_PTRACE"]
networks = { outer = {} }
volumes = ["named:/n"]
"""
AMD = """
[gpus.gpu0]
memory = "24GiB"
device = "/dev/dri/renderD128"
kind = "amd"
groups = [44, 109]

[models.a]
repo = "a/b"
gpus = ["gpu0"]
engine = "command"
image = "rocm/x:1"
command = ["serve", "{port}"]
compose = { user = "1000:1000" }
"""
ALONE = """
[models.a]
repo = "a/b"
gpus = ["gpu0"]
gpu_memory = 0.4
args = { max-model-len = 8 }
compose = { user = "1000:1000", read_only = true }

[models.b]
repo = "a/c"
gpus = ["gpu0"]
gpu_memory = 0.3
args = { max-model-len = 8 }

[profiles.both]
models = ["a", "b"]

[orchestrator]
enabled = false
"""
UNGUARDED = {
    "orchestrator": {"healthcheck", "labels", "logging", "tmpfs"},
    "socket-proxy": {"init", "labels", "logging", "pull_policy", "stop_signal"},
    "vllm-a": {"init", "logging", "pull_policy", "ulimits"},
    "vllm-b": {"init", "logging", "pull_policy", "ulimits"},
    "command-a": {"init", "logging", "pull_policy", "ulimits"},
}
"""What makes no container a wrong one. Keys of the user's own are passed on as they are."""
OF_USER = {"user", "read_only"}


def rendered(toml: str) -> tuple[Fleet, dict[str, Any]]:
    compilation = compile_source(complete(toml).encode())
    assert compilation.fleet is not None, check(complete(toml))
    return compilation.fleet, yaml.load(compilation.artifacts["docker-compose.yml"], Loader=yaml.CSafeLoader)


def places(value: object, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def spoilt(document: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Yield documents with the value at a place left out, changed, and with something too much in it."""
    value: Any = document
    for key in path:
        value = value[key]
    others: list[Any] = ["x" if isinstance(value, dict | list) else f"{value}x"]
    others += [{**value, "x": "x"}] if isinstance(value, dict) else [[*value, "x"]] if isinstance(value, list) else []
    for number in range(len(others) + 1):
        changed = copy.deepcopy(document)
        table: Any = changed
        for key in path[:-1]:
            table = table[key]
        if number < len(others):
            table[path[-1]] = others[number]
        else:
            del table[path[-1]]
        yield changed


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times as fast


def is_seen(fleet: Fleet, document: dict[str, Any]) -> bool:
    try:
        check_readback(fleet, "..", {PATH: yaml.dump(document, Dumper=_DUMPER, sort_keys=False).encode()})
    except RenderingError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("toml", [EVERYTHING, AMD, ALONE], ids=["everything", "amd", "alone"])
def test_whatever_is_spoilt_is_seen(toml: str) -> None:
    fleet, document = rendered(toml)
    assert not is_seen(fleet, document)
    unseen = {
        path
        for path in places(document)
        if not all(is_seen(fleet, changed) for changed in spoilt(document, path))
        and path[:1] + path[2:] != ("services",)  # a key that nobody looks at was added to a service
    }
    named = {path for path in unseen if path[0] != "services"}
    assert not named
    found: dict[str, set[str]] = {}
    for path in unseen:
        found.setdefault(str(path[1]), set()).add(str(path[2]))
    for service, keys in found.items():
        assert keys - OF_USER <= UNGUARDED[service], service


TABLES = {"orchestrator": _OF_ORCHESTRATOR, "socket-proxy": _OF_SOCKET_PROXY, "vllm-a": _TABLE, "command-a": _TABLE}


@pytest.mark.parametrize("toml", [EVERYTHING, AMD], ids=["everything", "amd"])
@pytest.mark.parametrize("service", ["orchestrator", "socket-proxy", "model"])
def test_each_row_of_the_tables_can_fail(toml: str, service: str) -> None:
    """A row whose key is not there fails when it comes."""
    fleet, document = rendered(toml)
    name = next(one for one in document["services"] if one.endswith("-a")) if service == "model" else service
    for key in TABLES[name]:
        changed = copy.deepcopy(document)
        changed["services"][name][key] = "x"
        assert is_seen(fleet, changed), key


def test_a_service_too_much_and_another_order_are_seen() -> None:
    fleet, document = rendered(EVERYTHING)
    extra = copy.deepcopy(document)
    extra["services"]["x"] = {"image": "x"}
    assert is_seen(fleet, extra)
    turned = {**document, "services": dict(reversed(document["services"].items()))}
    assert is_seen(fleet, turned)


@pytest.mark.parametrize("text", [b"", b"[]", b"services: 1", b"name: demo", b"\x00", b"{", b"a: &a [*a]"])
def test_no_document_at_all_is_a_rendering_error(text: bytes) -> None:
    fleet, _ = rendered(EVERYTHING)
    with pytest.raises(RenderingError):
        check_readback(fleet, "..", {PATH: text})
