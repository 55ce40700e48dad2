"""`modelgen verify --load` by its own table: hubs that are right byte for byte, and lack what engines open."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_on_disk import write
from loading import CONFIG, TOKENIZER, WEIGHTS, as_json, checkpoint, commit_of, load, model, place

if TYPE_CHECKING:
    from pathlib import Path

POOLING = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
ENCODER = {"model_type": "bert", "architectures": ["BertModel"], "max_position_embeddings": 512}
TRUST = "trust_remote_code = true"
EXAMPLE = """
[engines.vllm]
image = "vllm/vllm-openai:v0.11.0"
[models.text-4b]
repo = "Qwen/Qwen3-4B-Instruct-2507"
args = { max-model-len = 16384 }
[models.qwen3vl-4b]
repo = "Qwen/Qwen3-VL-4B-Instruct"
args = { max-model-len = 16384, limit-mm-per-prompt = { image = 2, video = 0 } }
[models.qwen3vl]
repo = "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ"
args = { max-model-len = 8192, limit-mm-per-prompt = { image = 2, video = 0 } }
"""
VISION = {"model_type": "qwen3_vl", "architectures": ["Qwen3VLForConditionalGeneration"], "vision_config": {"depth": 1}}


def test_a_line_for_each_model_of_the_example(tmp_path: Path) -> None:
    sees = checkpoint(config__json=VISION, preprocessor_config__json={"size": 1})
    shards = checkpoint("model.safetensors", config__json=VISION, preprocessor_config__json={"size": 1})
    shards |= {f"model-0000{number}-of-00002.safetensors": WEIGHTS for number in (1, 2)}
    index = {f"w{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    shards["model.safetensors.index.json"] = as_json({"weight_map": index})
    place(
        tmp_path,
        EXAMPLE,
        {
            "Qwen/Qwen3-4B-Instruct-2507": checkpoint(),
            "Qwen/Qwen3-VL-4B-Instruct": sees,
            "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ": shards,
        },
    )
    done = modelgen("verify", "--load", cwd=tmp_path)
    assert done.stdout == "text-4b: loadable\nqwen3vl-4b: loadable\nqwen3vl: loadable\n"
    assert done.returncode == 0
    assert "`--image` runs the engines' own look-ups" in done.stderr


def test_missing_consolidated_weights(tmp_path: Path) -> None:
    place(tmp_path, model(args='max-model-len = 8, load-format = "mistral"'), {"org/model": checkpoint()})
    asked = load(tmp_path)
    assert asked.code == 1
    assert [found.split(":")[0] for found in asked.wrong] == ["weights"]
    assert asked.wrong[0].startswith("weights: consolidated*.safetensors is missing, where vLLM 0.11.0 with ")


def test_weights_that_are_missing_altogether(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint("model.safetensors")})
    asked = load(tmp_path)
    assert asked.code == 1
    assert asked.wrong[0].startswith("weights: *.safetensors is missing")


def test_shards_that_the_index_names(tmp_path: Path) -> None:
    files = checkpoint("model.safetensors") | {"model-00001-of-00003.safetensors": WEIGHTS}
    names = {f"w{number}": f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)}
    place(tmp_path, model(), {"org/model": files | {"model.safetensors.index.json": as_json({"weight_map": names})}})
    text = "shards: model-00002-of-00003.safetensors is missing, as is 1 more: model.safetensors.index.json names it"
    assert load(tmp_path).wrong == [text]
    place(tmp_path, model(), {"org/model": files})
    assert load(tmp_path).wrong == ["shards: model-00002-of-00003.safetensors is missing: 2 of 3 shards are missing"]


@pytest.mark.parametrize(
    ("file", "look_up", "reference"),
    [
        ("config.json", "config", {"AutoConfig": "org/code--configuration_x.XConfig"}),
        ("tokenizer_config.json", "tokenizer", {"AutoTokenizer": ["org/code--tokenization_x.XTokenizer", None]}),
        ("preprocessor_config.json", "processor", {"AutoProcessor": "org/code--processing_x.XProcessor"}),
    ],
)
@pytest.mark.parametrize("size", [0, 89_000])
def test_code_of_a_repository_that_was_not_fetched(
    tmp_path: Path, file: str, look_up: str, reference: dict[str, object], size: int
) -> None:
    bases: dict[str, dict[str, object]] = {"config.json": {**CONFIG}, "tokenizer_config.json": {**TOKENIZER}}
    base = bases.get(file, {})
    files = checkpoint() | {file: as_json({**base, "auto_map": reference, "ignore": "x" * size})}
    place(tmp_path, model(keys=TRUST), {"org/model": files})
    asked = load(tmp_path)
    assert asked.code == 1
    assert asked.wrong == [f"{look_up}: {file} names code of org/code, which is not in the hub directory"]
    assert asked.findings[0]["help"] == "run `modelgen lock`, then `modelgen fetch`"
    # As it is with the code there, whoever brought it.
    [path] = [value[0] if isinstance(value, list) else value for value in reference.values()]
    module = str(path).partition("--")[2].partition(".")[0]
    code = {f"{module}.py": b"from .helper import X\n"}
    place(tmp_path, model(keys=TRUST), {"org/model": files, "org/code": code}, unlocked=("org/code",))
    assert load(tmp_path).wrong == [
        f"{look_up}: {file} names code of org/code, whose helper.py is not in the hub directory"
    ]
    code["helper.py"] = b"import os\n"
    place(tmp_path, model(keys=TRUST), {"org/model": files, "org/code": code}, unlocked=("org/code",))
    assert load(tmp_path).wrong == []


def test_code_of_the_repository_itself(tmp_path: Path) -> None:
    config = {**CONFIG, "auto_map": {"AutoConfig": "configuration_x.XConfig"}}
    place(tmp_path, model(keys=TRUST), {"org/model": checkpoint(config__json=config)})
    assert load(tmp_path).wrong == ["config: configuration_x.py is missing: config.json names it"]
    place(tmp_path, model(), {"org/model": checkpoint(config__json=config)})
    assert load(tmp_path).wrong == []


def test_a_missing_pooling_module(tmp_path: Path) -> None:
    files = checkpoint(config__json=ENCODER, modules__json=POOLING)
    place(tmp_path, model(), {"org/model": files})
    asked = load(tmp_path)
    assert asked.code == 1
    assert asked.wrong == ["modules: 1_Pooling/config.json is missing: modules.json names it for pooling"]
    place(tmp_path, model(), {"org/model": files | {"1_Pooling/config.json": b"{}"}})
    assert load(tmp_path).wrong == []


@pytest.mark.parametrize(
    ("tokenizer_class", "others", "lost"),
    [
        ("Qwen2TokenizerFast", {}, "vocab.json and merges.txt (Qwen2Tokenizer)"),
        ("Qwen2Tokenizer", {"vocab.json": b"{}"}, "merges.txt (Qwen2Tokenizer)"),
        ("BertTokenizer", {"merges.txt": b""}, "vocab.txt (BertTokenizer)"),
        ("LlamaTokenizer", {"vocab.txt": b"a"}, "tokenizer.model (LlamaTokenizer)"),
        ("PreTrainedTokenizerFast", {}, "every other form of a tokenizer"),
    ],
)
def test_a_missing_tokenizer_file(tmp_path: Path, tokenizer_class: str, others: dict[str, bytes], lost: str) -> None:
    settings = {**TOKENIZER, "tokenizer_class": tokenizer_class}
    files = checkpoint("tokenizer.json", tokenizer_config__json=settings) | others
    place(tmp_path, model(), {"org/model": files})
    asked = load(tmp_path)
    assert asked.code == 1
    assert asked.wrong == [f"tokenizer: tokenizer.json is missing, and so is {lost}"]


def test_the_slow_form_of_a_tokenizer_is_one(tmp_path: Path) -> None:
    files = checkpoint("tokenizer.json") | {"vocab.json": b"{}", "merges.txt": b"a b"}
    place(tmp_path, model(), {"org/model": files})
    assert load(tmp_path).wrong == []
    place(tmp_path, model(args='tokenizer-mode = "slow"'), {"org/model": checkpoint()})
    assert len(load(tmp_path).wrong) == 1


def test_a_tokenizer_of_another_repository(tmp_path: Path) -> None:
    toml = model(args='max-model-len = 8, tokenizer = "org/words"')
    own = checkpoint("tokenizer.json", "tokenizer_config.json")
    words = {"tokenizer.json": checkpoint()["tokenizer.json"], "tokenizer_config.json": as_json(TOKENIZER)}
    place(tmp_path, toml, {"org/model": own, "org/words": words})
    lock = (tmp_path / "models.lock").read_text()
    assert "org/words" in lock
    asked = load(tmp_path)
    assert (asked.wrong, asked.warnings) == ([], [])


def test_a_chat_model_without_a_chat_template_is_reported_and_loads(tmp_path: Path) -> None:
    files = checkpoint(tokenizer_config__json={"tokenizer_class": "Qwen2Tokenizer"})
    place(tmp_path, model(), {"org/model": files})
    asked = load(tmp_path)
    assert (asked.code, asked.warnings) == (0, ["chat-template: tokenizer_config.json"])
    assert "requests to /v1/chat/completions will fail" in asked.findings[0]["message"]
    assert modelgen("verify", "--load", cwd=tmp_path).stdout.endswith("m: loadable, 1 warning\n")


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("chat_template.jinja", b"{{ messages }}"),
        ("chat_template.json", b'{"chat_template": "x"}'),
        ("additional_chat_templates/default.jinja", b"x"),
        ("processor_config.json", b'{"chat_template": "x"}'),
    ],
)
def test_all_places_of_a_chat_template(tmp_path: Path, file: str, data: bytes) -> None:
    files = checkpoint(tokenizer_config__json={"tokenizer_class": "Qwen2Tokenizer"}) | {file: data}
    place(tmp_path, model(), {"org/model": files})
    assert load(tmp_path).warnings == []


@pytest.mark.parametrize(
    ("args", "config"),
    [
        ('chat-template = "./chat.jinja"', CONFIG),
        ('runner = "pooling"', CONFIG),
        ("max-model-len = 8", ENCODER),
        ("max-model-len = 8", {**CONFIG, "model_type": "gpt_oss"}),
    ],
)
def test_what_needs_no_chat_template_of_the_repository(tmp_path: Path, args: str, config: dict[str, object]) -> None:
    (tmp_path / "chat.jinja").write_text("x")
    files = checkpoint(config__json=config, tokenizer_config__json={"tokenizer_class": "Qwen2Tokenizer"})
    place(tmp_path, model(args=args), {"org/model": files})
    assert load(tmp_path).warnings == []


@pytest.mark.parametrize(
    ("without", "files", "wrong"),
    [
        ("config.json", {}, "config: config.json is missing"),
        ("", {"config__json": []}, "config: config.json is not JSON, or not a table"),
        (
            "",
            {"generation_config__json": b"{"},
            "generation-config: generation_config.json is not JSON",
        ),
        ("", {"tokenizer__json": b"{"}, "tokenizer: tokenizer.json is not JSON, or not a table"),
        ("", {"config__json": VISION}, "processor: preprocessor_config.json is missing"),
        ("", {"model__safetensors": b""}, "shards: model.safetensors is empty"),
    ],
)
def test_other_files_that_engines_open(tmp_path: Path, without: str, files: dict[str, object], wrong: str) -> None:
    place(tmp_path, model(), {"org/model": checkpoint(without, **files)})
    asked = load(tmp_path)
    assert asked.code == 1
    assert len(asked.wrong) == 1
    assert asked.wrong[0].startswith(wrong)


def test_adapters_and_draft_models(tmp_path: Path) -> None:
    draft = '{ method = "eagle", model = "org/draft", num_speculative_tokens = 2 }'
    toml = model(args=f"max-model-len = 8, speculative-config = {draft}", keys='loras = { sql = "org/sql" }')
    adapter = {"adapter_config.json": as_json({"peft_type": "LORA", "r": 8}), "adapter_model.safetensors": WEIGHTS}
    repos = {"org/model": checkpoint(), "org/draft": checkpoint(), "org/sql": adapter}
    place(tmp_path, toml, repos)
    assert load(tmp_path).wrong == []
    for repo, file, wrong in (
        ("org/sql", "adapter_model.safetensors", "adapter: adapter_model.safetensors is missing"),
        ("org/sql", "adapter_config.json", "adapter: adapter_config.json is missing"),
        ("org/draft", "config.json", "draft: config.json is missing"),
        ("org/draft", "model.safetensors", "draft: *.safetensors is missing"),
    ):
        folder = tmp_path / f"hub/models--{repo.replace('/', '--')}/snapshots" / commit_of(repo)
        target = (folder / file).readlink()
        (folder / file).unlink()
        found = load(tmp_path).wrong
        assert len(found) == 1
        assert found[0].startswith(wrong)
        (folder / file).symlink_to(target)


def test_tei_needs_the_fast_tokenizer_and_a_pooling(tmp_path: Path) -> None:
    tei = (
        '[models.m]\nengine = "tei"\nimage = "ghcr.io/huggingface/text-embeddings-inference:1.9"\nrepo = "org/model"\n'
    )
    place(tmp_path, tei, {"org/model": checkpoint("tokenizer.json", config__json=ENCODER)})
    assert [found.split(" is ")[0] for found in load(tmp_path).wrong] == [
        "tokenizer: tokenizer.json",
        "modules: 1_Pooling/config.json",
    ]
    place(tmp_path, f'{tei}args = {{ pooling = "cls" }}\n', {"org/model": checkpoint(config__json=ENCODER)})
    assert load(tmp_path).wrong == []


@pytest.mark.parametrize("index", [b"", b"{}", b'{"weight_map": {}}'])
def test_an_empty_index_of_the_repositorys_own_is_not_fetched_again(tmp_path: Path, index: bytes) -> None:
    shards = {f"model-0000{n}-of-00002.safetensors": WEIGHTS for n in (1, 2)}
    files = checkpoint("model.safetensors", model__safetensors__index__json=index) | shards
    place(tmp_path, model(), {"org/model": files})
    asked = load(tmp_path)
    assert asked.wrong == ["shards: model.safetensors.index.json is not an index of shards"]
    assert asked.findings[0]["help"].startswith("the repository's own file is bad: set another `revision` or `repo`")


def test_a_file_whose_content_is_in_blobs_is_linked(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    (tmp_path / "hub/models--org--model/snapshots" / commit_of("org/model") / "tokenizer.json").unlink()
    assert load(tmp_path).findings[0]["help"] == "run `modelgen verify --fix`"
    done = modelgen("verify", "--fix", "--load", cwd=tmp_path)
    assert (done.returncode, load(tmp_path).wrong) == (0, []), done.stdout


def test_code_that_is_locked_and_not_fetched_is_fetched(tmp_path: Path) -> None:
    files = checkpoint(config__json={**CONFIG, "auto_map": {"AutoConfig": "org/code--configuration_x.X"}})
    place(
        tmp_path,
        model(keys=TRUST),
        {"org/model": files, "org/code": {"configuration_x.py": b"import os\n"}},
        code=("org/code",),
    )
    shutil.rmtree(tmp_path / "hub/models--org--code")
    assert load(tmp_path).findings[0]["help"] == "run `modelgen fetch`"


def test_what_the_lock_leaves_out_and_what_was_deleted_have_other_ways_out(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    snapshot = tmp_path / "hub/models--org--model/snapshots" / commit_of("org/model")
    (snapshot / "tokenizer.json").resolve().unlink()
    (snapshot / "tokenizer.json").unlink()
    assert load(tmp_path).findings[0]["help"] == "run `modelgen fetch`"
    place(tmp_path, model(keys='exclude = ["tokenizer*"]'), {"org/model": checkpoint()})
    asked = load(tmp_path)
    assert asked.verdicts["m"]["status"] == "not-loadable"
    assert "is not locked; run `modelgen lock`, then `modelgen fetch`" in asked.verdicts["m"]["message"]


def test_a_program_is_never_said_to_load(tmp_path: Path) -> None:
    program = '[models.p]\nengine = "command"\nimage = "server:1"\ncommand = ["serve", "{port}"]\nrepo = "org/model"\n'
    place(tmp_path, program + model("org/other"), {"org/model": checkpoint(), "org/other": checkpoint()})
    done = modelgen("verify", "--quick", "--load", cwd=tmp_path)
    assert (
        "p: not looked up: modelgen does not know which files a program of the engine `command` opens\n" in done.stdout
    )
    assert "m: loadable\n" in done.stdout
    assert done.returncode == 0


def test_a_link_out_of_the_hub_directory_is_no_file(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    pointer = tmp_path / "hub/models--org--model/snapshots" / commit_of("org/model") / "tokenizer.json"
    write(tmp_path / "tokenizer.json", pointer.read_bytes())
    pointer.unlink()
    pointer.symlink_to(tmp_path / "tokenizer.json")
    assert [found.split(" is ")[0] for found in load(tmp_path).wrong] == ["tokenizer: tokenizer.json"]


def test_image_alone_is_a_mistake(tmp_path: Path) -> None:
    place(tmp_path, model(), {"org/model": checkpoint()})
    done = modelgen("verify", "--image", cwd=tmp_path)
    assert done.returncode == 2
    assert "write `--load --image`" in done.stderr


def test_no_repository_is_named_to_a_terminal_as_it_is(tmp_path: Path) -> None:
    config = {**CONFIG, "auto_map": {"AutoConfig": "\x1b[31m/x--y.Z"}}
    place(tmp_path, model(keys=TRUST), {"org/model": checkpoint(config__json=config)})
    done = modelgen("verify", "--quick", "--load", cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert "which is not a repository id" in done.stdout
    assert json.loads(modelgen("verify", "--load", "--format", "json", cwd=tmp_path).stdout)["ok"] is False


@pytest.mark.parametrize("flag", ["load-format", "quantization"])
def test_a_repository_of_gguf_files_is_not_for_vllm(tmp_path: Path, flag: str) -> None:
    place(tmp_path, model(args=f'max-model-len = 8, {flag} = "gguf"'), {"org/model": checkpoint(q__gguf=b"GGUF")})
    asked = load(tmp_path)
    assert asked.code == 1
    [wrong] = asked.wrong
    assert "which needs the path of one GGUF file and takes no repository" in wrong
    assert "llamacpp" in asked.findings[0]["help"]
