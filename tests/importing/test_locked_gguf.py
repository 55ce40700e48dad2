"""Command lines of llama.cpp are the same after `import`, `lock` and `build`, except for how they name the model."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from compiling import modelgen
from gguf_files import gguf
from imports import COMPOSE, imported
from modelgen.foreign import read_files
from modelgen.lift.document import lift_lines
from modelgen.lift.recognition import Server, recognize

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

IMAGE = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"
HUB = "/root/.cache/huggingface/hub"
FILE = gguf(
    ("general.architecture", "llama"),
    ("llama.context_length", 32768),
    ("llama.block_count", 2),
    ("llama.embedding_length", 64),
    ("llama.attention.head_count", 4),
    ("tokenizer.chat_template", "{{ messages }}"),
    tensors={"token_embd.weight": 64},
)
FILES = {"m-Q4_K_M.gguf": FILE + bytes(2**10), "m-Q8_0.gguf": FILE, "mmproj-F16.gguf": FILE}
# Command lines, and the files that they open.
FORMS = {
    "-hf org/m-GGUF:Q8_0 -c 8192 -ngl 99": ["m-Q8_0.gguf"],
    "-hf org/m-GGUF -c 8192 -ngl 99 -fa on --jinja": ["m-Q4_K_M.gguf"],
    "-hfr org/m-GGUF -hff m-Q8_0.gguf -c 8192 -ngl 20 -np 2 -ctk q8_0 -ctv q8_0 -fa on": ["m-Q8_0.gguf"],
    "-mu https://huggingface.co/org/m-GGUF/resolve/main/m-Q8_0.gguf -c 8192 -b 512 -ub 256 -ngl 9": ["m-Q8_0.gguf"],
    "-m SNAPSHOT/m-Q4_K_M.gguf -c 8192 --no-mmap --mlock -t 8 -ngl 9": ["m-Q4_K_M.gguf"],
    "-m SNAPSHOT/m-Q4_K_M.gguf -mm SNAPSHOT/mmproj-F16.gguf -c 8192 -ngl 9": ["m-Q4_K_M.gguf", "mmproj-F16.gguf"],
    "-hf org/m-GGUF:Q8_0 -hfd org/d-GGUF:Q8_0 -c 8192 -ngl 9 -ngld 8 --draft-max 16": ["m-Q8_0.gguf", "d-Q8_0.gguf"],
    "-hf org/m-GGUF:Q8_0 -c 8192 --embeddings --pooling mean -ub 8192 -ngl 9": ["m-Q8_0.gguf"],
    "-hf org/m-GGUF:Q8_0 -c 8192 -ot exps=CPU --override-kv a=int:1 --no-context-shift -ngl 9": ["m-Q8_0.gguf"],
    "-hf org/m-GGUF:Q8_0 -c 8192 --reasoning-format deepseek --cache-reuse 256 --slots -ngl 9": ["m-Q8_0.gguf"],
}
BY_VARIABLE = (
    "{image: 'IMAGE', command: --jinja, gpus: all, environment: {LLAMA_ARG_HF_REPO: 'org/m-GGUF:Q8_0', VARIABLES}}"
)
VARIABLES = {"LLAMA_ARG_HF_REPO": "org/m-GGUF:Q8_0", "LLAMA_ARG_CTX_SIZE": "8192", "LLAMA_ARG_N_GPU_LAYERS": "20"}
OPENED = ("model", "mmproj", "spec-draft-model")
NAMED = {*OPENED, "model-url", "hf-repo", "hf-file", "spec-draft-hf"}
ADDED = {"alias", "host", "port", "metrics", "no-webui"}


def servers(text: str) -> dict[str, Server]:
    found = {name: recognize(one, {}) for name, one in read_files([(COMPOSE, text.encode())]).services.items()}
    return {name: one for name, one in found.items() if isinstance(one, Server)}


def flags(server: Server, without: set[str]) -> dict[str, Any]:
    (lifted,) = lift_lines([server])
    return {name: entry.value for name, entry in lifted.line.entries.items() if name not in without}


def opened(server: Server) -> list[str]:
    found = flags(server, set())
    return [posixpath.basename(str(found[name])) for name in OPENED if name in found]


def test_the_command_lines_are_the_same(tmp_path: Path, hub: Hub) -> None:
    commit = hub.add("org/m-GGUF", FILES)
    hub.add("org/d-GGUF", {"d-Q8_0.gguf": FILE})
    snapshot = f"{HUB}/models--org--m-GGUF/snapshots/{commit}"
    text = "services:\n"
    for number, form in enumerate(FORMS):
        command = form.replace("SNAPSHOT", snapshot)
        gpu = f"gpus: [{{driver: nvidia, device_ids: ['{number}']}}]"
        text += f"  s{number}: {{image: '{IMAGE}', {gpu}, volumes: ['./hub:{HUB}'], command: '{command}'}}\n"
    variables = ", ".join(f"{name}: '{value}'" for name, value in VARIABLES.items())
    text += f"  env: {BY_VARIABLE.replace('IMAGE', IMAGE).replace('VARIABLES', variables)}\n"
    (tmp_path / "models.toml").write_text(imported(text, card="RTX 3090").text)
    for command in ("lock", "build"):
        done = modelgen(command, cwd=tmp_path, env=hub.environment)
        assert done.returncode == 0, done.stderr
    theirs, ours = servers(text), servers((tmp_path / "build" / COMPOSE).read_text())
    for number, (form, files) in enumerate(FORMS.items()):
        server = ours[f"s{number}"]
        assert flags(server, NAMED | ADDED) == flags(theirs[f"s{number}"], NAMED), form
        assert opened(server) == files, form
    # `--spec-draft-ngl` is a name of newer builds.
    assert "--n-gpu-layers-draft" in [word.text for word in ours["s6"].words]
    server = ours["env"]
    assert flags(server, NAMED | ADDED) == {"jinja": True, "ctx-size": "8192"}
    layers = server.service.variable("LLAMA_ARG_N_GPU_LAYERS")
    assert layers is not None
    assert layers.text == "20"
