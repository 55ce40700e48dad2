"""`gpu_memory = "auto"`, and lengths that are not written: what is chosen, that limits hold, and what is said."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiling import findings
from fit_projects import HEAD, QWEN_4B, THREE, dense, lock_of, model
from modelgen.fit.dividing import Group, Need, crowded, divide
from modelgen.pipeline import check_source, compile_source

if TYPE_CHECKING:
    from modelgen.fit import Fitted

LOCK = lock_of()
NAME, REPO = THREE[0][:2]
SMALL = ("small", "Qwen/Small", QWEN_4B, 2_000_000_000)
TWO = lock_of((THREE[0], SMALL))
BOTH = '[profiles.both]\nmodels = ["text-4b", "small"]\n'


def fitted(text: str, lock: bytes | None = LOCK) -> Fitted:
    found = check_source(text.encode(), lock, targets=("compose",))
    errors = [(one.rule, one.message) for one in found.diagnostics if one.severity.value == "error"]
    assert errors == []
    assert found.fitted is not None
    return found.fitted


def two(first: int = 16384, second: int = 16384, more: str = BOTH) -> str:
    return (
        HEAD
        + model(NAME, REPO, "auto", max_model_len=first)
        + model(SMALL[0], SMALL[1], "auto", max_model_len=second)
        + more
    )


def shares(text: str, lock: bytes = TWO) -> dict[str, float]:
    runs = fitted(text, lock).resolved.runs
    return {name: float(run.model.gpu_memory or 0) for name, run in runs.items() if run.model.gpu_memory != "auto"}


def test_a_model_alone_gets_the_whole_limit() -> None:
    assert shares(HEAD + model(NAME, REPO, "auto", max_model_len=8192), LOCK) == {NAME: 0.95}


def test_a_card_is_divided_by_need_and_the_rest_by_requests() -> None:
    text = two()
    found = fitted(text, TWO)
    one, other = (found.estimates[name] for name in (NAME, "small"))
    assert one.verdict == other.verdict == "fits"
    sizes = shares(text)
    assert sizes[NAME] > sizes["small"]
    assert 0.9498 <= sum(sizes.values()) <= 0.95
    # Both can serve nearly the same number of requests of their longest length.
    assert one.room.low / one.cache.of_request == pytest.approx(other.room.low / other.cache.of_request, rel=0.01)


def test_a_longer_request_gets_more_of_the_rest() -> None:
    assert shares(two(32768, 4096))[NAME] > shares(two(16384, 16384))[NAME]


def test_a_written_size_is_left_alone() -> None:
    text = HEAD + model(NAME, REPO, "12GiB", max_model_len=8192)
    text += model(SMALL[0], SMALL[1], "auto", max_model_len=8192) + BOTH
    assert fitted(text, TWO).resolved.runs[NAME].model.gpu_memory == 12 * 2**30
    assert shares(text)["small"] == pytest.approx(0.95 - 0.5, abs=0.0001)


def test_one_size_in_all_profiles_and_beside_what_stays_loaded() -> None:
    third = ("third", "Qwen/Third", QWEN_4B, 2_000_000_000)
    text = two(8192, 8192, "") + model(third[0], third[1], "auto", max_model_len=8192)
    text = text.replace("[models.small]\n", "[models.small]\nkeep_loaded = true\n")
    sizes = shares(text, lock_of((THREE[0], SMALL, third)))
    assert sizes[NAME] + sizes["small"] <= 0.95
    assert sizes["third"] + sizes["small"] <= 0.95


def test_defaults_may_say_auto() -> None:
    text = HEAD + '[defaults]\ngpu_memory = "auto"\n' + model(NAME, REPO, max_model_len=8192)
    assert shares(text, LOCK) == {NAME: 0.95}


def test_the_compose_file_explains_the_size() -> None:
    text = compile_source(two().encode(), TWO).artifacts["docker-compose.yml"].decode()
    assert '# `gpu_memory = "auto"`: it needs ' in text
    assert (
        "GiB for one request of 16,384 tokens; the rest is shared with small, for as many more requests each." in text
    )


def test_a_share_that_leaves_nothing_for_weights_is_too_small() -> None:
    """SGLang sets memory aside before the weights, which takes more than a small model needs."""
    model_06b = ("small", "Qwen/Qwen3-0.6B", dense(28, 16, 8, 1024, 3072, 151_936), 1_503_264_768)
    table = model(*model_06b[:2], "auto", context_length=8192).replace("repo =", 'engine = "sglang"\nrepo =')
    text = f'{HEAD}[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n{table}'
    assert shares(text, lock_of((model_06b,))) == {"small": 0.95}


BERT = {"architectures": ["BertModel"], "model_type": "bert", "num_hidden_layers": 12, "num_attention_heads": 12}
BERT |= {"hidden_size": 768, "intermediate_size": 3072, "vocab_size": 30_522, "max_position_embeddings": 512}


def test_an_encoder_takes_its_own_length() -> None:
    found = fitted(HEAD + model("bge", "org/bge"), lock_of((("bge", "org/bge", BERT, 219_000_000),)))
    assert found.lengths["bge"] == (512, 512)


def test_values_in_32_bits_are_loaded_in_16() -> None:
    lock = lock_of((("bge", "org/bge", BERT, 438_000_000),), "F32")
    found = fitted(HEAD + model("bge", "org/bge", max_model_len=512), lock)
    assert found.estimates["bge"].lines[1].amount.value == 219_000_000


@pytest.mark.parametrize(
    ("change", "weights"), [({"num_hidden_layers": 1}, 8_044_936_192), ({"hidden_size": 1}, 8_044_936_192), ({}, 10)]
)
def test_a_config_at_odds_with_the_tensors_is_not_estimated(change: dict[str, int], weights: int) -> None:
    lock = lock_of(((NAME, REPO, QWEN_4B | change, weights),))
    assert not fitted(HEAD + model(NAME, REPO, max_model_len=8192), lock).estimates


@pytest.mark.parametrize("locked", [True, False])
def test_the_help_for_a_missing_length_can_be_followed(*, locked: bool) -> None:
    config = BERT | {"model_type": "roberta", "architectures": ["RobertaModel"]}
    lock = lock_of((("bge", "org/bge", config, 219_000_000),)).decode() if locked else None
    [help_] = [one.help for one in findings(HEAD + model("bge", "org/bge"), lock) if one.code == "MG213"]
    assert ("max-model-len = 512 }" in help_, "`modelgen lock`" in help_) == (locked, not locked)


def test_without_a_lock_a_size_is_asked_for() -> None:
    [one] = [one for one in findings(HEAD + model(NAME, REPO, "auto", max_model_len=8192)) if one.code == "MG555"]
    assert one.message == f"what `{NAME}` needs is not known: its repository is not locked; run `modelgen lock`"
    assert one.span.line == HEAD.count("\n") + 6


def test_what_is_not_written_is_chosen_by_the_estimate() -> None:
    found = fitted(HEAD + model(NAME, REPO, "14GiB"))
    length = found.lengths[NAME]
    assert (length.own, length.chosen % 1024) == (262_144, 0)
    assert found.estimates[NAME].verdict == "fits"
    longer = HEAD + model(NAME, REPO, "14GiB", max_model_len=length.chosen + 1024)
    assert [one.code for one in findings(longer, LOCK.decode()) if one.severity.value != "info"] == ["MG547"]
    text = compile_source((HEAD + model(NAME, REPO, "14GiB")).encode(), LOCK).artifacts["docker-compose.yml"].decode()
    assert f'- "--max-model-len"\n      - "{length.chosen}"\n' in text
    assert f"# `max-model-len` is not written: {length.chosen:,} of the model's 262,144 tokens fit." in text


def test_both_can_be_left_to_modelgen() -> None:
    text = HEAD + model(NAME, REPO, "auto") + model(SMALL[0], SMALL[1], "auto") + BOTH
    found = fitted(text, TWO)
    assert {one.verdict for one in found.estimates.values()} == {"fits"}
    assert all(length.chosen >= 8192 for length in found.lengths.values())


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('gpus = ["gpu0"]', 'gpus = ["gpu9"]', "MG301"),
        ('gpus = ["gpu0"]', "gpus = []", "MG307"),
        ('gpus = ["gpu0"]', 'gpus = ["gpu0", "gpu0"]', "MG302"),
        ('device = "0"', 'device = "0"\nlimit = 0.00001', "MG304"),
        ('device = "0"', 'device = "0"\nlimit = 0.2', "MG556"),
        ('"auto"', '"automatic"', "MG013"),
        ('models = ["text-4b", "small"]', 'models = ["text-4b", "text-4b", "none"]', "MG411"),
        ("v0.11.0", "latest", "MG204"),
    ],
)
def test_a_file_with_another_error_has_that(old: str, new: str, code: str) -> None:
    text = two().replace(old, new)
    assert text != two()
    assert code in {one.code for one in compile_source(text.encode(), TWO).diagnostics}


@pytest.mark.parametrize("config", ["", "[]", '{"num_hidden_layers": -1}', '{"hidden_size": 1e99}', "{" * 500])
def test_a_hostile_config_is_never_sized(config: str) -> None:
    lock = tomllib.loads(TWO.decode())
    text = TWO.decode().replace(lock["snapshots"][0]["config"], config).replace(lock["snapshots"][1]["config"], config)
    codes = {one.code for one in compile_source(two().encode(), text.encode()).diagnostics}
    assert codes & {"MG501", "MG555"}


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_group_exceeds_its_gpu(data: st.DataObject) -> None:
    names = [f"m{number}" for number in range(data.draw(st.integers(1, 6)))]
    parts = st.integers(1, 4000)
    needs = {name: Need(data.draw(parts), Fraction(data.draw(parts), data.draw(st.integers(1, 9)))) for name in names}
    groups: list[Group] = [Group("", gpu, (name,), (), 9500) for name in names for gpu in ("gpu0", "gpu1")]
    for number in range(data.draw(st.integers(0, 4))):
        members = tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
        groups.append(Group(f"p{number}", "gpu0", members, ("x",), data.draw(st.integers(0, 9500))))
    full = crowded(needs, groups)
    kept = {name: need for name, need in needs.items() if not any(name in group.models for group in full)}
    found = divide(kept, groups)
    assert found == divide(dict(reversed(kept.items())), groups[::-1])
    assert found.keys() == kept.keys()
    for group in groups:
        taken = [found[name] for name in group.models if name in kept]
        assert not taken or sum(taken) <= group.free
    for name, need in kept.items():
        around = [group for group in groups if name in group.models]
        assert found[name] >= need.least or any(group.is_lone for group in around)
        # Something stops each model: a little more for each would exceed one of its groups.
        assert any(sum(found[one] + 1 for one in group.models if one in kept) > group.free for group in around)
