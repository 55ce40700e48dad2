"""`modelgen upgrade`: a models.toml moves to another release; comments and layout of the rest stay."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY, complete, modelgen
from fit_projects import HEAD, THREE, lock_of, model
from modelgen.files import InputError
from modelgen.upgrading.edits import Add, Replace, apply

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

OLD = """\
# My host.
[project]
name = "up"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
image = "vllm/vllm-openai:v0.10.2" # in use since August
env = { VLLM_ATTENTION_BACKEND = "FLASH_ATTN", VLLM_LOGGING_LEVEL = "INFO" }

[defaults]
gpus = ["gpu0"]
gpu_memory = "10GiB"

[defaults.args]
swap-space = 4 # GiB
max-model-len = 16384

[models.text]
repo = "Qwen/Qwen3-4B"
args = { guided-decoding-backend = "xgrammar", cuda-graph-sizes = [1, 2], enable-prefix-caching = true }

[models.search]
repo = "Qwen/Qwen3-Embedding-0.6B"

[models.search.args]
# What it is for.
task = "embed"           # since 0.6
"""
NEW = """\
# My host.
[project]
name = "up"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
image = "vllm/vllm-openai:v0.32.0" # in use since August
env = { VLLM_LOGGING_LEVEL = "INFO" }
args = { attention-backend = "FLASH_ATTN" }

[defaults]
gpus = ["gpu0"]
gpu_memory = "10GiB"

[defaults.args]
max-model-len = 16384

[models.text]
repo = "Qwen/Qwen3-4B"
args = { structured-outputs-config = { backend = "xgrammar" }, cudagraph-capture-sizes = [1, 2], enable-prefix-caching = true }

[models.search]
repo = "Qwen/Qwen3-Embedding-0.6B"

