"""`modelgen fit`: the table, the sum, what-ifs, and what has no estimate."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from fit_projects import GPT_OSS, HEAD, PROJECT, QWEN_4B, THREE, lock_of, model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The three Qwen models of the example, locked, on one RTX 3090."""
    (tmp_path / "models.toml").write_text(f'{PROJECT}[profiles.text]\nmodels = ["text-4b"]\ndefault = true\n')
    (tmp_path / "models.lock").write_bytes(lock_of())
    return tmp_path


def fit(project: Path, *args: str, code: int = 0) -> str:
    done = modelgen("fit", *args, cwd=project)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout if code in (0, 1) else done.stderr


def test_the_three_models_of_the_example(project: Path) -> None:
    """By hand, for 24 GB: 4.5 GiB for 32,768 tokens of a 4B model, 3 GiB of the AWQ model, for which it is tight."""
    head, text, small, large, *rest = fit(project).splitlines()
    assert head.split() == ["MODEL", "GPU", "RESERVED", "WEIGHTS", "KV", "CACHE", "TOKENS", "REQUESTS"]
    assert re.fullmatch(r"text-4b +gpu0 +12 GiB +7.49 GiB +2\.\d\d to 2\.\d\d GiB .* tight: 16,384 .*", text)
    assert re.fullmatch(r"qwen3vl-4b +gpu0 +22.8 GiB +8.27 GiB +.* +fits 32,768 tokens", small)
    assert re.fullmatch(r"qwen3vl +.* 16.65 GiB .* tight: 32,768 tokens may not fit, 2\d,\d{3} fit", large)
    assert rest[:3] == [
        "",
        "PROFILE  GPU   TOGETHER  RESERVED  LEFT      OUTSIDE THE LIMIT",
        "text     gpu0  text-4b   12 GiB    10.8 GiB  1.2 GiB",
    ]
    help_ = r"text-4b: write `max-model-len = \d+`, or `max-num-seqs = 64`, with which .* tokens fit"
    assert re.fullmatch(help_, rest[3])


def test_its_help_leads_to_a_model_that_fits(project: Path) -> None:
    length = re.search(r"qwen3vl: write `max-model-len = (\d+)`", fit(project))
    assert length is not None
    path = project / "models.toml"
    before, name, table = path.read_text().partition("[models.qwen3vl]")
    path.write_text(before + name + table.replace("32768", length[1]))
    assert f"fits {int(length[1]):,} tokens" in fit(project, "qwen3vl")


def test_the_sum_adds_up(project: Path) -> None:
    shown = fit(project, "text-4b", "--why")
    amounts = {
        name: float(size)
        for name, size in re.findall(r"^  ([-=] [\w ]+?|reserved) +(-?[\d.]+) (?:±|-)", shown, re.MULTILINE)
    }
    room = amounts.pop("= KV cache")
    assert room == pytest.approx(amounts.pop("reserved") - sum(amounts.values()), abs=0.02)
    assert {*amounts} == {"- weights", "- activations", "- outside PyTorch"}
    assert "38 B × 256 sequences × 151,936 tokens" in shown
    assert re.search(r"= KV cache +2.77 -0.56 \+0.22 GiB  2.21 GiB to 2.99 GiB", shown)
    assert "16,384 tokens: 1,024 blocks of 2,359,296 bytes, 16 tokens each" in shown


def test_json_is_the_same(project: Path) -> None:
    shown = json.loads(fit(project, "--format", "json"))
    one, two, three = shown["models"]
    assert [found["verdict"] for found in (one, two, three)] == ["tight", "fits", "tight"]
    assert one["request_bytes"] == 16384 * 147_456
    assert one["printed_tokens"] == sorted(one["printed_tokens"])
    assert {line["source"] for line in one["lines"]} == {"measured", "lock", "estimated"}
    assert [(choice["flag"], choice["value"]) for choice in one["alternatives"]] == [("max-num-seqs", 64)]
    assert two["alternatives"] == []
    [profile] = shown["profiles"]
    assert profile["reserved_bytes"] + profile["left_bytes"] + profile["outside_limit_bytes"] == 24 * 2**30


