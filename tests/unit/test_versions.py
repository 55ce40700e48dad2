from __future__ import annotations

import pytest

from modelgen.engines.images.properties import is_floating, version_of
from modelgen.engines.images.versions import parse_image, parse_version


def told_by(reference: str) -> str | None:
    image = parse_image(reference)
    assert image is not None
    version = version_of(image)
    return version.text if version else None


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("vllm/vllm-openai:v0.11.0", "0.11.0"),
        ("docker.io/vllm/vllm-openai:v0.11.0", "0.11.0"),
        ("vllm/vllm-openai:v0.20.0-cu129", "0.20.0"),
        ("vllm/vllm-openai:v0.20.0-aarch64-cu130", "0.20.0"),
        ("vllm/vllm-openai:v0.20.0-ubuntu2404", "0.20.0"),
        ("vllm/vllm-openai:v0.8.5.post1", "0.8.5.post1"),
        ("vllm/vllm-openai:v0.10.1.1", "0.10.1.1"),
        ("vllm/vllm-openai-rocm:v0.14.0", "0.14.0"),
        ("vllm/vllm-openai:v0.11.0@sha256:" + "a" * 64, "0.11.0"),
        ("lmsysorg/sglang:v0.5.5-cu129", "0.5.5"),
        ("rocm/vllm:rocm6.4.1_vllm_0.10.1_20250909", "0.10.1"),
    ],
)
def test_tags_that_tell(reference: str, version: str) -> None:
    assert told_by(reference) == version


@pytest.mark.parametrize(
    "reference",
    [
        "vllm/vllm-openai",
        "vllm/vllm-openai:latest",
        "vllm/vllm-openai:nightly",
        "vllm/vllm-openai:cu130-nightly",
        "vllm/vllm-openai:gemma4-unified",
        "vllm/vllm-openai:v0.11",
        "nvcr.io/nvidia/vllm:25.11-py3",
        "opea/vllm-gaudi:1.22.0",
        "intel/llm-scaler-vllm:0.14.0-b8.3.1",
        "registry.example/vllm/vllm-openai:v0.11.0",
        "lmcache/vllm-openai:v0.3.9",
    ],
)
def test_tags_that_do_not_tell(reference: str) -> None:
    assert told_by(reference) is None


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "name/UPPER:1",
        "name:tag:tag",
        "name: tag",
        "name@sha256:short",
        "-name",
        "name:$TAG",
        "a//b",
        "name\n",
        "${IMAGE}",
    ],
)
def test_what_is_no_reference(reference: str) -> None:
    assert parse_image(reference) is None


def test_a_registry_with_a_port_is_not_a_tag() -> None:
    image = parse_image("registry.example:5000/team/vllm")
    assert image is not None
    assert image.tag is None
    assert is_floating(image)


@pytest.mark.parametrize(
    ("tag", "floating"),
    [("latest", True), ("cu130-nightly", True), ("main", True), ("12.4-devel-ubuntu22.04", False), ("v1", False)],
)
def test_floating_tags(tag: str, *, floating: bool) -> None:
    image = parse_image(f"name:{tag}")
    assert image is not None
    assert is_floating(image) is floating


@pytest.mark.parametrize(
    ("text", "release"), [("0.11.1rc1", (0, 11, 1)), ("v0.11", (0, 11)), ("0.8.5.post1", (0, 8, 5))]
)
def test_versions(text: str, release: tuple[int, ...]) -> None:
    version = parse_version(text)
    assert version is not None
    assert version.release == release


@pytest.mark.parametrize("text", ["", "latest", "0", "0.11.x", "0.11.0 ", "25.11-py3", "0.11.0\n", "9" * 20 + ".0"])
def test_what_is_no_version(text: str) -> None:
    assert parse_version(text) is None
