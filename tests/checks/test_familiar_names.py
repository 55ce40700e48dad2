"""Keys and values as other tools have them: each is answered with what to write, which then builds."""

from __future__ import annotations

import re
import tomllib

import pytest

from compiling import check, complete, findings
from following import follow
from modelgen import engines
from modelgen.config import familiar_names
from modelgen.config.model import Model
from modelgen.diagnostics import did_you_mean

MODEL = '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max-model-len = 8192 }\n'
TABLES = {
    "project": '[project]\nname = "demo"\nhub = "./models/hub"\n',
    "gpus": '[gpus.gpu0]\nmemory = "24GiB"\ndevice = "0"\n',
    "engines": '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n',
    "profiles": '[profiles.all]\nmodels = ["qwen"]\n',
    "orchestrator": "[orchestrator]\n",
    "host": '[host]\nplatform = "linux"\n',
}


def followed(table: str, written: str) -> str:
    """Return the file with `written` added: another line of the same key goes."""
    text = table if "=" not in written else re.sub(rf"(?m)^{re.escape(written.partition(' =')[0])} = .*\n", "", table)
    return text + f"{written}\n"


def without(text: str, key: str) -> str:
    """Return the text without the line of a key."""
    return re.sub(rf"(?m)^{re.escape(key)} = .*\n", "", text)


def answer(fragment: str, key: str) -> str:
    """Return the help for an unknown key."""
    return next(one.help for one in findings(complete(fragment)) if f"unknown key `{key}`" in one.message)


def help_for(text: str, key: str) -> str:
    [found] = [found for found in findings(text) if found.message.startswith(f"unknown key `{key}`")]
    assert found.help.startswith("write `"), found.help
    return found.help.removeprefix("write `").removesuffix("`")


@pytest.mark.parametrize(("table", "key"), [(name, key) for name in TABLES for key in familiar_names.IN_TABLES[name]])
def test_a_key_of_another_table(table: str, key: str) -> None:
    rest = "".join(text for name, text in TABLES.items() if name not in (table, "profiles")) + MODEL
    own = familiar_names.IN_TABLES[table][key].partition(" = ")[0]
    written = help_for(complete(rest + without(TABLES[table], own) + f"{key} = true\n"), key)
    if table in ("project", "gpus", "engines"):
        tomllib.loads(written)
    after = followed(TABLES[table], written.replace("ID", "qwen"))
    assert [found.message for found in findings(complete(rest + after)) if found.code != "MG321"] == []


@pytest.mark.parametrize("key", familiar_names.MODEL_KEYS)
def test_a_key_of_a_model(key: str) -> None:
    own = familiar_names.MODEL_KEYS[key]
    if own in familiar_names.KEYS_OF:
        assert answer(f"{MODEL}{key} = true\n", key).startswith("remove it: modelgen ")
        return
    written = help_for(complete(f"{without(MODEL, own)}{key} = true\n"), key)
    written = written.replace("NAME", "x").replace("namespace/repository", "a/c")
    rules = {found.rule for found in findings(complete(followed(MODEL, written)))}
    # What is written is right in itself; some keys belong to another engine, which the finding says.
    assert rules <= {"key-of-another-engine", "missing-max-model-len", "image-without-gpu", "gguf-repository"}