def test_what_would_be(project: Path) -> None:
    assert "65,536 tokens need more" in fit(project, "text-4b", "--context", "64k", code=1)
    assert "fits 65,536 tokens" in fit(project, "qwen3vl", "--context", "64k", "--gpu", "RTX 5090")
    assert "50 B × 100 sequences" in fit(project, "text-4b", "--max-num-seqs", "100", "--why")
    assert "fits 16,384 tokens" in fit(project, "text-4b", "--kv-cache-dtype", "fp8", "--gpu", "RTX 4090")
    assert "8.32 -0.08 " in fit(project, "qwen3vl", "--tp", "2", "--why")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ["--gpu", "H200", "--context", "300k"],
            "`max-model-len` is 307,200, but Qwen/Qwen3-4B-Instruct-2507 supports 262,144 tokens",
        ),
        (
            ["--kv-cache-dtype", "fp8"],
            "RTX 3090 (8.6) does not support `fp8` of vLLM 0.11.0, which needs compute capability 8.9",
        ),
        (["--tp", "3"], "`tensor-parallel-size` is 3, which does not divide the 32 attention heads of the model"),
    ],
)
def test_a_what_if_that_a_rule_refuses(project: Path, args: list[str], sentence: str) -> None:
    for more in ([], ["--why"]):
        assert f"refused: {sentence}\n" in fit(project, "text-4b", *args, *more, code=1)
    [found] = json.loads(fit(project, "text-4b", *args, "--format", "json", code=1))["models"]
    assert (found["verdict"], found["reason"]) == ("refused", sentence)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--context", "long"], "--context long is not a number of tokens: write 32768 or 32k"),
        (["--context", "0"], "is not a number of tokens"),
        (["--gpu", "RTX 3O90"], "is not one known GPU: did you mean `RTX 3090"),
        (["--max-num-seqs", "0"], "--max-num-seqs"),
        (["nothing"], "models.toml has no model `nothing`"),
    ],
)
def test_an_option_without_a_meaning(project: Path, args: list[str], message: str) -> None:
    assert message in fit(project, *args, code=2)


def test_a_cache_type_that_the_release_does_not_have_is_refused(project: Path) -> None:
    shown = fit(project, "--kv-cache-dtype", "int3", code=1)
    assert "refused: `kv-cache-dtype` of vLLM 0.11.0 takes auto, bfloat16, fp8, " in shown


def test_a_file_with_errors_is_not_estimated(project: Path) -> None:
    path = project / "models.toml"
    path.write_text(path.read_text().replace('gpus = ["gpu0"]', 'gpus = ["gpu9"]'))
    done = modelgen("fit", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "MG301" in done.stderr


def test_an_error_about_a_locked_file_is_beside_the_table(project: Path) -> None:
    """`fit` printed no row of any model if the lock lacked a file of one."""
    name, repo, _, size = THREE[0]
    (project / "models.lock").write_bytes(lock_of(((name, repo, GPT_OSS, size), *THREE[1:])))
    done = modelgen("fit", cwd=project)
    assert done.returncode == 1
    assert "MG512" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == [one[0] for one in THREE]


def test_a_model_that_does_not_fit_has_its_row_and_sum(project: Path) -> None:
    path = project / "models.toml"
    path.write_text(path.read_text().replace("12GiB", "9GiB"))
    assert re.search(r"^text-4b .* does not fit: ", fit(project, code=1), re.MULTILINE)
    assert "= KV cache" in fit(project, "text-4b", "--why", code=1)
    assert json.loads(fit(project, "text-4b", "--format", "json", code=1))["models"][0]["verdict"] == "does not fit"
    assert "fits 1,024 tokens" in fit(project, "text-4b", "--context", "1k", "--max-num-seqs", "4")


def test_a_length_that_the_model_lacks_is_an_error_beside_the_table(project: Path) -> None:
    path = project / "models.toml"
    path.write_text(path.read_text().replace("16384", "300000"))
    done = modelgen("fit", "text-4b", cwd=project)
    assert done.returncode == 1
    assert "MG509" in done.stderr
    assert "300,000 tokens need more" in done.stdout


def test_without_a_lock_it_says_which_command_makes_it(project: Path) -> None:
    (project / "models.lock").unlink()
    assert fit(project).count("cannot estimate: its repository is not locked; run `modelgen lock`") == 3


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (model("text-4b", THREE[0][1], max_model_len=8192, speculative_config='{"method": "ngram"}'), "are drafted"),
        (model("text-4b", THREE[0][1], max_model_len=8192, cpu_offload_gb=4), "weights in the host's memory"),
        (model("text-4b", THREE[0][1], max_model_len=8192, quantization="fp8"), "quantized while they are loaded"),
        (model("text-4b", THREE[0][1], max_model_len=8192) + 'loras = { sql = "a/b" }\n', "adapters"),
        (
            '[models.text-4b]\nengine = "command"\nimage = "me/x:1"\nport = 1\ncommand = ["x"]\n',
            "memory of command is not",
        ),
        (
            '[engines.tei]\nimage = "ghcr.io/huggingface/text-embeddings-inference:86-1.9"\n'
            + model("text-4b", THREE[0][1]).replace("repo =", 'engine = "tei"\nrepo ='),
            "what TEI takes besides its 7.49 GiB of weights",
        ),
    ],
)
def test_what_is_not_known_has_no_estimate(project: Path, table: str, reason: str) -> None:
    (project / "models.toml").write_text(HEAD + table)
    shown = fit(project)
    assert "cannot estimate: " in shown
    assert reason in shown


