"""Whatever `fits` together in a profile stays within the limits of its GPUs: by brute force over random projects."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fit_projects import HEAD, QWEN_4B, lock_of, model
from modelgen import fit
from modelgen.pipeline import check_source

GIB = 2**30
NAMES = ("one", "two", "three")
LOCK = lock_of(tuple((name, f"org/{name}", QWEN_4B, size * GIB) for name, size in zip(NAMES, (1, 3, 8), strict=True)))
PROFILES = (("one", "two"), ("two", "three"), ("one", "two", "three"))


@given(
    st.lists(st.sampled_from(["", "4GiB", "6GiB", "9GiB", "12GiB", "23GiB"]), min_size=3, max_size=3),
    st.lists(st.sampled_from([512, 8192, 32_768, 131_072]), min_size=3, max_size=3),
    st.sets(st.sampled_from(PROFILES)),
)
@settings(max_examples=60, deadline=None)
def test_what_fits_breaks_no_limit(memory: list[str], lengths: list[int], profiles: set[tuple[str, ...]]) -> None:
    models = (
        model(name, f"org/{name}", size, max_model_len=length)
        for name, size, length in zip(NAMES, memory, lengths, strict=True)
    )
    tables = (f"[profiles.p{number}]\nmodels = {[*names]}\n" for number, names in enumerate(sorted(profiles)))
    found = check_source((HEAD + "".join(models) + "".join(tables)).encode(), LOCK, targets=("compose",))
    if found.fitted is None or any(one.severity.value == "error" for one in found.diagnostics):
        return
    card = found.fitted.resolved.cards["gpu0"]
    reserved: dict[str, int] = {}
    for name, one in found.fitted.estimates.items():
        [reserved[name]] = fit.reservations(
            {"gpu0": card}, found.fitted.resolved.document.models[name].gpu_memory
        ).values()
        assert one.lines[0].amount.value <= reserved[name] <= fit.budget(card)
        if one.verdict == "fits":
            assert one.room.low >= one.cache.of_request
            assert sum(line.amount.value for line in one.lines[1:]) + one.cache.of_request <= reserved[name]
    for names in profiles:
        assert sum(reserved[name] for name in names) <= fit.budget(card)