[models.search.args]
# What it is for.
runner = "pooling"           # since 0.6
convert = "embed"
"""  # noqa: E501 - one line of the file
TEI = f'engine = "tei"\nrepo = "BAAI/bge-m3"\nrevision = "{"0" * 40}"\n'


def upgrade(folder: Path, text: str, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    (folder / "models.toml").write_text(text)
    done = modelgen("upgrade", *args, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def written(folder: Path) -> str:
    return (folder / "models.toml").read_text()


def test_flags_variables_and_images_move_and_all_else_stays(tmp_path: Path) -> None:
    done = upgrade(tmp_path, OLD, "--to", "vllm=0.32.0", "--yes")
    assert written(tmp_path) == NEW
    assert "`async-scheduling` is not written; its default: false → chosen at start" in done.stdout
    assert "models.toml:19: `swap-space = 4` is removed: it was removed in 0.18; preempted requests" in done.stdout
    assert "-task = " in done.stdout
    assert done.stderr.endswith("wrote models.toml\nnext: modelgen plan && modelgen up\n")
    assert modelgen("validate", cwd=tmp_path).returncode == 0
    assert "nothing to change" in upgrade(tmp_path, NEW, "--to", "vllm=v0.32.0").stderr


def test_the_guide_shows_what_happens(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/guides/upgrading-an-engine.md").read_text()
    old, new = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[:2]
    upgrade(tmp_path, complete(old), "--to", "vllm=0.32.0", "--yes")
    assert written(tmp_path) == complete(new)


def test_nothing_is_written_without_a_terminal_or_with_check(tmp_path: Path) -> None:
    assert "add --yes" in upgrade(tmp_path, OLD, "--to", "vllm=0.32.0", code=4).stderr
    assert written(tmp_path) == OLD
    done = upgrade(tmp_path, OLD, "--to", "vllm=0.32.0", "--check", code=1)
    assert "`image`" not in done.stdout
    assert "vLLM 0.32.0: 5 to change" in done.stderr
    assert written(tmp_path) == OLD
    assert "nothing to change" in upgrade(tmp_path, NEW, "--to", "vllm=0.33.0", "--check").stderr


def test_one_model_gets_an_image_of_its_own(tmp_path: Path) -> None:
    text = OLD.replace("swap-space = 4 # GiB\n", "").replace('VLLM_ATTENTION_BACKEND = "FLASH_ATTN", ', "")
    upgrade(tmp_path, text, "search", "--to", "vllm=0.32.0", "--yes")
    tables = tomllib.loads(written(tmp_path))
    assert tables["engines"]["vllm"]["image"] == "vllm/vllm-openai:v0.10.2"
    assert tables["models"]["search"]["image"] == "vllm/vllm-openai:v0.32.0"
    assert tables["models"]["search"]["args"] == {"runner": "pooling", "convert": "embed"}


def test_what_another_model_still_needs_is_left_to_decide(tmp_path: Path) -> None:
    done = upgrade(tmp_path, OLD, "search", "--to", "vllm=0.32.0", "--yes", code=1)
    assert "`swap-space`: it was removed in 0.18" in done.stdout
    assert "`text` still need it: write it in their tables" in done.stdout
    assert tomllib.loads(written(tmp_path))["defaults"]["args"]["swap-space"] == 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ('quantization = "bitsandbytes"', '`quantization = "bitsandbytes"`: in vLLM 0.32.0 it must'),
        ("rope-theta = 10.0", "it was removed in 0.11.1; write it inside `hf-overrides = { … }`"),
    ],
)
def test_what_needs_a_decision_is_said_at_its_line(tmp_path: Path, args: str, said: str) -> None:
    engine = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.10.2"\n'
    text = complete(f'{engine}[models.a]\nrepo = "a/b"\nargs = {{ max-model-len = 1, {args} }}\n')
    done = upgrade(tmp_path, text, "--to", "vllm=0.32.0", code=4)
    assert "to decide:\n  models.toml:5: " in done.stdout
    assert said in done.stdout


def test_what_is_removed_without_a_replacement_leaves_a_comment_at_its_line(tmp_path: Path) -> None:
    engine = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.10.2"\n'
    model = '[models.a]\nrepo = "a/b"\n[models.a.args]\nmax-model-len = 1\n  rope-theta = 10.0 # YaRN\n'
    upgrade(tmp_path, complete(engine + model), "--to", "vllm=0.32.0", "--yes", code=1)
    lines = written(tmp_path).partition("max-model-len = 1\n")[2].splitlines()[:2]
    assert lines[0].startswith(
        "  # modelgen upgrade: `rope-theta = 10.0` is removed: it was removed in 0.11.1; write it"
    )
    assert lines[1].startswith("  # ")


def test_a_table_stays_for_the_comment_in_it() -> None:
    edit = Replace(("a", "b"), {}, "no `b`")
    assert apply(b"[a]\r\nb = 1\r\n", [edit]) == b"[a]\r\n# no `b`\r\n"
    assert apply(b"a = { b = 1 }\n", [edit]) == b"# no `b`\na = {}\n"


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("0.11.0", "0.32.0", "compilation-config = 3", "O = 3"),
        ("0.32.0", "0.11.0", "O = 3", "O = 3"),
    ],
)
def test_values_of_an_older_form_are_written_in_the_newer_one(
    tmp_path: Path, old: str, new: str, before: str, after: str
) -> None:
    text = f'[engines.vllm]\nimage = "vllm/vllm-openai:v{old}"\n[models.a]\nrepo = "a/b"\n'
    upgrade(tmp_path, complete(f"{text}args = {{ max-model-len = 1, {before} }}\n"), "--to", f"vllm={new}", "--yes")
    assert f"args = {{ max-model-len = 1, {after}" in written(tmp_path)


def test_an_own_image_is_left_to_decide_and_its_flags_stay(tmp_path: Path) -> None:
    engine = '[engines.vllm]\nimage = "registry.example/vllm:1"\nversion = "0.10.2"\n'
    text = complete(f'{engine}[models.a]\nrepo = "a/b"\nargs = {{ max-model-len = 1, swap-space = 4 }}\n')
    done = upgrade(tmp_path, text, "--to", "vllm=0.32.0", "--yes", code=1)
    assert "models.toml:2: `registry.example/vllm:1` is an image of your own with vLLM 0.10.2" in done.stdout
    assert written(tmp_path) == text


def test_defaults_that_size_the_memory_are_written_out(tmp_path: Path) -> None:
    gpu = '[gpus.gpu0]\ncard = "B200"\ndevice = "0"\n'
    engine = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.27.1"\n'
    model = '[models.a]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 16384 }\n'
    done = upgrade(tmp_path, complete(gpu + engine + model), "--to", "vllm=0.28.0", "--yes")
    assert "`max-num-batched-tokens = 8192` is written, which vLLM 0.27.1 has by default on this GPU" in done.stdout
    args = tomllib.loads(written(tmp_path))["models"]["a"]["args"]
    assert args == {"max-model-len": 16384, "max-num-batched-tokens": 8192}


def test_llama_cpp_switches_get_a_value_and_lose_it_again(tmp_path: Path) -> None:
    image = '[engines.llamacpp]\nimage = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6100"\n'
    model = '[models.a]\nengine = "llamacpp"\nrepo = "a/b"\nfile = "x.gguf"\ngpus = ["gpu0"]\n'
    text = complete(f'{image}{model}revision = "{"0" * 40}"\nargs = {{ c = 8192, fa = true }}\n')
    done = upgrade(tmp_path, text, "--to", "llamacpp=b10587", "--yes")
    assert "not every build has an image" in done.stdout
    assert 'server-cuda-b10587"' in written(tmp_path)
    assert 'args = { c = 8192, fa = "on" }' in written(tmp_path)
    upgrade(tmp_path, written(tmp_path), "--to", "llamacpp=b6100", "--yes")
    assert written(tmp_path) == text


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("vllm", "`vllm` is not ENGINE=VERSION, such as `vllm=0.3"),
        ("vlm=0.32.0", "`vlm` is no engine: did you mean `vllm`?"),
        ("sglang=0.5.5", "no model uses SGLang here; they use vllm"),
        ("infinity=0.0.77", "modelgen does not know the releases of Infinity: change its image by hand"),
        ("vllm=0.99.0", "`0.99.0` is not a release of vLLM that modelgen knows: 0.8.5 to 0.3"),
    ],
)
def test_a_wrong_target_is_named(tmp_path: Path, to: str, said: str) -> None:
    assert said in " ".join(upgrade(tmp_path, OLD, "--to", to, code=2).stderr.split())


def test_what_the_new_release_cannot_load_is_an_error_of_the_new_file(tmp_path: Path) -> None:
    """Of the findings on a lock, those were hidden that `modelgen lock` does not change."""
    config = {**THREE[0][2], "quantization_config": {"quant_method": "mxfp4"}}
    (tmp_path / "models.lock").write_bytes(lock_of((("text-4b", THREE[0][1], config, THREE[0][3]),)))
    text = HEAD.replace("v0.11.0", "v0.30.0") + model("text-4b", THREE[0][1], max_model_len=16384)
    done = upgrade(tmp_path, text, "--to", "vllm=0.10.0", "--yes", code=1)
    assert "MG571" in done.stdout + done.stderr


def test_a_file_with_errors_is_not_touched(tmp_path: Path) -> None:
    done = upgrade(tmp_path, OLD.replace("max-model-len", "max-model-length"), code=1)
    assert "fix these errors first; models.toml is unchanged" in done.stderr


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        ("a.b = 1\na.c = 2\n", Replace(("a", "b"), {"d": 3}), "a.d = 3\na.c = 2\n"),
        ("[a]\nb = 1 # x\r\nc = 2\r\n", Replace(("a", "b"), {"b": "y"}), '[a]\nb = "y" # x\r\nc = 2\r\n'),
        ("a = { b = 1 }\n", Replace(("a", "b"), {}), ""),
        ('a = { "b c" = 1, d = 2 }\n', Replace(("a", "d"), {"e f": [1]}), 'a = { "b c" = 1, "e f" = [1] }\n'),
        ("[a]\n", Add(("a", "args"), {"x": {"y": True}}), "[a]\nargs = { x = { y = true } }\n"),
        ("[a]\nx = { y = 1 }\n", Add(("a",), {"x": {"y": 2, "z": 3}}), "[a]\nx = { y = 1, z = 3 }\n"),
        ("[a]\nx = 1\ny = 2\n", Replace(("a", "x"), {"y": 3}), "[a]\ny = 2\n"),
    ],
)
def test_an_edit_changes_its_place_only(text: str, edit: Replace | Add, after: str) -> None:
    assert apply(text.encode(), [edit]).decode() == after


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            'engine = "command"\ncommand = ["serve", "--port", "{port}"]\nimage = "a/b:1"\n',
            "no model uses an engine whose",
        ),
        (f'{TEI}image = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9"\n', "the models run TEI 1.9"),
    ],
)
def test_there_may_be_nothing_to_change(tmp_path: Path, table: str, said: str) -> None:
    done = upgrade(tmp_path, complete(f'[models.a]\n{table}gpus = ["gpu0"]\ngpu_memory = "4GiB"\n'))
    assert f"nothing to change: {said}" in done.stderr


def test_flags_that_become_parts_of_one_table_share_it(tmp_path: Path) -> None:
    args = 'max-model-len = 1, guided-decoding-backend = "xgrammar", guided-decoding-disable-any-whitespace = true'
    engine = '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n'
    text = complete(f'{engine}[models.a]\nrepo = "a/b"\nargs = {{ {args} }}\n')
    upgrade(tmp_path, text, "--to", "vllm=0.12.0", "--yes")
    table = '{ backend = "xgrammar", disable_any_whitespace = true }'
    assert f"args = {{ max-model-len = 1, structured-outputs-config = {table} }}\n" in written(tmp_path)


def test_an_edit_that_would_change_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelgen.upgrading.edits.tomlkit.dumps", lambda _: "")
    with pytest.raises(InputError, match="by hand"):
        apply(b"[a]\nx = 1\ny = 2\n", [Replace(("a", "x"), {})])