@pytest.mark.parametrize("config", ["{", "[]", "null", '"x"', '{"model_type": "qwen3", "hidden_size": 1e999}', "{}"])
def test_a_hostile_config_has_no_estimate(project: Path, config: str) -> None:
    (project / "models.lock").write_bytes(lock_of((("text-4b", THREE[0][1], QWEN_4B, 8 * 10**9),)))
    lock = project / "models.lock"
    text = lock.read_text()
    written = re.sub(r"(?m)^config = .*$", lambda _: f"config = {json.dumps(config)}", text)
    lock.write_text(written)
    done = modelgen("fit", "text-4b", cwd=project)
    assert "Traceback" not in done.stderr
    assert "fits" not in done.stdout


def test_slots_for_adapters_are_counted(project: Path) -> None:
    """By hand: 2 bytes × rank 16 × 36 layers × (2 × 6,656 + 2 × 3,584 + 3 × 12,288) are 66,060,288 bytes for a slot."""
    path = project / "models.toml"
    loras = 'loras = { sql = "org/sql", code = "org/code" }\n'
    path.write_text(HEAD + model("text-4b", THREE[0][1], max_model_len=8192, max_lora_rank=16, max_loras=2) + loras)
    [found] = json.loads(fit(project, "--format", "json"))["models"]
    [slots] = [line for line in found["lines"] if line["name"] == "adapters"]
    assert slots["bytes"][1] == 2 * 66_060_288
    assert slots["how"] == "2 slots of rank 16 in 36 layers"


def test_a_reservation_is_known_without_an_estimate(project: Path) -> None:
    (project / "models.lock").unlink()
    assert re.search(r"^text-4b +gpu0 +12 GiB +cannot estimate: ", fit(project), re.MULTILINE)


BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "vocab_size": 30_522,
    "max_position_embeddings": 512,
}


def test_a_model_that_keeps_nothing_has_no_numbers_of_a_cache(project: Path) -> None:
    (project / "models.toml").write_text(HEAD + model("bert", "BAAI/bge", max_model_len=512))
    (project / "models.lock").write_bytes(lock_of((("bert", "BAAI/bge", BERT, 4 * 10**8),)))
    assert re.search(r"MiB +- +- +- +fits 512 tokens: needs no KV cache\n", fit(project))
    [found] = json.loads(fit(project, "--format", "json"))["models"]
    assert [found[key] for key in ("printed_tokens", "capacity_tokens", "kv_cache_bytes", "request_bytes")] == [
        None
    ] * 4
    shown = fit(project, "--why")
    assert "needs no KV cache" in shown
    assert "0 blocks" not in shown


def test_no_more_requests_than_the_engine_runs(project: Path) -> None:
    row = fit(project, "qwen3vl-4b", "--context", "1").splitlines()[1]
    assert re.search(r" 256\.0 +fits 1 token$", row)
    why = fit(project, "qwen3vl-4b", "--context", "1", "--why")
    assert "the engine runs no more than 256 sequences at once" in why
    assert "that the tower encoded" in why


def test_a_narrow_terminal(project: Path) -> None:
    narrow = (
        "from modelgen.cli.configuration import fit_profiles, fit_tables\n"
        "fit_profiles.width_of = fit_tables.width_of = lambda _: 50\n"
    )
    lines = modelgen("fit", cwd=project, before=narrow).stdout.splitlines()
    assert max(map(len, lines)) <= 50
    assert [line for line in lines if line.isspace()] == []
    assert "text on gpu0: text-4b; reserved 12 GiB, left 10.8" in lines


def test_memory_that_is_shared_with_the_cpu(project: Path) -> None:
    shown = fit(project, "text-4b", "--gpu", "GB10", "--why")
    assert "that a program sees\n" in shown
