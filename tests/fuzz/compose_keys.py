"""Draw `compose` tables that Compose takes: every key, every form."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st
from toml_strings import PLAIN, texts

# Compose takes a single letter before a colon for a drive of Windows.
# Some networks and volumes are the deployment's own, or Docker's.
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{1,9}", fullmatch=True).filter(
    lambda name: not name.startswith("cache-") and name not in {"host", "none", "bridge", "default", "edge"}
)
_SIZES = st.sampled_from(["16gb", "0.5 GiB", "1024", 2**40, 0.5])
_HOST = st.just("host")
_STRINGS = texts() | st.lists(texts(), max_size=3)
_LISTED = st.builds("{}={}".format, st.sampled_from(["a", "b.c", "$d", "[text]"]), texts())
_PAIRS = st.dictionaries(texts(min_size=1, max_size=2), PLAIN, max_size=3) | st.lists(_LISTED, max_size=3)
_PATHS = texts().map(lambda text: re.sub(r"[:\\]|\.\.+", "", text))


def _table(**optional: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=optional)


# A target stays below the folder that `_apart` puts before it, so that no two mounts meet.
_SHORT = st.builds("{}:{{}}/{}:ro".format, st.sampled_from(["./data", "../x", "/srv", "~/y", "C:\\x"]) | NAMES, _PATHS)
_VOLUMES = st.one_of(
    _SHORT,
    st.builds(
        lambda source, more: {"type": "bind", "source": source, "target": "{}"} | more,
        texts(min_size=1),
        _table(read_only=st.booleans(), bind=_table(create_host_path=st.booleans(), propagation=st.just("rslave"))),
    ),
    st.builds(
        lambda name, more: {"type": "volume", "source": name, "target": "{}"} | more,
        NAMES,
        _table(volume=_table(nocopy=st.booleans(), subpath=texts())),
    ),
    st.builds(lambda size: {"type": "tmpfs", "target": "{}", "tmpfs": {"size": size, "mode": 0o1777}}, _SIZES),
)


def _apart(volumes: list[Any]) -> list[Any]:
    """Give each volume a target of its own; the last has the home that an engine without one would get."""

    def place(volume: Any, target: str) -> Any:  # noqa: ANN401 - text or a table
        return volume | {"target": target} if isinstance(volume, dict) else volume.replace("{}", target, 1)

    return [place(volume, target) for volume, target in zip(volumes, _TARGETS, strict=False)]


_TARGETS = ("/data0", "/data1", "/home/engine")


_ATTACHMENTS = _table(
    aliases=st.lists(texts(), max_size=2), ipv4_address=texts(), priority=st.integers(0, 1000), driver_opts=_PAIRS
)
_LIMITS = st.integers(-1, 2**40) | st.just({"soft": 1, "hard": 2})
COMPOSE = _table(
    **dict.fromkeys(["labels", "annotations", "sysctls"], _PAIRS),
    **dict.fromkeys(["cap_add", "cap_drop", "device_cgroup_rules", "dns", "dns_search", "security_opt"], _STRINGS),
    **dict.fromkeys(["cgroup_parent", "domainname", "working_dir"], texts()),
    **dict.fromkeys(["init", "tty", "read_only", "stdin_open", "oom_kill_disable"], st.booleans()),
    **dict.fromkeys(["mem_limit", "memswap_limit", "shm_size"], _SIZES),
    **dict.fromkeys(["hostname", "stop_signal"], NAMES),
    **dict.fromkeys(["pid", "userns_mode", "uts"], _HOST),
    cpus=st.sampled_from([0.5, 4, "1.25"]),
    cpuset=st.sampled_from(["0-3", "0,2-3"]),
    cpu_shares=st.sampled_from([512, "512"]),
    devices=st.lists(
        st.sampled_from(["/dev/fuse", "/dev/kfd", "/dev/a:/dev/b:rwm", "vendor.example/class=$all"]), unique=True
    ),
    expose=st.lists(st.sampled_from(["9000", 9001, "1-2/udp"]), unique=True),
    extra_hosts=st.sampled_from([{"a.example": "::1"}, ["b.example:10.0.0.1"], "c=host-gateway"]),
    group_add=st.lists(st.sampled_from([44, "44", "0", 992]), unique=True),
    logging=_table(driver=texts(), options=_PAIRS),
    networks=st.lists(NAMES, max_size=2, unique=True) | st.dictionaries(NAMES, _ATTACHMENTS, max_size=2),
    oom_score_adj=st.integers(-1000, 1000),
    pids_limit=st.integers(-1, 2**22),
    platform=st.sampled_from(["linux/amd64", "linux"]),
    pull_policy=st.sampled_from(["always", "never"]),
    stop_grace_period=st.sampled_from(["1m30s", "0.5h"]),
    tmpfs=st.lists(st.just("/tmp") | st.builds("/tmp/{}:exec".format, _PATHS), max_size=1),
    ulimits=st.dictionaries(st.sampled_from(["nofile", "memlock", "y", "no"]), _LIMITS, max_size=2),
    user=st.sampled_from(["1000:1000", "2000:0", 65534, 0]),
    volumes=st.lists(_VOLUMES, max_size=3).map(_apart),
)
