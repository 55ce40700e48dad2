"""What an override beside the output replaces, adds to or takes away is found, with its line; nothing else is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiling import build, complete
from modelgen.files import ModelgenError
from modelgen.operate.overrides import read_changes

if TYPE_CHECKING:
    from pathlib import Path

BUILT = build(complete('[models.a]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8 }\n'))[
    "docker-compose.yml"
].encode()


def changes(folder: Path, override: str | bytes) -> list[str]:
    data = override.encode() if isinstance(override, str) else override
    (folder / "docker-compose.override.yml").write_bytes(data)
    found = read_changes(folder, BUILT)
    return [f"{change.line}:{change.column} {change.sentence}" for change in found]


def of_model(*lines: str) -> str:
    return "\n".join(["services:", "  vllm-a:", *(f"    {line}" for line in lines)])


@pytest.mark.parametrize(
    ("override", "found"),
    [
        (of_model('command: ["--help"]'), ["3:5 replaces `command` of service `vllm-a`"]),
        (of_model("command: --help"), ["3:5 replaces `command` of service `vllm-a`"]),
        (of_model("entrypoint: [sh]"), ["3:5 replaces `entrypoint` of service `vllm-a`"]),
        (of_model("image: other:1"), ["3:5 replaces `image` of service `vllm-a`"]),
        (of_model("command: !reset null"), ["3:5 takes away `command` of service `vllm-a`"]),
        (of_model("environment: !reset {}"), ["3:5 takes away `environment` of service `vllm-a`"]),
        (of_model("environment: !override {A: b}"), ["3:5 replaces `environment` of service `vllm-a`"]),
        (
            of_model("environment:", "  MINE: x", '  HF_HUB_OFFLINE: "0"'),
            ["5:7 replaces `environment.HF_HUB_OFFLINE` of service `vllm-a`"],
        ),
        (
            of_model("environment:", "  - MINE=x", "  - HF_HUB_OFFLINE=0"),
            ["5:9 replaces `environment.HF_HUB_OFFLINE` of service `vllm-a`"],
        ),
        (of_model("environment:", "  HF_HUB_OFFLINE: 1"), []),
        (of_model("deploy: !reset null"), ["3:5 takes away `deploy` of service `vllm-a`"]),
        (
            of_model("deploy: {resources: {reservations: {devices: !reset []}}}"),
            ["3:41 takes away `deploy.resources.reservations.devices` of service `vllm-a`"],
        ),
        (of_model("deploy: {resources: {limits: {memory: 8g}}}"), []),
        (of_model("gpus: all"), ["3:5 sets `gpus` of service `vllm-a`"]),
        (of_model("devices: [/dev/kfd]"), ["3:5 sets `devices` of service `vllm-a`"]),
        (
            of_model("volumes:", "  - /elsewhere:/root/.cache/huggingface/hub:ro"),
            ["4:9 replaces the mount at `/root/.cache/huggingface/hub` of service `vllm-a`"],
        ),
        (
            of_model("volumes:", "  - {type: bind, source: /x, target: /root/.cache/huggingface/hub/}"),
            ["4:9 replaces the mount at `/root/.cache/huggingface/hub` of service `vllm-a`"],
        ),
        (of_model("volumes:", "  - /data:/data"), []),
        (of_model("volumes: !override []"), ["3:5 replaces `volumes` of service `vllm-a`"]),
        ("services: {vllm-a: !reset null}", ["1:12 takes away service `vllm-a`"]),
        (
            "x: &x\n  image: other:1\nservices:\n  vllm-a:\n    <<: *x\n",
            ["2:3 replaces `image` of service `vllm-a`"],
        ),
        (
            'services: {orchestrator: {environment: {HTTP_PROXY: "http://x"}, privileged: true}}',
            ["1:66 sets `privileged` of service `orchestrator`"],
        ),
        ("services: {socket-proxy: {image: other}}", ["1:27 replaces `image` of service `socket-proxy`"]),
        ("services: {other: {image: x, command: y}}", []),
        ("", []),
        ("# nothing\n", []),
        ("services:\n", []),
        ("networks: {models: {}}", []),
    ],
)
def test_what_an_override_changes_is_found_and_nothing_else(tmp_path: Path, override: str, found: list[str]) -> None:
    assert changes(tmp_path, override) == found


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (b"a: [", "docker-compose.override.yml:1:5 is not YAML"),
        (b"\xff\xfe\x00", "cannot be read as YAML"),
        (b"a: \x00", "cannot be read as YAML"),
        (b"[" * 20_000, "cannot be read as YAML"),
        (b"- a", "is not a table"),
        (b"a: 1\n---\nb: 2", "is not YAML"),
        (b"#" * 300_000, "is too large"),
    ],
)
def test_what_cannot_be_looked_through_is_said_in_a_sentence(tmp_path: Path, override: bytes, told: str) -> None:
    with pytest.raises(ModelgenError) as caught:
        changes(tmp_path, override)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "services: &s {vllm-a: *s}",
        "services: &s {vllm-a: {<<: *s, environment: *s, volumes: [*s], command: [*s]}}",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nservices: {vllm-a: {command: *c, environment: *c}}",
        "services: {vllm-a: !unknown {command: !!python/object:os.system x}}",
        "services: {vllm-a: {? [a] : b, ? {c: d} : e}}",
    ],
)
def test_hostile_yaml_ends(tmp_path: Path, override: str) -> None:
    changes(tmp_path, override)


@pytest.mark.slow
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    with contextlib.suppress(ModelgenError):
        changes(folder, b"services:\n  vllm-a: " + data)
