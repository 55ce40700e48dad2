"""Which release speaks for a version, what a key of `args` means, and when a variable is read."""

from __future__ import annotations

import pytest

from compiling import complete, findings
from modelgen.engines import sglang
from modelgen.engines.catalogues import Catalogue, Kind, nearest
from modelgen.engines.images.versions import Version, parse_version
from modelgen.engines.vllm import FLAGS, VARIABLES


def version(text: str) -> Version:
    parsed = parse_version(text)
    assert parsed is not None
    return parsed


@pytest.fixture(scope="module")
def vllm() -> Catalogue:
    return FLAGS()


@pytest.mark.parametrize(
    ("wanted", "speaks"),
    [
        ("0.8.5", "0.8.5"),
        ("0.8.5.post1", "0.8.5.post1"),
        ("0.11.0rc2", "0.11.0"),
        ("0.11.1", "0.11.1"),
        ("0.11.9", "0.11.2"),
        ("0.14.2", "0.14.1"),
        # The nearest patch, also a later one: the release before it has other flags.
        ("0.10.1", "0.10.1.1"),
        ("0.17.0", "0.17.1"),
        ("0.20.0", "0.20.2"),
        ("0.22.0", "0.22.1"),
        ("0.33.7", "0.33.0"),
    ],
)
def test_the_release_that_speaks_for_a_version(vllm: Catalogue, wanted: str, speaks: str) -> None:
    release = vllm.release(version(wanted))
    if wanted in vllm.names:  # once there is data of its own
        speaks = wanted
    assert (release.name, release.is_newer) == (speaks, False)


@pytest.mark.parametrize("wanted", ["0.34.0", "0.100.0", "1.0.0", "9.9.9"])
def test_a_newer_line_than_the_data_has_the_newest_release_and_says_so(vllm: Catalogue, wanted: str) -> None:
    release = vllm.release(version(wanted))
    assert (release.name, release.is_newer) == (vllm.names[-1], True)


def test_a_line_of_which_nothing_is_known_has_the_greatest_older_release() -> None:
    known: list[tuple[int, ...]] = [(0, 8, 5), (0, 9, 1), (0, 11, 0), (0, 11, 2)]
    assert nearest(known, (0, 10, 5), 2) == (1, False)
    assert nearest(known, (0, 11, 1), 2) == (3, False), "of two that are equally near, the later"
    assert nearest(known, (0, 11, 9), 2) == (3, False)
    assert nearest(known, (0, 12, 0), 2) == (3, True)
    assert nearest(known, (0, 1, 0), 2) == (0, False)


@pytest.mark.parametrize(
    ("wanted", "speaks", "is_newer"),
    [
        ("0.5.5", "0.5.5", False),
        ("0.5.5.post2", "0.5.5.post2", False),
        ("0.5.23", "0.5.23", False),
        ("0.5.23.post9", "0.5.23", False),
        ("0.5.24", "0.5.23", True),
        ("0.6.0", "0.5.23", True),
    ],
)
def test_sglang_changes_its_flags_at_every_release(wanted: str, speaks: str, *, is_newer: bool) -> None:
    release = sglang.FLAGS().release(version(wanted))
    assert (release.name, release.is_newer) == (speaks, is_newer)


def test_a_version_that_is_newer_than_the_data_gets_warnings_and_the_place_where_the_data_ends() -> None:
    toml = '[engines.vllm]\nimage = "vllm/vllm-openai:v{}"\n'
    toml += '[models.a]\nrepo = "a/b"\nargs = {{ max-model-len = 1, x = 1 }}'
    (newer,) = findings(complete(toml.format("0.34.0")))
    assert (newer.rule, newer.severity) == ("unverified-flag", "warning")
    assert "data ends at vLLM 0.33.0" in newer.message
    (known,) = findings(complete(toml.format("0.33.9")))
    assert (known.rule, known.severity) == ("unknown-flag", "error")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("max-model-len", "max-model-len"),
        ("max_model_len", "max-model-len"),
        ("tp", "tensor-parallel-size"),
        ("q", "quantization"),
        ("model-tag", "model_tag"),
        ("cc", "compilation-config"),
        ("compilation_config.pass_config.fuse_x", "compilation-config.pass_config.fuse_x"),
        ("cc.pass_config", "compilation-config.pass_config"),
        # One flag until 0.11, another since.
        ("O", "O"),
    ],
)
def test_what_a_key_means(vllm: Catalogue, key: str, name: str) -> None:
    assert vllm.canonical(key) == name
    assert vllm.canonical(name) == name


