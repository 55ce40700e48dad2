"""An image that names no release is answered with the tag of one that the host runs, never with a guessed number."""

from __future__ import annotations

import pytest

from compiling import complete, findings
from modelgen.engines import ENGINES

DIGEST = "sha256:" + "0" * 64
MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\n'


def newest(engine: str) -> str:
    catalogue = ENGINES[engine].catalogue
    assert catalogue is not None
    return catalogue().names[-1]


def help_for(image: str, engine: str = "vllm", more: str = "") -> str:
    table = f'[engines.{engine}]\nimage = "{image}"\n'
    length = "context-length" if engine == "sglang" else "max-model-len"
    model = f'{MODEL}engine = "{engine}"\nargs = {{ {length} = 8 }}\n'
    [found] = [
        one
        for one in findings(complete(table + model + more))
        if "`image`" in one.message or "image" in one.rule or one.rule == "unknown-version"
    ]
    return found.help


@pytest.mark.parametrize("tag", [":latest", ":nightly", "", f"@{DIGEST}", ":cu129-nightly"])
@pytest.mark.parametrize(("engine", "name"), [("vllm", "vllm/vllm-openai"), ("sglang", "lmsysorg/sglang")])
def test_the_newest_known_release_is_recommended(engine: str, name: str, tag: str) -> None:
    assert help_for(f"{name}{tag}", engine).startswith(f"write `{name}:v{newest(engine)}`")


@pytest.mark.parametrize("image", ["lmcache/vllm-openai:0.4.7", "nvcr.io/nvidia/vllm:25.11-py3", "mine/vllm:1.2.3"])
def test_the_number_of_another_project_is_not_copied(image: str) -> None:
    assert help_for(image) == 'write the version of vLLM in this image as `version = "…"` in `[engines.vllm]`'


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("opea/vllm-gaudi:1.22.0", "Gaudi"),
        ("vault.habana.ai/gaudi-docker/1.22.1/ubuntu22.04/habanalabs/vllm-installer:latest", "Gaudi"),
        ("vllm/vllm-tpu:v0.11.0", "TPUs"),
        ("quay.io/ascend/vllm-ascend:v0.11.0", "Ascend NPUs"),
    ],
)
def test_an_image_for_other_accelerators_is_refused_in_one_line(image: str, kind: str) -> None:
    toml = f'[engines.vllm]\nimage = "{image}"\n[models.a]\nrepo = "o/m"\nargs = {{ max-model-len = 8 }}\n'
    [found] = [one for one in findings(complete(toml)) if one.severity == "error"]
    assert (found.rule, found.message) == (
        "image-for-unsupported",
        f"this image is for {kind}, which modelgen does not support",
    )


def test_the_number_of_a_mirror_is() -> None:
    assert help_for("registry.example/proxy/vllm/vllm-openai:v0.30.0") == (
        'write `version = "0.30.0"` in `[engines.vllm]`'
    )


@pytest.mark.parametrize(
    ("driver", "expected"),
    [("580.65.06", ":v"), ("575.57.08", "-cu129`"), ("570.195.03", "`vllm/vllm-openai:v0.11.0`")],
)
def test_a_release_is_recommended_that_the_driver_runs(driver: str, expected: str) -> None:
    host = f'[host]\ndriver = "{driver}"\n'
    help_text = help_for("vllm/vllm-openai:latest", more=host)
    assert expected in help_text
    image = help_text.split("`")[1]
    after = complete(f'{MODEL}image = "{image}"\nargs = {{ max-model-len = 8 }}\n{host}')
    assert [one.rule for one in findings(after)] == []


@pytest.mark.parametrize(
    ("driver", "start"),
    [
        ("575.57.08", "write `vllm/vllm-openai:v0.20.0-cu129`"),
        (
            "570.195.03",
            "write `vllm/vllm-openai:v0.11.0`, or update the driver to 580 or newer; on a data",
        ),
        ("520.61.05", "update the driver to 580 or newer, or use an older image"),
    ],
)
def test_an_older_cuda_is_offered_where_the_driver_accepts_it(driver: str, start: str) -> None:
    toml = complete(
        f'{MODEL}image = "vllm/vllm-openai:v0.20.0"\nargs = {{ max-model-len = 8 }}\n[host]\ndriver = "{driver}"\n'
    )
    [found] = findings(toml)
    assert found.help.startswith(start)


def test_a_floating_tag_with_a_version_is_answered_with_that_version() -> None:
    toml = complete(
        '[engines.vllm]\nimage = "vllm/vllm-openai:latest"\nversion = "0.30.0"\n'
        f"{MODEL}args = {{ max-model-len = 8 }}\n"
    )
    [found] = findings(toml)
    assert found.help == "write `vllm/vllm-openai:v0.30.0`, or a digest"


@pytest.mark.parametrize(
    ("image", "driver", "start"),
    [
        ("vllm/vllm-openai:latest", "550.54", "write `vllm/vllm-openai:v0.8.5.post1`, or "),
        (
            "vllm/vllm-openai:latest",
            "535.54",
            "no known release runs on every GPU with driver 535.54: update",
        ),
        ("rocm/vllm:latest", "535.54", "write `vllm/vllm-openai-rocm:v"),
    ],
)
def test_a_tag_without_a_release_on_an_old_driver(image: str, driver: str, start: str) -> None:
    toml = complete(f'[host]\ndriver = "{driver}"\n[engines.vllm]\nimage = "{image}"\n[models.x]\nrepo = "a/b"\n')
    assert [one.help.startswith(start) for one in findings(toml) if one.rule == "unknown-version"] == [True]
