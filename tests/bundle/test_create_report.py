"""The lines of `modelgen bundle create` about its result."""

from __future__ import annotations

from modelgen.cli.bundle.report import proof_lines


def test_the_result_says_which_models_were_tried_and_why_others_were_not() -> None:
    reason = "vLLM 0.11.0 cannot look up without loading"
    assert [*proof_lines({"c": True, "a": reason, "b": reason})] == [
        "tried: c; the engine found all files that it opens at start, in this bundle",
        f"not tried: a, b; {reason}",
    ]
    assert [*proof_lines({f"m{number:02d}": reason for number in range(12)})] == [
        f"not tried: m00, m01, m02, m03, m04, m05, m06, m07, m08, m09 and 2 more; {reason}"
    ]
    assert [*proof_lines({})] == []