@pytest.mark.parametrize(
    "key", [key for key, flag in familiar_names.FLAGS.items() if flag not in familiar_names.FLAGS_OF]
)
def test_a_flag_as_a_key(key: str) -> None:
    flag = familiar_names.FLAGS[key]
    assert help_for(complete(f"{without(MODEL, 'args')}{key} = 2\n"), key) == f"args = {{ {flag} = 2 }}"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("ttl = 300", 'idle_timeout = "300s"'),
        ('ports = ["8001:8000"]', 'publish = "127.0.0.1:8001"'),
        ('model = "Qwen/Qwen3-8B"', 'repo = "Qwen/Qwen3-8B"'),
        ('name = "gpt"', 'aliases = ["gpt"]'),
        ("gpu_memory_utilization = 0.9", "gpu_memory = 0.9"),
        ("keepAlive = 60", 'idle_timeout = "60s"'),
        ('quantization = "awq"', 'args = { quantization = "awq" }'),
        ('keep_alive = "30m"', 'idle_timeout = "30m"'),
        ("keep_alive = 0", 'idle_timeout = "1s"'),
        ('timeout = "5m"', 'start_timeout = "5m"'),
        ('environment = { A = "b", C = 1 }', 'env = { A = "b", C = "1" }'),
        ('lora = "x/y"', 'loras = { y = "x/y" }'),
        ('adapters = ["x/y", "fast=x/z"]', 'loras = { y = "x/y", fast = "x/z" }'),
        ('options = { dtype = "half" }', 'args = { dtype = "half" }'),
        ('vram = "14G"', 'gpu_memory = "14GiB"'),
        ("gpu = 0", 'gpus = ["gpu0"]'),
        ('ports = ["0.0.0.0:8001:8000"]', 'publish = "0.0.0.0:8001"'),
        ('backend = "sglang"', 'engine = "sglang"'),
        ('commit = "abc"', 'revision = "abc"'),
        ('volumes = ["a:/b"]', 'compose = { volumes = ["a:/b"] }'),
    ],
)
def test_the_written_value_is_kept(line: str, written: str) -> None:
    rest = without(MODEL, written.partition(" =")[0])
    assert help_for(complete(f"{rest}{line}\n"), line.partition(" =")[0]) == written


@pytest.mark.parametrize(
    ("line", "help_"),
    [
        ("keep_alive = -1", "remove it: a model stays loaded until another needs its GPU"),
        ('keep_alive = "-1m"', "remove it: a model stays loaded until another needs its GPU"),
        ("ttl = 0", "remove it: a model stays loaded until another needs its GPU"),
        ("sendLoadingState = true", 'write `loading_messages = "reasoning"` in `[orchestrator]`'),
        (
            'ipc = "host"',
            "remove it: every container has a shared memory of its own; `shm_size` in `compose` sets its size",
        ),
        ("max_tokens = 5", "remove it: clients send it with each request"),
        ('host = "0.0.0.0"', "remove it: clients reach every model at `[orchestrator]`'s `listen`"),
        ('quantization = "awq"', 'write `quantization = "awq"` in `args`'),
        ("ctx = 4096", "remove it: `max-model-len` is set already in `args`"),
        ("temperature = 0.5", "write `override-generation-config = { temperature = 0.5 }` in `args`"),
        ('compose = { user = "1" }\nvolumes = ["./a:/b"]', 'write `volumes = ["./a:/b"]` in `compose`'),
        ('env = { A = "1" }\nenvironment = { B = "2" }', 'write `B = "2"` in `env`'),
        ('env = { A = "1" }\nenvironment = { B = "2", C = "3" }', "move its entries to `env`"),
        ('flags = ["--dtype", "half"]', "move its entries to `args`"),
        ('model = "Qwen/Qwen3-8B"', "remove it: `repo` is set already"),
    ],
)
def test_what_is_there_already_is_not_written_twice(line: str, help_: str) -> None:
    key = line.rpartition("\n")[2].partition(" =")[0]
    assert answer(f"{MODEL}{line}\n", key) == help_
    [found] = [one for one in findings(complete(f"{MODEL}{line}\n")) if f"unknown key `{key}`" in one.message]
    if (after := follow(complete(f"{MODEL}{line}\n"), found)) is not None:
        assert not [one.message for one in findings(after) if one.severity == "error"]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ('path = "/models/x"', "modelgen add /models/x --as local/x"),
        ('model = "./my weights/"', 'modelgen add "./my weights/" --as local/my-weights'),
    ],
)
def test_a_path_is_answered_with_add(line: str, command: str) -> None:
    help_ = answer(f"{without(MODEL, 'repo')}{line}\n", line.partition(" =")[0])
    assert help_.startswith(f"run `{command}` and write `repo = ")


@pytest.mark.parametrize(
    ("lines", "written"),
    [
        ('host = "0.0.0.0"', "0.0.0.0:8080"),
        ("port = 9000", "127.0.0.1:9000"),
        ('host = "0.0.0.0"\nport = 9000', "0.0.0.0:9000"),
        ('bind = ":9000"', "0.0.0.0:9000"),
        ('address = "::"', "[::]:8080"),
    ],
)
def test_the_host_and_the_port_become_the_address(lines: str, written: str) -> None:
    key = lines.partition(" =")[0]
    toml = f"{MODEL}[orchestrator]\n{lines}\n"
    assert answer(toml, key) == f'write `listen = "{written}"`'
    after = findings(complete(f'{MODEL}[orchestrator]\nlisten = "{written}"\n'))
    assert all("keys_file" in one.help for one in after if one.severity == "error")


