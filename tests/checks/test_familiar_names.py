"""Keys and values as other tools have them: each is answered with what to write, which then builds."""

from __future__ import annotations

import re
import tomllib

import pytest

from compiling import complete, findings
from modelgen.config import familiar_names
from modelgen.diagnostics import did_you_mean

MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8192 }\n'
TABLES = {
    "project": '[project]\nname = "demo"\nhub = "./models/hub"\n',
    "gpus": '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n',
    "engines": '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n',
    "profiles": '[profiles.all]\nmodels = ["qwen"]\n',
    "orchestrator": "[orchestrator]\n",
}


def followed(table: str, written: str) -> str:
    """Return the file with `written` added: another line of the same key goes."""
    text = table if "=" not in written else re.sub(rf"(?m)^{re.escape(written.partition(' =')[0])} = .*\n", "", table)
    return text + f"{written}\n"


def help_for(text: str, key: str) -> str:
    [found] = [found for found in findings(text) if found.message.startswith(f"unknown key `{key}`")]
    assert found.help.startswith("write `"), found.help
    return found.help.removeprefix("write `").removesuffix("`")


@pytest.mark.parametrize(("table", "key"), [(name, key) for name in TABLES for key in familiar_names.IN_TABLES[name]])
def test_a_key_of_another_table(table: str, key: str) -> None:
    rest = "".join(text for name, text in TABLES.items() if name not in (table, "profiles")) + MODEL
    written = help_for(complete(rest + TABLES[table] + f"{key} = true\n"), key)
    if table in ("project", "gpus", "engines"):
        tomllib.loads(written)
    after = followed(TABLES[table], written.replace("ID", "qwen"))
    assert [found.message for found in findings(complete(rest + after)) if found.code != "MG321"] == []


@pytest.mark.parametrize("key", familiar_names.MODEL_KEYS)
def test_a_key_of_a_model(key: str) -> None:
    written = (
        help_for(complete(f"{MODEL}{key} = true\n"), key).replace("NAME", "x").replace("namespace/repository", "a/c")
    )
    rules = {found.rule for found in findings(complete(followed(MODEL, written)))}
    # What is written is right in itself; some keys belong to another engine, which the finding says.
    assert rules <= {"key-of-another-engine", "missing-max-model-len", "image-without-gpu", "gguf-repository"}


@pytest.mark.parametrize("key", familiar_names.FLAGS)
def test_a_flag_as_a_key(key: str) -> None:
    flag = familiar_names.FLAGS[key]
    assert help_for(complete(f"{MODEL}{key} = 2\n"), key) == f"args = {{ {flag} = 2 }}"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("ttl = 300", 'idle_timeout = "300s"'),
        ('ports = ["8001:8000"]', 'publish = "127.0.0.1:8001"'),
        ('model = "Qwen/Qwen3-8B"', 'repo = "Qwen/Qwen3-8B"'),
        ('model = "/models/x"', 'repo = "Qwen/Qwen3-4B-Instruct-2507"'),
        ('name = "gpt"', 'aliases = ["gpt"]'),
        ("gpu_memory_utilization = 0.9", "gpu_memory = 0.9"),
        ("keepAlive = 60", 'idle_timeout = "60s"'),
        ('quantization = "awq"', 'args = { quantization = "awq" }'),
        ('volumes = ["a:/b"]', "compose = { volumes = … }"),
    ],
)
def test_the_written_value_is_kept(line: str, written: str) -> None:
    assert help_for(complete(f"{MODEL}{line}\n"), line.partition(" =")[0]) == written


@pytest.mark.parametrize(
    ("before", "written"),
    [
        ('gpus = "gpu0"', 'gpus = ["gpu0"]'),
        ("publish = 8001", 'publish = "127.0.0.1:8001"'),
        ("idle_timeout = 300", 'idle_timeout = "300s"'),
        ("gpu_memory = 10", 'gpu_memory = "10GiB"'),
        ('aliases = "gpt"', 'aliases = ["gpt"]'),
        ('args = ["--max-model-len", "8", "--enforce-eager"]', "args = { max-model-len = 8, enforce-eager = true }"),
        ('args = "--max-model-len=8 --dtype float16"', 'args = { max-model-len = 8, dtype = "float16" }'),
        ("args = []", "args = { max-model-len = 16384 }"),
    ],
)
def test_a_value_of_the_wrong_type(before: str, written: str) -> None:
    key = before.partition(" =")[0]
    rest = MODEL if key not in ("gpus", "args") else re.sub(rf"(?m)^{key} = .*\n", "", MODEL)
    [found] = [found for found in findings(complete(f"{rest}{before}\n")) if f"`{key}`" in found.message]
    assert written in found.help
    assert "error" not in {found.severity.value for found in findings(complete(f"{rest}{written}\n"))}


def test_numbers_where_an_address_belongs() -> None:
    for text, help_ in [
        (f"{MODEL}[orchestrator]\nlisten = 8080\n", 'write `listen = "127.0.0.1:8080"`'),
        (f'{MODEL}[gpus.gpu0]\nmemory = "24GiB"\ndevice = 0\n', 'write `device = "0"`'),
        (f'{MODEL}[gpus.gpu0]\nmemory = 24\ndevice = "0"\n', 'write `memory = "24GiB"`'),
    ]:
        assert help_ in [found.help for found in findings(complete(text))]


def test_models_as_an_array_of_tables() -> None:
    [found] = findings(complete('[[models]]\nid = "a"\n'))
    assert found.help.startswith("write `[models.NAME]` in single brackets")


@pytest.mark.parametrize("path", [r"C:\Users\me\hub", r".\models\hub", r"D:\models", r"~\hub", r"\\server\share"])
def test_a_windows_path_in_double_quotes(path: str) -> None:
    [found] = findings(f'[project]\nname = "demo"\nhub = "{path}"\n')
    assert found.help == f"write the path in single quotes, or with `/`: '{path}'"
    assert found.code == "MG001"


@pytest.mark.parametrize(
    ("word", "known"), [("deploy-config", "eplb-config"), ("ports", "loras"), ("model", "model_arg"), ("zzz", "hub")]
)
def test_what_is_only_similar_in_letters_is_not_suggested(word: str, known: str) -> None:
    assert did_you_mean(word, [known], list_known=False) == ""


@pytest.mark.parametrize(
    ("word", "known"),
    [("hbu", "hub"), ("imge", "image"), ("max-modle-len", "max-model-len"), ("gpu-mem", "gpu-memory")],
)
def test_a_typo_is_corrected(word: str, known: str) -> None:
    assert did_you_mean(word, [known, "other"], list_known=False) == f"did you mean `{known}`?"


@pytest.mark.parametrize("value", ["inf", "1e30", "24576", "nan"])
def test_a_number_that_is_no_size_in_gib_is_not_made_one(value: str) -> None:
    help_lines = [
        found.help for found in findings(complete(f"{MODEL}gpu_memory = {value}\n")) if "memory" in found.message
    ]
    assert help_lines
    assert not any("GiB`" in help_ for help_ in help_lines)


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_flag_as_a_key_is_not_answered_with_what_is_no_toml(value: str) -> None:
    [found] = [found for found in findings(complete(f"{MODEL}dtype = {value}\n")) if "`dtype`" in found.message]
    assert "Infinity" not in found.help
    assert "NaN" not in found.help
