"""Where a finding sits: on the value to change."""

from __future__ import annotations

import pytest

from compiling import complete, findings

MODEL = '[models.qwen]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n'

CASES = {
    "an unknown key: on its key": (
        "[models.qwen]\nrepo = 'a/b'\nargs = { max-model-len = 8 }\n«gpu_memroy» = 1",
        "unknown-key",
    ),
    "a missing key: on its table's header": ("«[gpus.gpu0]»\nmemory = '24GiB'", "missing-key"),
    "a missing inline key: on the key of its table": (
        "[models.qwen]\nrepo = 'a/b'\n«args» = { seed = 1 }",
        "missing-max-model-len",
    ),
    "a wrong value: on the value": ("[gpus.gpu0]\nmemory = «'24'»\ndevice = '0'", "bad-value"),
    "an item of a list: on the item": (
        "[models.qwen]\nrepo = 'a/b'\ngpus = ['gpu0', «'gpu7'»]\nargs = { max-model-len = 8, tp = 2 }",
        "unknown-gpu",
    ),
    "of two things that collide: the later": (
        "[models.a]\nrepo = 'a/b'\naliases = ['x']\nargs = { max-model-len = 8 }\n"
        "[models.b]\nrepo = 'a/c'\naliases = [«'x'»]\nargs = { max-model-len = 8 }",
        "name-collision",
    ),
    "an id that an earlier alias took: on the header": (
        "[models.a]\nrepo = 'a/b'\naliases = ['b']\nargs = { max-model-len = 8 }\n"
        "«[models.b]»\nrepo = 'a/c'\nargs = { max-model-len = 8 }",
        "name-collision",
    ),
    "a profile over a card: on the profile's models": (
        "[profiles.both]\nmodels = «['a', 'b']»\n"
        "[models.a]\nrepo = 'a/b'\ngpus = ['gpu0']\nargs = { max-model-len = 8 }\n"
        "[models.b]\nrepo = 'a/c'\ngpus = ['gpu0']\nargs = { max-model-len = 8 }",
        "profile-over-card",
    ),
    "a parallel size: on the flag": (
        "[models.qwen]\nrepo = 'a/b'\ngpus = ['gpu0']\nargs = { max-model-len = 8, tp = «2» }",
        "parallel-mismatch",
    ),
    "a parallel size that is not written: on gpus": (
        "[gpus]\ng0 = { memory = '24GiB', device = '0' }\ng1 = { memory = '24GiB', device = '1' }\n"
        "[models.qwen]\nrepo = 'a/b'\ngpus = «['g0', 'g1']»\nargs = { max-model-len = 8 }",
        "parallel-mismatch",
    ),
    "an image fault: on image": (f"[engines.vllm]\nimage = «'vllm/vllm-openai'»\n{MODEL}", "unknown-version"),
    "columns count characters": (
        "[models.qwen]\nrepo = 'a/b'\nargs = { max-model-len = 8 }\nenv = { A = '漢字', «\"ö ä\"» = 'x' }",
        "bad-env-name",
    ),
    "in an array of tables": (
        f"{MODEL}[[models.qwen.compose.volumes]]\ntype = 'volume'\nsource = 'x'\ntarget = '/x'\n"
        "«[[models.qwen.compose.volumes]]»\ntype = 'bind'\nsource = '/x'\ntarget = '/root/.cache'",
        "volume-over-ours",
    ),
    "under a dotted key": (
        "models.qwen.repo = 'a/b'\nmodels.qwen.args.max-model-len = 8\nmodels.qwen.«gpu_memory» = '1GiB'",
        "memory-without-gpu",
    ),
}


@pytest.mark.parametrize(("marked", "rule"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_place(marked: str, rule: str, line_end: str) -> None:
    start, end = marked.index("«"), marked.index("»") - 1
    text = marked.replace("«", "").replace("»", "")
    found = next(iter(findings(complete(text).replace("\n", line_end))))
    before = text[:start]
    column = start - (before.rfind("\n") + 1) + 1
    assert found.rule == rule
    assert found.span[1:] == (before.count("\n") + 1, column, before.count("\n") + 1, column + end - start)


def test_findings_are_sorted_by_place_and_all_are_found_in_one_run() -> None:
    toml = """
        [project]
        name = "Bad Name"
        hub = "./models/hub"

        [models.one]
        repo = "/models/one"
        revision = 7
        gpu_memory = "lots"
        gpus = ["gpu9"]
        args = { max-model-len = 8, port = 1 }

        [profiles.all]
        models = ["one", "two"]
    """
    found = findings(complete(toml))
    assert [diagnostic.rule for diagnostic in found] == [
        "bad-value",
        "path-as-repo",
        "wrong-type",
        "bad-value",
        "unknown-gpu",
        "owned-arg",
        "unknown-model",
    ]


def test_what_was_refused_is_not_called_missing_or_unknown() -> None:
    toml = """
        [gpus.gpu0]
        memory = "24"
        device = "0"

        [engines.vllm]
        image = 3

        [models.qwen]
        repo = 4
        gpus = ["gpu0"]
        args = { max-model-len = nan }

        [profiles.p]
        models = ["qwen"]
    """
    assert [diagnostic.rule for diagnostic in findings(complete(toml))] == [
        "bad-value",
        "wrong-type",
        "wrong-type",
        "bad-value",
    ]