@pytest.mark.parametrize(
    ("table", "meant"),
    [
        ('[model.b]\nrepo = "a/b"\nargs = { max-model-len = 8 }\n', "`[models.b]`"),
        ('[service.b]\nrepo = "a/b"\n[service.c]\nrepo = "a/c"\n', "`[models.b]`, `[models.c]`"),
        ('[gpu.gpu1]\nmemory = "24GiB"\ndevice = "0"\n[models.x]\nrepo = "a/b"\ngpus = ["gpu1"]\n'
         "args = { max-model-len = 8 }\n", "`[gpus.gpu1]`"),
    ],
)  # fmt: skip
def test_a_table_keeps_its_name(table: str, meant: str) -> None:
    toml = '[project]\nname = "demo"\nhub = "./hub"\n[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n' + table
    [found] = [one for one in findings(toml) if one.severity == "error"]
    assert found.help == f"write {meant}"
    if "," not in meant:
        after = follow(toml, found)
        assert after is not None
        assert not [one.message for one in findings(after) if one.severity == "error"]


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
        ("gpus = 0", 'gpus = ["gpu0"]'),
        ("gpus = [0]", 'gpus = ["gpu0"]'),
        ('gpus = "all"', 'gpus = ["gpu0"]'),
        ('gpu_memory = "14G"', 'gpu_memory = "14GiB"'),
        ('gpu_memory = "50%"', "gpu_memory = 0.5"),
        ('concurrency = "8"', "concurrency = 8"),
        ('loras = ["x/y"]', 'loras = { y = "x/y" }'),
        ('trust_remote_code = "yes"', "trust_remote_code = true"),
    ],
)
def test_a_value_of_the_wrong_type(before: str, written: str) -> None:
    key = before.partition(" =")[0]
    rest = MODEL if key not in ("gpus", "args") else re.sub(rf"(?m)^{key} = .*\n", "", MODEL)
    [found] = [found for found in findings(complete(f"{rest}{before}\n")) if f"`{key}" in found.message]
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


PARTS = {
    "project": '[project]\nname = "demo"\nhub = "./hub"\n',
    "gpus": '[gpus.gpu0]\ncard = "RTX 3090"\ndevice = "0"\n',
    "engines": '[engines.vllm]\nimage = "vllm/vllm-openai:v0.11.0"\n',
    "models": '[models.qwen]\nrepo = "a/b"\ngpus = ["gpu0"]\ngpu_memory = "9GiB"\nargs = { max-model-len = 8 }\n',
    "profiles": '[profiles.main]\nmodels = ["qwen"]\ndefault = true\n',
}


@pytest.mark.parametrize("table", ["gpus", "engines", "models", "profiles"])
def test_a_table_without_its_name_is_one_finding(table: str) -> None:
    toml = "".join(re.sub(rf"\[{table}\.\w+\]", f"[{table}]", text) for text in PARTS.values())
    [found] = [one for one in findings(toml) if one.severity == "error"]
    name = PARTS[table].partition("\n")[0]
    assert (found.message, found.help) == (
        f"`[{table}]` has the keys of one of its tables",
        f"write `{name}`: the table needs a name",
    )
    after = follow(toml, found)
    assert after is not None
    assert {one.rule for one in findings(after)} == {"unpinned-repo"}


def test_all_tables_without_their_names() -> None:
    toml = "".join(re.sub(r"\[(\w+)\.\w+\]", r"[\1]", text) for text in PARTS.values())
    assert len([one for one in findings(toml) if one.severity == "error"]) == 4


def test_keys_beside_tables_with_names() -> None:
    text = PARTS["models"].replace("[models.qwen]", '[models]\nstart_timeout = "9m"\n[models.qwen]')
    [found] = [one for one in findings(complete(text)) if one.severity == "error"]
    assert found.help.endswith("what all models share belongs in `[defaults]`")


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