def test_a_flag_by_its_releases(vllm: Catalogue) -> None:
    new, old = vllm.release(version("0.33.0")), vllm.release(version("0.8.5"))
    assert (old.get("swap-space"), new.get("swap-space")) != (None, None)
    assert new.get("swap-space") is None
    assert old.get("enable-prefix-caching") is not None
    length = new.get("max-model-len")
    assert length is not None
    assert length.kind is Kind.LENGTH
    (life,) = vllm.lives("swap-space")
    assert (life.since, vllm.label(life.gone or "")) == ("0.8.5", "0.18")
    assert vllm.lives("no-such-flag") == []


def test_a_release_is_called_by_its_line_where_it_is_the_first_of_it(vllm: Catalogue) -> None:
    assert [vllm.label(name) for name in ("0.8.5", "0.11.0", "0.11.1", "0.11.2")] == [
        "0.8.5",
        "0.11",
        "0.11.1",
        "0.11.2",
    ]
    assert vllm.label("0.33.0") == "0.33"


READERS = VARIABLES.readers


@pytest.mark.parametrize("name", VARIABLES.instead)
def test_advice_on_variables_is_about_those_that_are_gone_and_names_flags_that_are_there(
    vllm: Catalogue, name: str
) -> None:
    last = READERS[name].last
    assert last is not None
    after = vllm.names[vllm.position(last) + 1]
    assert VARIABLES.is_read(name, version(last))
    assert not VARIABLES.is_read(name, version(after))
    _, write, flag = VARIABLES.instead[name].help.removesuffix("` in `args`").partition("write `")
    if write:
        assert vllm.release(version(after)).get(flag) is not None
    else:
        assert "`" not in VARIABLES.instead[name].help


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_variable_is_read_from_its_first_release_to_its_last(vllm: Catalogue, name: str) -> None:
    first, last = READERS[name]
    start = vllm.position(first)
    end = vllm.position(last) if last else len(vllm.names) - 1
    assert [at for at, release in enumerate(vllm.names) if VARIABLES.is_read(name, version(release))] == [
        *range(start, end + 1)
    ]


def test_variables_at_the_edges() -> None:
    assert not VARIABLES.is_read("VLLM_NOBODY", version("0.11.0"))
    # 0.14.2 has no data of its own: 0.14.1 speaks for it, as it does for flags.
    assert VARIABLES.is_read("VLLM_ATTENTION_BACKEND", version("0.14.2"))
    assert not VARIABLES.is_read("VLLM_ATTENTION_BACKEND", version("0.15.0"))
    # What the newest known release reads, a newer one is taken to read.
    assert VARIABLES.is_read("VLLM_LOGGING_LEVEL", version("9.9.9"))
    assert [VARIABLES.is_newer(version(text)) for text in ("0.8.5", "0.33.0", "0.33.9", "0.34.0")] == [
        *(False, False, False, True)
    ]


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("VLLM_MAX_MODEL_LEN", "max-model-len"),
        ("VLLM_MODEL", "model"),
        ("GPU_MEMORY_UTILIZATION", "gpu-memory-utilization"),
        ("MAX_MODEL_LEN", "max-model-len"),
        # Of other programs, or of vLLM after all.
        ("PORT", None),
        ("SEED", None),
        ("VLLM_ATTENTION_BACKEND", None),
        ("VLLM_LOGGING_LEVEL", None),
        ("VLLM_NOBODY", None),
        ("VLLM_", None),
    ],
)
def test_names_that_spell_a_flag(name: str, flag: str | None) -> None:
    assert VARIABLES.flag_meant(name) == flag