@pytest.mark.parametrize("word", familiar_names.REMOVED)
def test_a_key_without_a_counterpart_is_removed_with_the_reason(word: str) -> None:
    [found] = [one for one in findings(complete(f"{MODEL}{word} = true\n")) if f"unknown key `{word}`" in one.message]
    assert found.help == f"remove it: {familiar_names.REMOVED[word]}"


@pytest.mark.parametrize("word", sorted(familiar_names.SAMPLING))
def test_a_sampling_parameter_becomes_a_default_of_the_engine(word: str) -> None:
    written = help_for(complete(f"{without(MODEL, 'args')}{word} = 0.5\n"), word)
    assert written == f"args = {{ override-generation-config = {{ {word} = 0.5 }} }}"
    after = MODEL.replace("8192 }", f"8192, override-generation-config = {{ {word} = 0.5 }} }}")
    assert findings(complete(after)) == []


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ('from = "Qwen/Qwen3-8B"', 'repo = "Qwen/Qwen3-8B"'),  # Ollama
        ("num_ctx = 8192", "args = { max-model-len = 8192 }"),
        ('container_name = "text"', 'service = "text"'),  # Compose
        ('environment = ["A=1", "B=x y"]', 'env = { A = "1", B = "x y" }'),
        ('user = "1000:1000"', 'compose = { user = "1000:1000" }'),
        ('mem_limit = "16g"', 'compose = { mem_limit = "16g" }'),
        ("healthCheckTimeout = 300", 'start_timeout = "300s"'),  # llama-swap
        ("enable_prefix_caching = false", "args = { enable-prefix-caching = false }"),  # vllm serve
        ("swap_space = 4", "args = { swap-space = 4 }"),
        ('hf_overrides = "{}"', 'args = { hf-overrides = "{}" }'),
        ('load_format = "auto"', 'args = { load-format = "auto" }'),
        ("max_loras = 2", "args = { max-loras = 2 }"),
        ('parameters = { dtype = "half" }', 'args = { dtype = "half" }'),
        ('ignore_patterns = "*.bin"', 'exclude = ["*.bin"]'),  # huggingface_hub
    ],
)
def test_what_other_tools_write(line: str, written: str) -> None:
    rest = without(MODEL, written.partition(" =")[0])
    assert help_for(complete(f"{rest}{line}\n"), line.partition(" =")[0]) == written


@pytest.mark.parametrize(
    ("engine", "line", "help_"),
    [
        ("llamacpp", "ctx = 8192", "write `args = { ctx-size = 8192 }`"),
        ("sglang", "ctx = 8192", "write `args = { context-length = 8192 }`"),
        ("tei", "ctx = 8192", "write the engine's own flag in `args`"),
        ("llamacpp", "num_gpu = 99", "write `args = { n-gpu-layers = 99 }`"),
        ("vllm", "num_gpu = 99", "remove it: `vllm` puts all layers on the GPU"),
        ("command", "ctx = 8192", "remove it: write the flags of the program in `command`"),
        ("sglang", 'dtype = "half"', 'write `args = { dtype = "half" }`'),
        ("sglang", "swap_space = 4", "write the engine's own flag in `args`"),
        ("vllm", 'checkEndpoint = "/health"', "remove it: modelgen knows the health check of `vllm`"),
        ("tei", "healthcheck = {}", "remove it: modelgen knows the health check of `tei`"),
        ("command", 'checkEndpoint = "/ready"', 'write `health = "/ready"`'),
        ("vllm", 'useModelName = "z"', "remove it: modelgen sends `vllm` the name that it serves;"),
        ("command", 'useModelName = "z"', 'write `upstream_name = "z"`'),
        ("vllm", 'cmd = "vllm serve a/b"', "remove it: modelgen writes the command line of `vllm`;"),
        (
            "vllm",
            'cmd = "/usr/bin/llama-server -m x"',
            'write `engine = "llamacpp"`: modelgen writes its command line;',
        ),
        (
            "vllm",
            'cmd = "my-server --port 1"',
            'write `engine = "command"` and `command = ["my-server", "--port", "1"]`',
        ),
    ],
)
def test_a_help_is_for_the_engine_of_the_model(engine: str, line: str, help_: str) -> None:
    key = line.partition(" =")[0]
    for toml in (
        f'[models.x]\nengine = "{engine}"\nrepo = "a/b"\n{line}\n',
        f'[defaults]\nengine = "{engine}"\n[models.x]\nrepo = "a/b"\n{line}\n',
    ):
        assert answer(toml, key).startswith(help_)


def test_the_names_of_the_engines_are_those_that_modelgen_has() -> None:
    assert {*engines.SUPPORTED} == familiar_names.EVERY_ENGINE
    for key, (engine, _) in familiar_names.KEYS_OF.items():
        assert engines.TAKERS[key] == (engine,)
    load = engines.ENGINES["sglang"].catalogue
    assert load is not None
    own = {names["sglang"] for names in familiar_names.SPELLINGS.values()}
    assert own | familiar_names.SAME_FLAGS["sglang"] <= {*load().all_names()}


def test_a_flag_whose_right_name_is_set_is_removed() -> None:
    toml = complete('[models.x]\nrepo = "a/b"\ngpus = ["gpu0"]\nargs = { max_model_len = 8192, ctx-size = 3 }\n')
    [found] = [one for one in findings(toml) if one.severity == "error"]
    assert found.help == "remove it: `max-model-len` is set already"
    after = follow(toml, found)
    assert after is not None
    assert not [one for one in findings(after) if one.severity == "error"]


@pytest.mark.parametrize(
    ("args", "help_"),
    [
        ("max-num-sequences = 8", "write `max-num-seqs`"),
        ("temperature = 1", "write `override-generation-config = { temperature = 1 }`"),
        ("ctx = 8", "remove it: `max-model-len` is set already"),
        ('dtype = "fp16"', 'write `dtype = "float16"`'),
        ('dtype = "bf16"', 'write `dtype = "bfloat16"`'),
        ('enforce-eager = "yes"', "write `enforce-eager = true`"),
        ("enforce-eager = 1", "write `enforce-eager = true`"),
        ('max-num-seqs = "1,024"', "write `max-num-seqs = 1024`"),
    ],
)
def test_flags_and_values_by_meaning(args: str, help_: str) -> None:
    toml = complete(f'[models.x]\nrepo = "a/b"\nargs = {{ max-model-len = 8, {args} }}\n')
    assert help_ in [one.help for one in findings(toml)]


@pytest.mark.parametrize(
    ("repo", "help_"),
    [
        ("qwen3:8b", "this is a name of Ollama's: write the id of the same model on huggingface.co,"),
        ("library/llama3.1:latest", "this is a name of Ollama's: write the id of the same model on huggingface.co,"),
        ("a/b-GGUF:Q4_K_M", 'write `repo = "a/b-GGUF"` and `quant = "Q4_K_M"`'),
    ],
)
def test_a_name_with_a_tag(repo: str, help_: str) -> None:
    found = findings(complete(f'[models.x]\nrepo = "{repo}"\nargs = {{ max-model-len = 8 }}\n'))
    assert [one.help.startswith(help_) for one in found if one.rule == "bad-repo-id"] == [True]


def test_all_keys_of_a_model_are_listed_for_an_unknown_one() -> None:
    help_ = answer(f"{MODEL}zzzzzzz = 1\n", "zzzzzzz")
    assert [f"`{key}`" in help_ for key in Model.model_fields] == [True] * len(Model.model_fields)


def test_the_name_of_a_project_is_mended() -> None:
    [found] = findings('[project]\nname = "My Models"\nhub = "./hub"\n')
    assert found.help == 'write `name = "my-models"`'


@pytest.mark.parametrize("line", ['repo = "/models/x"', 'engine = "vllm"'])
def test_weights_of_ones_own_are_led_to_add(line: str) -> None:
    toml = complete(f"[models.x]\n{line}\nargs = {{ max-model-len = 8 }}\n")
    assert any("`modelgen add` puts weights of your own into the hub directory" in one.help for one in findings(toml))


@pytest.mark.parametrize(
    "toml",
    [
        '[models.x]\nmodel = "Qwen/Qwen3-8B"\nargs = { max-model-len = 8 }\n',
        '[gpus.gpu0]\nvram = "24GiB"\ndevice = "0"\n',
        '[models.x]\nengine = "llamacpp"\nimage = "ghcr.io/ggml-org/llama.cpp:server-b6500"\nrepo = "a/b"\n'
        f'revision = "{"0" * 40}"\ngguf = "x.gguf"\nargs = {{ ctx-size = 8 }}\n',
    ],
)
def test_a_key_under_another_name_is_not_missing_as_well(toml: str) -> None:
    assert [found.rule for found in findings(complete(toml))] == ["unknown-key"]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("[models.x]\nargs = { a = 1 }\nargs = { b = 2 }\n", "keep one of the two lines"),
        ("services:\n  vllm:\n    image: x\n", "this looks like YAML"),
        ("---\n# x\nmodels:\n", "this looks like YAML"),
        ('{\n  "models": {}\n}\n', "this looks like JSON"),
    ],
)
def test_a_file_that_is_not_toml(text: str, start: str) -> None:
    [found] = findings(text)
    assert found.help.startswith(start)


@pytest.mark.parametrize(
    ("table", "help_"),
    [
        ('default = ["a"]', 'write `[profiles.default]` with `models = ["a"]`'),
        ('[profiles.b]\nmodels = ["qwen"]\ndefault = "yes"', "write `default = true`"),
    ],
)
def test_profiles_as_other_files_have_them(table: str, help_: str) -> None:
    header = "" if table.startswith("[") else "[profiles]\n"
    assert help_ in [one.help for one in findings(complete(f"{MODEL}{header}{table}\n"))]


@pytest.mark.parametrize(
    ("lines", "help_"),
    [
        ('engine = "text-embeddings-inference"', 'write `engine = "tei"`'),
        ('engine = "ollama"', 'write `engine = "llamacpp"` for a GGUF file of the hub, or `engine = "command"` with'),
        ('[engines.ollama]\nimage = "x/y:1"', "write `[engines.llamacpp]`"),
        ('[engines.llama-cpp]\nimage = "x/y:1"', "write `[engines.llamacpp]`"),
        ('engine = "tgi"', 'write `engine = "command"` with the `image` and the `command` of this program'),
        ('[engines.tgi]\nimage = "x/y:1"', 'write `engine = "command"` with the `image` and the `command` of'),
        ('engine = "zzz"', "known here: `command`, "),
    ],
)
def test_engines_by_meaning(lines: str, help_: str) -> None:
    found = [one for one in findings(complete(f"{MODEL}{lines}\n")) if "unknown engine" in one.message]
    assert [one.help.startswith(help_) for one in found] == [True]


def test_a_flag_with_another_meaning_elsewhere_is_not_only_completed() -> None:
    toml = complete('[models.x]\nrepo = "a/b"\nargs = { max-model-len = 8, num-gpu = 1 }\n')
    assert any(
        one.help == "remove it, or write `num-gpu-blocks-override`; other tools mean `n-gpu-layers`"
        for one in findings(toml)
    )


def test_tags_are_not_args() -> None:
    assert answer(f"{MODEL}tags = 1\n", "tags").startswith("remove it: write a comment")


def test_a_secret_that_is_moved_is_masked() -> None:
    lines = '[models.qwen.environment]\nHF_TOKEN = "hf_abcdefghijklmnopqrstuvwxyzabcd"\nAPI_KEY = "s3cret-word"\n'
    printed = check(complete(MODEL + lines))
    assert "env = {" in printed
    assert "hf_abcdef" not in printed
    assert "s3cret-word" not in printed.partition("help: write `env")[2].partition("\n\n")[0]


def test_a_profile_that_reserves_too_much_gets_a_size_that_fits() -> None:
    models = "".join(MODEL.replace("qwen", name).replace("a/b", f"a/{name}") for name in ("one", "two"))
    toml = complete(f'{models}[profiles.both]\nmodels = ["one", "two"]\n')
    [found] = findings(toml)
    size = found.help.partition("such as `")[2].partition("`")[0]
    assert size == 'gpu_memory = "11GiB"'
    assert findings(toml.replace("gpus = [", f"{size}\ngpus = [")) == []


def test_another_kind_of_file_is_not_the_right_one() -> None:
    from modelgen.pipeline import compile_source

    [found] = compile_source(b"# Read me\nThis is text.\n", None, path="README.md").diagnostics
    assert found.help == "pass the path of a models.toml, or its folder"
